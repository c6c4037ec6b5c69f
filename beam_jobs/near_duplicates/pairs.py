"""The leaks between splits: how many photos of eval have a near-duplicate in train, and the nearest pairs."""

from __future__ import annotations

import heapq
import json
from collections import defaultdict
from collections.abc import Iterable, Iterator
from typing import NamedTuple

import apache_beam as beam
import numpy as np
from apache_beam.pvalue import AsIter, AsSingleton

from beam_jobs.elements import PhotoSource
from beam_jobs.monitoring.metrics import NAMESPACE
from beam_jobs.near_duplicates import EVAL_IN_TRAIN, SEARCH_CUT, SplitPair
from beam_jobs.near_duplicates.bands import sortable, to_array
from beam_jobs.near_duplicates.batches import SPLIT_BIT, Batch, photos_at
from beam_jobs.near_duplicates.hashing import HashedPhoto
from beam_jobs.near_duplicates.nearest import PAIR_BYTES, PARTNERS, FindNearest, Nearest, to_pairs
from beam_jobs.near_duplicates.perceptual_hash import HASH_BYTES
from beam_jobs.once import MapOnce
from beam_jobs.storage.files import write_atomically
from schemas.version_files import NEAR_DUPLICATES_FILE

COPIES_NAMED = 16  # photos with one hash that are named in each split; more of them are the same photo again
PAIRS_NAMED = 10_000  # in all, the nearest

Copies = dict[tuple[bytes | None, str], list[HashedPhoto]]  # (hash, split) to the first photos by their ids


class NearDuplicatePair(NamedTuple):
    """Two photos in different splits. Pairs sort by how near they are, then by their ids.

    Attributes:
      distance: Number of bits in which their hashes differ, of 256.
      seen_id, held_out_id: Their ids; of a photo in train, for instance, and of one in eval.
      seen_photo, held_out_photo: Where to read them again to show them; None if they will not be shown.
    """

    distance: int
    seen_id: str
    held_out_id: str
    seen_photo: PhotoSource | None = None
    held_out_photo: PhotoSource | None = None

    def to_json(self, splits: SplitPair) -> str:
        """One JSON object with sorted keys, without a newline."""
        ids = {splits.held_out: self.held_out_id, splits.seen: self.seen_id}
        return json.dumps({"distance": self.distance, **ids}, sort_keys=True)


class Leak(NamedTuple):
    """The photos of one split, such as eval, that have near-duplicates in another, such as train.

    Attributes:
      photos: Number of photos held out that have a near-duplicate among those seen.
      is_complete: Whether that number is exact, not a lower bound: large groups of photos that are similar but not
        near-duplicates are not all compared.
      pairs: Examples: the nearest, at most `PARTNERS` of a photo held out, `COPIES_NAMED` of equal photos and
        `PAIRS_NAMED` in all, sorted.
      splits: The two.
    """

    photos: int
    is_complete: bool
    pairs: tuple[NearDuplicatePair, ...]
    splits: SplitPair = EVAL_IN_TRAIN


def write_leaks(leaks: Iterable[Leak], staging: str) -> None:
    """Counts the photos, and writes the file of the pairs to the staging folder, empty where there are none."""
    lines = []
    for leak in leaks:
        beam.metrics.Metrics.counter(NAMESPACE, leak.splits.counter).inc(leak.photos)
        if not leak.is_complete:
            beam.metrics.Metrics.counter(NAMESPACE, SEARCH_CUT).inc()
        lines += [pair.to_json(leak.splits) + "\n" for pair in leak.pairs]
    write_atomically(f"{staging}/{NEAR_DUPLICATES_FILE}", "".join(lines).encode())


class FindLeaks(beam.PTransform):
    """Batches -> the Leak of each pair of splits, in any order."""

    def __init__(self, pairs: tuple[SplitPair, ...]):
        super().__init__()
        self._pairs = pairs

    def expand(self, batches: beam.PCollection) -> beam.PCollection:
        leaks = [batches | f"Find{pair.held_out}In{pair.seen}" >> NearDuplicates(pair) for pair in self._pairs]
        return leaks[0] if len(leaks) == 1 else leaks | "GatherLeaks" >> beam.Flatten()


