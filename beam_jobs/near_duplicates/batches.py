"""Hashed photos by the batch, which move at a hundredth of what single photos cost."""

from __future__ import annotations

from collections.abc import Container, Iterable, Iterator
from typing import NamedTuple

import apache_beam as beam

from beam_jobs.near_duplicates.hashing import HASH_BYTES, HashedPhoto
from beam_jobs.sources.source_files import PhotoSource
from schemas.features import SPLITS

_PHOTOS_PER_BATCH = 1 << 12

ROW_BYTES = HASH_BYTES + 1
SPLIT_BIT = {split: 1 << index for index, split in enumerate(SPLITS)}
_SPLIT_OF_BIT = {bit: split for split, bit in SPLIT_BIT.items()}

Rows = bytes  # of uint8 [N, 33]: hashes, each with the set of its splits as bits


class Batch(NamedTuple):
    """Photos with a hash: ids, hashes and sources in the same order."""

    image_ids: list[str]
    rows: Rows
    sources: list[PhotoSource | None]


class BatchPhotos(beam.PTransform):
    """HashedPhotos -> Batches of those that are not flat."""

    def expand(self, photos: beam.PCollection) -> beam.PCollection:
        return (
            photos
            | "Batch" >> beam.BatchElements(_PHOTOS_PER_BATCH, _PHOTOS_PER_BATCH)
            | "ToRows" >> beam.Map(to_batch)
        )


def to_batch(photos: Iterable[HashedPhoto]) -> Batch:
    """The photos that are not flat, as one Batch."""
    kept = [photo for photo in photos if photo.hash is not None]
    rows = b"".join(photo.hash + bytes([SPLIT_BIT[photo.split]]) for photo in kept)
    return Batch([photo.image_id for photo in kept], rows, [photo.source for photo in kept])


def photos_with(batch: Batch, hashes: Container[bytes]) -> Iterator[HashedPhoto]:
    """The photos of a batch that have one of some hashes."""
    for index, image_id in enumerate(batch.image_ids):
        row = batch.rows[index * ROW_BYTES : (index + 1) * ROW_BYTES]
        if row[:HASH_BYTES] in hashes:
            yield HashedPhoto(image_id, _SPLIT_OF_BIT[row[HASH_BYTES]], row[:HASH_BYTES], batch.sources[index])
