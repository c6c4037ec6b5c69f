"""A photo to send to a rehearsed endpoint."""

from __future__ import annotations

from pathlib import Path

from schemas import features
from schemas.manifest import read_manifest


def first_photo(version_dir: Path) -> bytes:
    """The encoded photo of the first record of a published version's evaluation split."""
    import tensorflow as tf

    shards = read_manifest(version_dir).splits[features.EVAL].shards
    path = next(version_dir / shard.path for shard in shards if shard.records)
    [record] = tf.data.TFRecordDataset(str(path)).take(1)
    example = tf.train.Example.FromString(record.numpy())
    return example.features.feature[features.IMAGE].bytes_list.value[0]