class NearDuplicates(beam.PTransform):
    """Batches -> one element, the Leak across the splits; `bands` says what is found at which size.

    Every worker holds the hashes of all photos held out that have a near-duplicate, 32 bytes each, and one the pairs.
    """

    def __init__(self, splits: SplitPair = EVAL_IN_TRAIN):
        super().__init__()
        self._splits = splits

    def expand(self, batches: beam.PCollection) -> beam.PCollection:
        nearest = batches | "FindNearest" >> FindNearest(self._splits)
        found = batches.pipeline | "GatherFound" >> MapOnce(_gather, AsIter(nearest))
        named = batches | "NamePhotos" >> beam.Map(_name, AsSingleton(found), self._splits).with_output_types(_Named)
        return batches.pipeline | "NamePairs" >> MapOnce(_conclude, AsSingleton(found), AsIter(named), self._splits)


class _Found(NamedTuple):
    """The hashes held out that are near one that was seen, sorted, and the nearest pairs of hashes."""

    held_out: bytes
    pairs: bytes
    is_complete: bool


class _Named(NamedTuple):
    """How many photos of a batch have a near-duplicate among those seen, and the photos of the nearest pairs."""

    count: int
    photos: list[HashedPhoto]


def _gather(nearest: Iterable[Nearest]) -> _Found:
    hashes = [np.empty(0, f"S{HASH_BYTES}")]
    pairs = np.empty((0, PAIR_BYTES), np.uint8)
    is_complete = True
    for one in nearest:
        found = to_pairs(one)
        hashes.append(np.unique(sortable(found[:, :HASH_BYTES])))
        pairs = _nearest_of_all(np.concatenate([pairs, found]))
        is_complete &= one.is_complete
    return _Found(np.sort(np.concatenate(hashes)).tobytes(), pairs.tobytes(), is_complete)


def _nearest_of_all(pairs: np.ndarray) -> np.ndarray:
    distances_first = np.roll(pairs, -HASH_BYTES, axis=1)  # then the hash that was seen, then the one held out
    return pairs[np.argsort(sortable(distances_first))[:PAIRS_NAMED]]


def _name(batch: Batch, found: _Found, splits: SplitPair) -> _Named:
    rows, pairs = to_array(batch.rows), np.frombuffer(found.pairs, np.uint8).reshape(-1, PAIR_BYTES)
    hashes, bits = sortable(rows[:, :HASH_BYTES]), rows[:, HASH_BYTES]
    is_held_out, is_seen = bits == SPLIT_BIT[splits.held_out], bits == SPLIT_BIT[splits.seen]
    count = np.count_nonzero(is_held_out & np.isin(hashes, np.frombuffer(found.held_out, hashes.dtype)))
    held_out, seen = sortable(pairs[:, :HASH_BYTES]), sortable(pairs[:, -HASH_BYTES:])
    is_named = np.where(is_held_out, np.isin(hashes, held_out), is_seen & np.isin(hashes, seen))
    copies = _first_copies(photos_at(batch, np.flatnonzero(is_named).tolist()))
    return _Named(int(count), [one for ones in copies.values() for one in ones])


def _first_copies(photos: Iterable[HashedPhoto]) -> Copies:
    copies: Copies = defaultdict(list)
    for photo in photos:
        ones = copies[photo.hash, photo.split]
        ones.append(photo)
        if len(ones) == 2 * COPIES_NAMED:
            ones[:] = heapq.nsmallest(COPIES_NAMED, ones)
    return {key: heapq.nsmallest(COPIES_NAMED, ones) for key, ones in copies.items()}


def _conclude(found: _Found, named: Iterable[_Named], splits: SplitPair) -> Leak:
    count = 0

    def photos() -> Iterator[HashedPhoto]:
        nonlocal count
        for one in named:
            count += one.count
            yield from one.photos

    copies = _first_copies(photos())
    pairs = sorted(_name_pairs(to_pairs(Nearest(found.pairs, True)), copies, splits))
    return Leak(count, found.is_complete, tuple(pairs[:PAIRS_NAMED]), splits)


def _name_pairs(pairs: np.ndarray, copies: Copies, splits: SplitPair) -> Iterator[NearDuplicatePair]:
    """The pairs of photos of pairs of hashes, which come in the order of their distances."""
    partners: dict[bytes, list[tuple[int, HashedPhoto]]] = defaultdict(list)  # of each hash held out
    for pair in pairs:
        found = partners[pair[:HASH_BYTES].tobytes()]
        seen = copies[pair[-HASH_BYTES:].tobytes(), splits.seen]
        found += [(int(pair[HASH_BYTES]), photo) for photo in seen[: PARTNERS - len(found)]]
    for one_hash, found in partners.items():
        for held_out in copies[one_hash, splits.held_out]:
            for distance, seen in found:
                yield NearDuplicatePair(distance, seen.image_id, held_out.image_id, seen.source, held_out.source)
