"""Pairs of photos that are nearly the same and stand on two sides of the split: what training must not see."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from typing import NamedTuple

import apache_beam as beam
from apache_beam.pvalue import AsDict, AsIter

from beam_jobs.near_duplicates import NEAR_DUPLICATES_FILE
from beam_jobs.near_duplicates.batches import photos_with
from beam_jobs.near_duplicates.candidates import FindNearHashes, NearHashes
from beam_jobs.sources.source_files import PhotoSource
from beam_jobs.storage.files import write_atomically
from schemas.features import EVAL, TRAIN

COPIES_NAMED = 16  # photos with one hash that are named in each split; more of them are the same photo again

Copies = dict[tuple[bytes, str], list[tuple[str, PhotoSource | None]]]  # (hash, split) to ids and sources


class NearDuplicatePair(NamedTuple):
    """Two photos in different splits. Pairs sort by how near they are, then by their ids.

    Attributes:
      distance: Number of bits in which their hashes differ, of 256.
      train_id, eval_id: Their ids.
      train_photo, eval_photo: Where they can be read again, to be shown; None where nobody will.
    """

    distance: int
    train_id: str
    eval_id: str
    train_photo: PhotoSource | None = None
    eval_photo: PhotoSource | None = None

    def to_json(self) -> str:
        """One JSON object with sorted keys, without a newline."""
        return json.dumps({"distance": self.distance, "eval": self.eval_id, "train": self.train_id}, sort_keys=True)


def write_pairs(pairs: tuple[NearDuplicatePair, ...] | None, staging: str) -> int | None:
    """Writes the file of near-duplicates to the staging folder, empty where there are none; returns their number.

    Where nobody looked for them, `pairs` is None, and there is no file and no number.
    """
    if pairs is None:
        return None
    lines = "".join(pair.to_json() + "\n" for pair in pairs)
    write_atomically(f"{staging}/{NEAR_DUPLICATES_FILE}", lines.encode())
    return len(pairs)


class NearDuplicates(beam.PTransform):
    """Batches -> one element, the sorted tuple of all NearDuplicatePairs across the splits.

    `candidates` says what is found at which size. Of more than `COPIES_NAMED` photos that have one hash and one split,
    the first by their ids are named. Memory grows with the number of near-duplicates, not with the number of photos.
    """

    def expand(self, batches: beam.PCollection) -> beam.PCollection:
        near = batches | "FindNearHashes" >> FindNearHashes(across_splits=True)
        hashes = near | "TakeHashes" >> beam.FlatMap(lambda one: [(one.first, None), (one.second, None)])
        copies = (
            batches
            | "KeepNear" >> beam.FlatMap(photos_with, AsDict(hashes))
            # ((hash, split), [(id, source)])
            | "KeyByHash" >> beam.Map(lambda photo: ((photo.hash, photo.split), (photo.image_id, photo.source)))
            | "TakeFirst" >> beam.combiners.Top.SmallestPerKey(COPIES_NAMED)
        )
        return (
            batches.pipeline
            | "StartPairs" >> beam.Impulse()
            | "SortPairs" >> beam.Map(_sorted_pairs, AsIter(near), AsDict(copies))
        )


def _sorted_pairs(_: bytes, near: Iterable[NearHashes], copies: Copies) -> tuple[NearDuplicatePair, ...]:
    return tuple(sorted(pair for one in set(near) for pair in _name_pairs(one, copies)))


def _name_pairs(near: NearHashes, copies: Copies) -> Iterator[NearDuplicatePair]:
    for train_hash, eval_hash in {(near.first, near.second), (near.second, near.first)}:
        for train_id, train_photo in copies.get((train_hash, TRAIN), ()):
            for eval_id, eval_photo in copies.get((eval_hash, EVAL), ()):
                yield NearDuplicatePair(near.distance, train_id, eval_id, train_photo, eval_photo)
