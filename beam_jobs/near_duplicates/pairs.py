"""Pairs of photos that are nearly the same and stand on two sides of the split: what training must not see."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import NamedTuple

import apache_beam as beam
from apache_beam.pvalue import AsDict, AsIter

from beam_jobs.near_duplicates import NEAR_DUPLICATES_FILE
from beam_jobs.near_duplicates.candidates import BatchPhotos, FindNearHashes, NearHashes, photos_with
from beam_jobs.storage.files import write_atomically
from schemas.features import EVAL, TRAIN

COPIES_NAMED = 16  # photos with one hash that are named in each split; more of them are the same photo again

Copies = dict[tuple[bytes, str], list[str]]  # (hash, split) to ids


class NearDuplicatePair(NamedTuple):
    """Two photos in different splits; `distance` is the number of bits in which their hashes differ, of 256.

    Pairs sort by how near they are, then by their ids.
    """

    distance: int
    train_id: str
    eval_id: str

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
    """HashedPhotos -> one element, the sorted tuple of all NearDuplicatePairs across the splits.

    `candidates` says what is found at which size. Of more than `COPIES_NAMED` photos that have one hash and one split,
    the first by their ids are named. Memory grows with the number of near-duplicates, not with the number of photos.
    """

    def expand(self, photos: beam.PCollection) -> beam.PCollection:
        batches = photos | "BatchPhotos" >> BatchPhotos()
        near = batches | "FindNearHashes" >> FindNearHashes(across_splits=True)
        hashes = near | "TakeHashes" >> beam.FlatMap(lambda one: [(one.first, None), (one.second, None)])
        copies = (
            batches
            | "KeepNear" >> beam.FlatMap(photos_with, AsDict(hashes))
            # ((hash, split), [id])
            | "KeyByHash" >> beam.Map(lambda photo: ((photo.hash, photo.split), photo.image_id))
            | "TakeFirst" >> beam.combiners.Top.SmallestPerKey(COPIES_NAMED)
        )
        pairs = near | "NamePairs" >> beam.FlatMap(_name_pairs, AsDict(copies))
        return (
            photos.pipeline
            | "StartPairs" >> beam.Create([None])
            | "SortPairs" >> beam.Map(lambda _, pairs: tuple(sorted(pairs)), AsIter(pairs))
        )


def _name_pairs(near: NearHashes, copies: Copies) -> Iterator[NearDuplicatePair]:
    for train_hash, eval_hash in {(near.first, near.second), (near.second, near.first)}:
        for train_id in copies.get((train_hash, TRAIN), ()):
            for eval_id in copies.get((eval_hash, EVAL), ()):
                yield NearDuplicatePair(near.distance, train_id, eval_id)
