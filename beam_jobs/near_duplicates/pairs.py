"""The leak between the splits: how many photos of eval have a near-duplicate in train, and the nearest pairs."""

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
from beam_jobs.near_duplicates import EVAL_PHOTOS_LEAKED, SEARCH_CUT
from beam_jobs.near_duplicates.bands import sortable, to_array
from beam_jobs.near_duplicates.batches import SPLIT_BIT, Batch, photos_at
from beam_jobs.near_duplicates.hashing import HASH_BYTES, HashedPhoto
from beam_jobs.near_duplicates.nearest import PAIR_BYTES, PARTNERS, FindNearest, Nearest, to_pairs
from beam_jobs.once import MapOnce
from beam_jobs.storage.files import write_atomically
from schemas.features import EVAL, TRAIN
from schemas.version_files import NEAR_DUPLICATES_FILE

COPIES_NAMED = 16  # photos with one hash that are named in each split; more of them are the same photo again
PAIRS_NAMED = 10_000  # in all, the nearest

Copies = dict[tuple[bytes | None, str], list[HashedPhoto]]  # (hash, split) to the first photos by their ids


class NearDuplicatePair(NamedTuple):
    """Two photos in different splits. Pairs sort by how near they are, then by their ids.

    Attributes:
      distance: Number of bits in which their hashes differ, of 256.
      train_id, eval_id: Their ids.
      train_photo, eval_photo: Where to read them again to show them; None if they will not be shown.
    """

    distance: int
    train_id: str
    eval_id: str
    train_photo: PhotoSource | None = None
    eval_photo: PhotoSource | None = None

    def to_json(self) -> str:
        """One JSON object with sorted keys, without a newline."""
        return json.dumps({"distance": self.distance, "eval": self.eval_id, "train": self.train_id}, sort_keys=True)


class Leak(NamedTuple):
    """The photos of eval that have near-duplicates in train.

    Attributes:
      eval_photos: Number of photos of eval that have a near-duplicate in train.
      is_complete: Whether that number is exact, not a lower bound: large groups of photos that are similar but not
        near-duplicates are not all compared.
      pairs: Examples: the nearest, at most `PARTNERS` of a photo of eval, `COPIES_NAMED` of equal photos and
        `PAIRS_NAMED` in all, sorted.
    """

    eval_photos: int
    is_complete: bool
    pairs: tuple[NearDuplicatePair, ...]


def write_leak(leak: Leak, staging: str) -> None:
    """Counts the photos, and writes the file of the pairs to the staging folder, empty where there are none."""
    beam.metrics.Metrics.counter(NAMESPACE, EVAL_PHOTOS_LEAKED).inc(leak.eval_photos)
    if not leak.is_complete:
        beam.metrics.Metrics.counter(NAMESPACE, SEARCH_CUT).inc()
    lines = "".join(pair.to_json() + "\n" for pair in leak.pairs)
    write_atomically(f"{staging}/{NEAR_DUPLICATES_FILE}", lines.encode())


class NearDuplicates(beam.PTransform):
    """Batches -> one element, the Leak across the splits; `bands` says what is found at which size.

    Every worker holds the hashes of all photos of eval that have a near-duplicate, 32 bytes each, and one the pairs.
    """

    def expand(self, batches: beam.PCollection) -> beam.PCollection:
        nearest = batches | "FindNearest" >> FindNearest()
        found = batches.pipeline | "GatherFound" >> MapOnce(_gather, AsIter(nearest))
        named = batches | "NamePhotos" >> beam.Map(_name, AsSingleton(found)).with_output_types(_Named)
        return batches.pipeline | "NamePairs" >> MapOnce(_conclude, AsSingleton(found), AsIter(named))


class _Found(NamedTuple):
    """The hashes of eval that are near one of train, sorted, and the nearest pairs of hashes."""

    eval_hashes: bytes
    pairs: bytes
    is_complete: bool


class _Named(NamedTuple):
    """How many photos of a batch have a near-duplicate in train, and the photos of the nearest pairs."""

    eval_photos: int
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
    distances_first = np.roll(pairs, -HASH_BYTES, axis=1)  # then the hash in train, then the one in eval
    return pairs[np.argsort(sortable(distances_first))[:PAIRS_NAMED]]


def _name(batch: Batch, found: _Found) -> _Named:
    rows, pairs = to_array(batch.rows), np.frombuffer(found.pairs, np.uint8).reshape(-1, PAIR_BYTES)
    hashes, splits = sortable(rows[:, :HASH_BYTES]), rows[:, HASH_BYTES]
    is_eval = splits == SPLIT_BIT[EVAL]
    eval_photos = np.count_nonzero(is_eval & np.isin(hashes, np.frombuffer(found.eval_hashes, hashes.dtype)))
    of_eval, of_train = sortable(pairs[:, :HASH_BYTES]), sortable(pairs[:, -HASH_BYTES:])
    is_named = np.where(is_eval, np.isin(hashes, of_eval), np.isin(hashes, of_train))
    copies = _first_copies(photos_at(batch, np.flatnonzero(is_named).tolist()))
    return _Named(int(eval_photos), [one for ones in copies.values() for one in ones])


def _first_copies(photos: Iterable[HashedPhoto]) -> Copies:
    copies: Copies = defaultdict(list)
    for photo in photos:
        ones = copies[photo.hash, photo.split]
        ones.append(photo)
        if len(ones) == 2 * COPIES_NAMED:
            ones[:] = heapq.nsmallest(COPIES_NAMED, ones)
    return {key: heapq.nsmallest(COPIES_NAMED, ones) for key, ones in copies.items()}


def _conclude(found: _Found, named: Iterable[_Named]) -> Leak:
    eval_photos = 0

    def photos() -> Iterator[HashedPhoto]:
        nonlocal eval_photos
        for one in named:
            eval_photos += one.eval_photos
            yield from one.photos

    copies = _first_copies(photos())
    pairs = sorted(_name_pairs(to_pairs(Nearest(found.pairs, True)), copies))
    return Leak(eval_photos, found.is_complete, tuple(pairs[:PAIRS_NAMED]))


def _name_pairs(pairs: np.ndarray, copies: Copies) -> Iterator[NearDuplicatePair]:
    """The pairs of photos of pairs of hashes, which come in the order of their distances."""
    partners: dict[bytes, list[tuple[int, HashedPhoto]]] = defaultdict(list)  # of each hash in eval
    for pair in pairs:
        found = partners[pair[:HASH_BYTES].tobytes()]
        trained = copies[pair[-HASH_BYTES:].tobytes(), TRAIN]
        found += [(int(pair[HASH_BYTES]), photo) for photo in trained[: PARTNERS - len(found)]]
    for eval_hash, found in partners.items():
        for evaluated in copies[eval_hash, EVAL]:
            for distance, trained in found:
                ids = trained.image_id, evaluated.image_id
                yield NearDuplicatePair(distance, *ids, trained.source, evaluated.source)
