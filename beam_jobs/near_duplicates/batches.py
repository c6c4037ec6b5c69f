"""Hashed photos in batches, whose shuffle costs a hundredth of single photos'."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple

from beam_jobs.elements import PhotoSource, SourceFile
from beam_jobs.near_duplicates.hashing import HashedPhoto
from beam_jobs.near_duplicates.perceptual_hash import HASH_BYTES
from beam_jobs.packing import pack, unpack
from schemas.features import SPLITS

ROW_BYTES = HASH_BYTES + 1
SPLIT_BIT = {split: 1 << index for index, split in enumerate(SPLITS)}
_SPLIT_OF_BIT = {bit: split for split, bit in SPLIT_BIT.items()}

Rows = bytes  # of uint8 [N, 33]: hashes, each with the set of its splits as bits


class Batch(NamedTuple):
    """Photos with a hash: their hashes and, in the same order, packed, their ids and sources."""

    rows: Rows
    names: bytes

    @property
    def photos(self) -> int:
        """Number of photos."""
        return len(self.rows) // ROW_BYTES


def to_batch(photos: Iterable[HashedPhoto]) -> Batch:
    """The photos that are not flat, as one Batch."""
    rows, names = bytearray(), []
    for photo in photos:
        if photo.hash is not None:
            rows += photo.hash + bytes([SPLIT_BIT[photo.split]])
            names.append((photo.image_id, photo.source))
    return Batch(bytes(rows), pack(names))


def photos_at(batch: Batch, indices: Sequence[int]) -> Iterator[HashedPhoto]:
    """The photos at some places of a batch."""
    names = unpack(batch.names) if len(indices) else []
    for index in indices:
        row, (image_id, source) = batch.rows[index * ROW_BYTES : (index + 1) * ROW_BYTES], names[index]
        yield HashedPhoto(image_id, _SPLIT_OF_BIT[row[HASH_BYTES]], row[:HASH_BYTES], _to_source(source))


def _to_source(row: list | None) -> PhotoSource | None:
    return PhotoSource(SourceFile(*row[0]), row[1]) if row else None
