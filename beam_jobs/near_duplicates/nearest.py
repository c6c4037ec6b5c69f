"""Finds the few nearest photos of one split, such as train, for each photo of another, such as eval."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import NamedTuple

import apache_beam as beam
import numpy as np

from beam_jobs.coders import declare
from beam_jobs.near_duplicates import EVAL_IN_TRAIN, SplitPair, bands
from beam_jobs.near_duplicates.bands import Bucketed, Partition, PartitionByBand, PlainPartition, band_values, sortable
from beam_jobs.near_duplicates.batches import SPLIT_BIT, Rows
from beam_jobs.near_duplicates.perceptual_hash import HASH_BYTES, MAX_DISTANCE

PARTNERS = 4  # of a photo held out that are known, the nearest found
PAIR_BYTES = 2 * HASH_BYTES + 1  # hash held out, distance, hash seen: sorted, the nearest of each hash come first


class Nearest(NamedTuple):
    """Hashes of photos held out with their nearest of those seen.

    Attributes:
      pairs: Of uint8 [N, 65].
      is_complete: Whether every hash held out that shares a band with a near one that was seen is here.
    """

    pairs: bytes
    is_complete: bool


declare(Nearest)


def to_pairs(nearest: Nearest) -> np.ndarray:
    """uint8 [N, 65]."""
    return np.frombuffer(nearest.pairs, np.uint8).reshape(-1, PAIR_BYTES)


class FindNearest(beam.PTransform):
    """Batches -> Nearest; each hash held out is in one of them at most, a hash that is in both splits with itself.

    What is found grows with the photos held out. A crowd of hashes that agree in a band, and of which none of the
    `NEIGHBOURS` is near, is compared further until one is, within the bounds that `bands` sets.

    Args:
      splits: That are compared.
    """

    def __init__(self, splits: SplitPair = EVAL_IN_TRAIN):
        super().__init__()
        self._splits = splits

    def expand(self, batches: beam.PCollection) -> beam.PCollection:
        return (
            batches
            | "ByBand" >> PartitionByBand()
            # (share of the hashes held out, Nearest)
            | "Compare" >> beam.FlatMap(_compare, self._splits).with_output_types(tuple[int, Nearest])
            | "GroupNearest" >> beam.GroupByKey()
            | "MergeNearest" >> beam.MapTuple(lambda _, found: _merge(found)).with_output_types(Nearest)
        )


def _compare(element: tuple[PlainPartition, Iterable[Rows]], splits: SplitPair) -> Iterator[tuple[int, Nearest]]:
    partition, batches = Partition(*element[0]), element[1]
    nearest = find_nearest(bands.gather(batches), range(partition.first, partition.end), splits)
    pairs = to_pairs(nearest)
    share_of_pair = band_values(pairs, 0) % partition.shares
    for share in np.unique(share_of_pair):
        yield int(share), Nearest(pairs[share_of_pair == share].tobytes(), True)
    if not nearest.is_complete:
        yield 0, Nearest(b"", False)


def _merge(found: Iterable[Nearest]) -> Nearest:
    found = list(found)
    pairs = _first_of_each(np.concatenate([to_pairs(one) for one in found]))
    return Nearest(pairs.tobytes(), all(one.is_complete for one in found))


def find_nearest(bucketed: Bucketed, of_bands: Iterable[int], splits: SplitPair = EVAL_IN_TRAIN) -> Nearest:
    """Compares the hashes of a partition in some bands."""
    rows, is_complete = bucketed
    pairs = [np.empty((0, PAIR_BYTES), np.uint8)]
    for band in of_bands:
        found, was_complete = _find_in_band(rows[bands.band_order(rows, band)], band, splits)
        pairs.append(found)
        is_complete &= was_complete
    return Nearest(_first_of_each(np.concatenate(pairs)).tobytes(), is_complete)


def _find_in_band(rows: np.ndarray, band: int, splits: SplitPair) -> tuple[np.ndarray, bool]:
    """uint8 [N, 65] of rows in the order of a band, and whether each was compared as far as it had to be."""
    evaluated = np.flatnonzero(rows[:, HASH_BYTES] & SPLIT_BIT[splits.held_out])
    trained = np.flatnonzero(rows[:, HASH_BYTES] & SPLIT_BIT[splits.seen])
    values, train_values = band_values(rows[evaluated], band), band_values(rows[trained], band)
    start, end = (np.searchsorted(train_values, values, side) for side in ("left", "right"))  # of each one's bucket
    size = end - start
    place = np.searchsorted(trained, evaluated) - start  # where it stands among those seen in its bucket
    found = []
    has_partner = np.zeros(len(evaluated), bool)
    for step in range(bands.NEIGHBOURS):
        live = np.flatnonzero(size > step)
        if not len(live):
            break
        side = step // 2 if step % 2 == 0 else -(step + 1) // 2  # 0, -1, 1, -2, 2, ...: each of a bucket once
        partner = start[live] + (place[live] + side) % size[live]
        pairs = _near_pairs(rows[evaluated[live]], rows[trained[partner]])
        found.append(pairs.rows)
        has_partner[live[pairs.is_near]] = True
    crowded = np.flatnonzero((size > bands.NEIGHBOURS) & ~has_partner)
    is_complete = True
    buckets = np.flatnonzero(np.diff(start[crowded])) + 1
    for searched in np.split(crowded, buckets) if len(crowded) else ():
        bucket = rows[trained[start[searched[0]] : end[searched[0]]]]
        fit = bands.COMPARISONS * (len(searched) + len(bucket)) // len(bucket)
        is_complete &= len(searched) <= fit
        some = rows[evaluated[searched[:fit]]]
        for left, right in bands.near_in_blocks(some, bucket, MAX_DISTANCE):
            found.append(_first_of_each(_near_pairs(some[left], bucket[right]).rows))
    return _first_of_each(np.concatenate([np.empty((0, PAIR_BYTES), np.uint8), *found])), is_complete


class _NearPairs(NamedTuple):
    is_near: np.ndarray  # bool [N]
    rows: np.ndarray  # uint8 [near ones, 65]


def _near_pairs(evaluated: np.ndarray, trained: np.ndarray) -> _NearPairs:
    apart = bands.distances(evaluated, trained)
    is_near = apart <= MAX_DISTANCE
    columns = evaluated[is_near, :HASH_BYTES], apart[is_near, None].astype(np.uint8), trained[is_near, :HASH_BYTES]
    return _NearPairs(is_near, np.concatenate(columns, axis=1))


def _first_of_each(pairs: np.ndarray) -> np.ndarray:
    """The nearest `PARTNERS` of each hash held out, sorted, without repetition."""
    pairs = pairs[np.unique(sortable(pairs), return_index=True)[1]]
    hashes = sortable(pairs[:, :HASH_BYTES])
    is_first = np.ones(len(pairs), bool)
    is_first[1:] = hashes[1:] != hashes[:-1]
    firsts = np.flatnonzero(is_first)
    rank = np.arange(len(pairs)) - firsts[np.cumsum(is_first) - 1]
    return pairs[rank < PARTNERS]
