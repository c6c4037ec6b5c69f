"""Hashes that are near each other, found without comparing all pairs: only hashes that agree in a whole band meet.

A hash has 16 bands of 16 bits. Two that differ in at most 15 bits agree in one band at least (pigeonhole), so they are
always found; of copies cropped by 3 % 97 % are, of those cropped by 8 % 30 %. In a band hashes are sorted with that
band first, and each is compared with the next `WINDOW` that have the same band: the sorted tables of M. S. Charikar,
"Similarity Estimation Techniques from Rounding Algorithms", 2002, and G. S. Manku et al., "Detecting Near-Duplicates
for Web Crawling", 2007. Unrelated hashes agree in a band about once in 2**16, so up to 16 million photos every pair
that shares a band is compared. With more, a pair must also share some bits after the band: 6 for a billion photos.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import NamedTuple

import apache_beam as beam
import numpy as np
from apache_beam.pvalue import AsIter

from beam_jobs.near_duplicates.batches import ROW_BYTES, SPLIT_BIT, Batch, Rows
from beam_jobs.near_duplicates.hashing import HASH_BYTES, MAX_DISTANCE

BANDS = HASH_BYTES // 2
WINDOW = 256  # neighbours that a hash is compared with in one band, at most
ROWS_PER_PARTITION = 1 << 17  # hashes of one band that one worker is to hold: 4 MiB
MAX_ROWS = 1 << 20  # and what it holds at most, however unequally the hashes are spread

_ALL_SPLITS = sum(SPLIT_BIT.values())
_BITS_SET = np.array([value.bit_count() for value in range(256)], np.uint8)

Partition = tuple[int, int, int]  # first band, the one after the last, and share of the first band's values


class NearHashes(NamedTuple):
    """Two hashes in their order and the number of bits in which they differ; the same one twice for equal photos."""

    first: bytes
    second: bytes
    distance: int


class FindNearHashes(beam.PTransform):
    """Batches -> NearHashes, some of them repeatedly; equal hashes are one, named only if they are in several splits.

    The work is at most `BANDS * WINDOW` comparisons a photo and no step holds more than `MAX_ROWS` hashes. Where more
    different ones than that share the values of a partition, which takes eight times as many as expected, the rest is
    not compared in this band. What comes out grows with the number of near-duplicates.

    Args:
      across_splits: Leave out what is near inside one split only.
    """

    def __init__(self, across_splits: bool):
        super().__init__()
        self._across_splits = across_splits

    def expand(self, batches: beam.PCollection) -> beam.PCollection:
        counts = batches | "CountPhotos" >> beam.Map(lambda batch: batch.photos)
        return (
            batches
            # (Partition, Rows)
            | "Partition" >> beam.FlatMap(_partition, AsIter(counts))
            | "GroupPartitions" >> beam.GroupByKey()
            | "Compare" >> beam.FlatMap(_compare, self._across_splits)
        )


def _partition(batch: Batch, counts: Iterable[int]) -> Iterator[tuple[Partition, Rows]]:
    """For each band, the rows of a batch by the share of band values that they belong to; few once for all bands."""
    rows = _distinct(_to_array(batch.rows))
    shares = -(-sum(counts) // ROWS_PER_PARTITION)
    bands = BANDS if shares == 1 else 1  # of a partition: one worker can hold all hashes, or not
    for first in range(0, BANDS, bands):
        share_of_row = _band_values(rows, first) % shares
        for share in np.unique(share_of_row):
            yield (first, first + bands, int(share)), rows[share_of_row == share].tobytes()


def _to_array(rows: Rows | bytearray) -> np.ndarray:
    """uint8 [N, 33]."""
    return np.frombuffer(bytes(rows), np.uint8).reshape(-1, ROW_BYTES)


def _distinct(rows: np.ndarray) -> np.ndarray:
    """Sorted rows in which each hash is there once, with all of its splits."""
    _, first, inverse = np.unique(_sortable(rows), return_index=True, return_inverse=True)
    merged = rows[first]
    np.bitwise_or.at(merged[:, HASH_BYTES], inverse, rows[:, HASH_BYTES])
    return merged


def _sortable(rows: np.ndarray, band: int = 0) -> np.ndarray:
    """One value a row that sorts as its hash does when the hash begins with `band`."""
    return np.ascontiguousarray(np.roll(rows[:, :HASH_BYTES], -2 * band, axis=1)).view(f"S{HASH_BYTES}").ravel()


def _band_values(rows: np.ndarray, band: int) -> np.ndarray:
    """int64 [N]: the 16 bits of a band."""
    return rows[:, 2 * band].astype(np.int64) << 8 | rows[:, 2 * band + 1]


def _compare(element: tuple[Partition, Iterable[Rows]], across_splits: bool) -> Iterator[NearHashes]:
    (first, end, _), batches = element
    rows = _gather(batches)
    if first == 0:
        for row in rows[rows[:, HASH_BYTES] == _ALL_SPLITS]:
            yield NearHashes(row[:HASH_BYTES].tobytes(), row[:HASH_BYTES].tobytes(), 0)
    for band in range(first, end):
        yield from _compare_in_band(rows, band, across_splits)


def _compare_in_band(rows: np.ndarray, band: int, across_splits: bool) -> Iterator[NearHashes]:
    rows = rows[np.argsort(_sortable(rows, band), kind="stable")]
    hashes, splits, values = rows[:, :HASH_BYTES], rows[:, HASH_BYTES], _band_values(rows, band)
    for step in range(1, WINDOW + 1):
        left = np.flatnonzero(values[step:] == values[:-step])
        if not len(left):
            break  # no value is there more often
        right = left + step
        if across_splits:
            across = splits[left] | splits[right] == _ALL_SPLITS
            left, right = left[across], right[across]
        distances = _BITS_SET[hashes[left] ^ hashes[right]].sum(axis=1, dtype=np.int64)
        for index in np.flatnonzero(distances <= MAX_DISTANCE):
            first, second = sorted((hashes[left[index]].tobytes(), hashes[right[index]].tobytes()))
            yield NearHashes(first, second, int(distances[index]))


def _gather(batches: Iterable[Rows]) -> np.ndarray:
    """The distinct rows of a partition, the first `MAX_ROWS` in the order of the hashes."""
    held = np.empty((0, ROW_BYTES), np.uint8)
    waiting = bytearray()
    for batch in batches:
        waiting += batch
        if len(waiting) > MAX_ROWS * ROW_BYTES:
            held = _merge(held, waiting)
            waiting.clear()
    return _merge(held, waiting)


def _merge(held: np.ndarray, waiting: bytearray) -> np.ndarray:
    return _distinct(np.concatenate([held, _to_array(waiting)]))[:MAX_ROWS]
