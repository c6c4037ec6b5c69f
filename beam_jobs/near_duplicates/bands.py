"""Groups hashes that may be near each other, without comparing all pairs: those that agree in a whole band.

A hash has 16 bands of 16 bits. Two that differ in at most 15 bits agree in one band at least (pigeonhole), so they
always meet; of copies cropped by 3 % 97 % do, of those cropped by 8 % 30 %. Hashes with one value in a band are a
bucket: the sorted tables of M. S. Charikar, "Similarity Estimation Techniques from Rounding Algorithms", 2002, and
G. S. Manku et al., "Detecting Near-Duplicates for Web Crawling", 2007. Unrelated hashes agree in a band about once in
2**16, so that 16 million photos fill buckets of 256. Frames of one video agree in most of their bands: their buckets
are crowded, and no more than `COMPARISONS` for each hash in a crowded bucket are made, in the order of the hashes.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import NamedTuple

import apache_beam as beam
import numpy as np
from apache_beam.pvalue import AsIter

from beam_jobs.near_duplicates.batches import ROW_BYTES, Batch, Rows
from beam_jobs.near_duplicates.perceptual_hash import HASH_BYTES

BANDS = HASH_BYTES // 2
NEIGHBOURS = 32  # in the order of its bucket, that each hash is always compared with
COMPARISONS = 1 << 10  # in a crowded bucket, for each of its hashes, at most
ROWS_PER_PARTITION = 1 << 17  # hashes of one band that one worker is to hold: 4 MiB
MAX_ROWS = 1 << 20  # and what it holds at most, however unequally the hashes are spread

_BITS_SET = np.array([value.bit_count() for value in range(256)], np.uint8)
_BLOCK = 1 << 10  # hashes on each side that are compared in one matrix: 4 MiB


class Partition(NamedTuple):
    """Some bands, from `first` to before `end`, and the share of the first one's values that is compared together."""

    first: int
    end: int
    share: int
    shares: int


PlainPartition = tuple[int, int, int, int]  # shuffled form: Beam can encode the key


class Bucketed(NamedTuple):
    """The hashes of a partition, in order and without repetition.

    Attributes:
      rows: uint8 [N, 33], as in `Rows`.
      is_complete: Whether all are here; no more than `MAX_ROWS` are.
    """

    rows: np.ndarray
    is_complete: bool


class PartitionByBand(beam.PTransform):
    """Batches -> (PlainPartition, [Rows]): each hash once a band, or once for all where one worker can hold them."""

    def expand(self, batches: beam.PCollection) -> beam.PCollection:
        counts = batches | "CountPhotos" >> beam.Map(lambda batch: batch.photos).with_output_types(int)
        by_band = beam.FlatMap(_partition, AsIter(counts)).with_output_types(tuple[PlainPartition, Rows])
        return batches | "Partition" >> by_band | "GroupPartitions" >> beam.GroupByKey()


def _partition(batch: Batch, counts: Iterable[int]) -> Iterator[tuple[PlainPartition, Rows]]:
    rows = _distinct(to_array(batch.rows))
    shares = -(-sum(counts) // ROWS_PER_PARTITION)
    bands = BANDS if shares == 1 else 1
    for first in range(0, BANDS, bands):
        share_of_row = band_values(rows, first) % shares
        for share in np.unique(share_of_row):
            yield (first, first + bands, int(share), shares), rows[share_of_row == share].tobytes()


def gather(batches: Iterable[Rows]) -> Bucketed:
    """The distinct rows of a partition; of too many the first in the order of the hashes."""
    held = np.empty((0, ROW_BYTES), np.uint8)
    waiting = bytearray()
    is_complete = True
    for batch in batches:
        waiting += batch
        if len(waiting) > MAX_ROWS * ROW_BYTES:
            held, was_complete = _merge(held, waiting)
            is_complete &= was_complete
            waiting.clear()
    held, was_complete = _merge(held, waiting)
    return Bucketed(held, is_complete and was_complete)


def _merge(held: np.ndarray, waiting: bytearray) -> Bucketed:
    rows = _distinct(np.concatenate([held, to_array(waiting)]))
    return Bucketed(rows[:MAX_ROWS], len(rows) <= MAX_ROWS)


def to_array(rows: Rows | bytearray) -> np.ndarray:
    """uint8 [N, 33]."""
    return np.frombuffer(bytes(rows), np.uint8).reshape(-1, ROW_BYTES)


def _distinct(rows: np.ndarray) -> np.ndarray:
    """Sorted rows in which each hash is there once, with all of its splits."""
    _, first, inverse = np.unique(sortable(rows[:, :HASH_BYTES]), return_index=True, return_inverse=True)
    merged = rows[first]
    np.bitwise_or.at(merged[:, HASH_BYTES], inverse, rows[:, HASH_BYTES])
    return merged


def sortable(columns: np.ndarray) -> np.ndarray:
    """One value for each row of uint8 [N, C], which sorts as its bytes do."""
    return np.ascontiguousarray(columns).view(f"S{columns.shape[1]}").ravel()


def band_order(rows: np.ndarray, band: int) -> np.ndarray:
    """int64 [N]: the rows sorted as if their hashes began with `band`, so that each bucket is in one piece."""
    return np.argsort(sortable(np.roll(rows[:, :HASH_BYTES], -2 * band, axis=1)), kind="stable")


def band_values(rows: np.ndarray, band: int) -> np.ndarray:
    """int64 [N]: the 16 bits of a band."""
    return rows[:, 2 * band].astype(np.int64) << 8 | rows[:, 2 * band + 1]


def distances(first: np.ndarray, second: np.ndarray) -> np.ndarray:
    """int64 [N]: in how many bits the hashes of rows differ, one by one."""
    return _BITS_SET[first[:, :HASH_BYTES] ^ second[:, :HASH_BYTES]].sum(axis=1, dtype=np.int64)


def near_in_blocks(first: np.ndarray, second: np.ndarray, limit: int) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Indices (of `first`, of `second`) of all rows whose hashes differ in at most `limit` bits, block by block."""
    for start in range(0, len(first), _BLOCK):
        left = _bits(first[start : start + _BLOCK])
        for other in range(0, len(second), _BLOCK):
            right = _bits(second[other : other + _BLOCK])
            common = left @ right.T  # small integers, exact in float32
            near = left.sum(axis=1)[:, None] + right.sum(axis=1)[None] - 2 * common <= limit
            indices = np.nonzero(near)
            yield indices[0] + start, indices[1] + other


def _bits(rows: np.ndarray) -> np.ndarray:
    """float32 [N, 256]."""
    return np.unpackbits(rows[:, :HASH_BYTES], axis=1).astype(np.float32)
