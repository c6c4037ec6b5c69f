"""Where a record goes: its split, its shard and its place in the shard, decided by hashes of its id alone.

Nothing here depends on the runner, on the number of workers or on the order of the input, so the same ids always give
the same shards.
"""

from __future__ import annotations

import hashlib
from typing import NamedTuple

from schemas.features import EVAL, TEST, TRAIN
from schemas.image_size import sides

MIN_SHARDS = 8  # a shard is the unit of parallel work: small data sets get more shards than their bytes need,
MIN_RECORDS_PER_SHARD = 64  # but not tiny ones

# What a record takes on average, by measurement on photos at 64 to 512 pixels (JPEG quality 92, mask included).
JPEG_BYTES_PER_PIXEL = 0.6
PNG_BYTES_PER_PIXEL = 2.0
SOURCE_MASK_SHARE = 0.05  # of the bytes of photo and mask as they are given


class ShardKey(NamedTuple):
    """Names one shard of one split."""

    split: str
    index: int
    count: int


class SplitSize(NamedTuple):
    """The planned size of a split: number of records and bytes of their source files."""

    records: int
    source_bytes: int


def id_hash(purpose: str, image_id: str) -> int:
    """A uniform 64-bit integer for an id, independent between purposes."""
    return int.from_bytes(hashlib.sha256(f"{purpose}:{image_id}".encode()).digest()[:8], "big")


def split_by_hash(image_id: str, eval_fraction: float, test_fraction: float = 0.0) -> str:
    """`eval` and `test` for about their shares of all ids, else `train`; a share of `test` takes none from `eval`."""
    place = id_hash("split", image_id)
    if place < eval_fraction * 2**64:
        return EVAL
    return TEST if place < (eval_fraction + test_fraction) * 2**64 else TRAIN


def expected_record_bytes(
    image_size: int | str, image_format: str, size: SplitSize, source_masks: bool = False
) -> float:
    """Average bytes of one record before any is encoded; at image size 0 the source files are the estimate.

    Args:
      image_size, image_format: Of the records.
      size: Of the split.
      source_masks: Whether its records keep their masks at the photos' own sizes, too.
    """
    source_bytes = size.source_bytes / max(1, size.records)
    if image_size == 0:
        return source_bytes
    own_mask = SOURCE_MASK_SHARE * source_bytes if source_masks else 0.0
    per_pixel = PNG_BYTES_PER_PIXEL if image_format == "png" else JPEG_BYTES_PER_PIXEL
    return sides(image_size).pixels * per_pixel + own_mask


def shard_count(size: SplitSize, record_bytes: float, shard_bytes: int) -> int:
    """Number of shards for a split: by bytes, but at least enough of them to share the work of a small data set.

    Args:
      size: The split's planned size.
      record_bytes: Expected bytes of one record.
      shard_bytes: Target size of a shard in bytes.
    """
    by_bytes = -(-int(size.records * record_bytes) // shard_bytes)
    by_records = min(MIN_SHARDS, -(-size.records // MIN_RECORDS_PER_SHARD))
    return max(by_bytes, by_records, 1) if size.records else 0


def shard_index(image_id: str, count: int) -> int:
    """The shard of an id among `count`."""
    return id_hash("shard", image_id) % count


def order_in_shard(image_id: str) -> tuple[int, str]:
    """Sort key that shuffles the records of a shard, the same way every time."""
    return id_hash("order", image_id), image_id
