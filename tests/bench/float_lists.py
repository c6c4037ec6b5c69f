"""The same records as plain floats: `python -m tests.bench.float_lists SHARDS IMAGE_SIZE OUTPUT`.

An image is a list of floats in [-1, 1], a mask one of int64: nothing is left to decode or to scale.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

from schemas import features

if TYPE_CHECKING:
    import tensorflow as tf

BATCH = 8  # what the trainer takes where nothing else is configured


def write_float_lists(shards: list[str], image_size: int, folder: Path) -> None:
    """Rewrites each shard, under its name."""
    import tensorflow as tf

    from trainer.input_pipeline import evaluation_batches

    for shard in shards:
        with tf.io.TFRecordWriter(str(folder / Path(shard).name)) as writer:
            for images, masks in evaluation_batches([shard], image_size, BATCH):
                for image, mask in zip(images.numpy(), masks.numpy()):
                    values = {
                        features.IMAGE: tf.train.Feature(float_list=tf.train.FloatList(value=image.ravel())),
                        features.MASK: tf.train.Feature(int64_list=tf.train.Int64List(value=mask.ravel())),
                    }
                    writer.write(tf.train.Example(features=tf.train.Features(feature=values)).SerializeToString())


def read_float_lists(shards: list[str], image_size: int) -> tf.data.Dataset:
    """Endless batches, read as such records usually are; in their own order, which favours them.

    Returns:
      Batches of float32 [N, S, S, 3] in [-1, 1] and int64 [N, S, S].
    """
    import tensorflow as tf

    from trainer.input_pipeline import SHARDS_READ_TOGETHER

    wanted = {
        features.IMAGE: tf.io.FixedLenFeature([image_size, image_size, 3], tf.float32),
        features.MASK: tf.io.FixedLenFeature([image_size, image_size], tf.int64),
    }

    def parse(example: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        values = tf.io.parse_single_example(example, wanted)
        return values[features.IMAGE], values[features.MASK]

    records = tf.data.Dataset.from_tensor_slices(shards).interleave(
        tf.data.TFRecordDataset, cycle_length=SHARDS_READ_TOGETHER, num_parallel_calls=tf.data.AUTOTUNE
    )
    return records.repeat().map(parse, tf.data.AUTOTUNE).batch(BATCH, drop_remainder=True).prefetch(2)


if __name__ == "__main__":
    source, side, target = sys.argv[1:]
    write_float_lists([str(path) for path in sorted(Path(source).iterdir())], int(side), Path(target))
