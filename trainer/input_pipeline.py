"""Reads the shards of a published version into batches of pixels and class ids."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import tensorflow as tf

from schemas import features
from schemas.errors import UserError
from schemas.image_size import sides
from trainer.augmentation import augment_batch, random_crop
from trainer.graphs import unconverted
from trainer.preprocessing import decode_image, decode_mask, scale_pixels
from trainer.sampling import ALIKE, Sampling, repeat_records

SHUFFLE_RECORDS = 4096  # serialized, about 10 kB each: 40 MB
SHARDS_READ_TOGETHER = 4


def find_shards(patterns: Sequence[str]) -> list[str]:
    """Returns the sorted paths of the shards that match glob patterns; UserError if there are none."""
    paths = sorted({path for pattern in patterns for path in tf.io.gfile.glob(pattern)})
    if not paths:
        raise UserError(f"no shards match {', '.join(patterns)}; publish a version with beam_jobs.prepare")
    return paths


def count_records(shards: Sequence[str]) -> int:
    """Counts the records by reading the shards once."""
    return int(read_records(shards).reduce(tf.constant(0, tf.int64), lambda count, _: count + 1))


def parse_example(example: tf.Tensor, image_size: int | str) -> tuple[tf.Tensor, tf.Tensor]:
    """Parses one serialized tf.train.Example into image uint8 [H, W, 3] and class ids or IGNORE_ID uint8 [H, W].

    `image_size` says H and W, see `schemas.image_size`; 0 accepts records of any size.
    """
    wanted = {name: tf.io.FixedLenFeature([], tf.string) for name in (features.IMAGE, features.MASK)}
    values = tf.io.parse_single_example(example, wanted)
    image, mask = decode_image(values[features.IMAGE]), decode_mask(values[features.MASK])
    if not image_size:
        tf.debugging.assert_equal(tf.shape(image)[:2], tf.shape(mask), "image and mask of a record differ in size")
        return image, mask
    height, width = sides(image_size)
    return tf.ensure_shape(image, [height, width, 3]), tf.ensure_shape(mask, [height, width])


class BatchRange(NamedTuple):
    """Which batches of the endless sequence one input pipeline yields.

    Attributes:
      first: Number of the first batch, counted in this pipeline's own; a resumed run has seen the earlier ones.
      pipeline, pipelines: Index and number of pipelines; each reads every `pipelines`-th record, starting at
        `pipeline`.
    """

    first: int = 0
    pipeline: int = 0
    pipelines: int = 1


EVERY_BATCH = BatchRange()


def training_batches(
    shards: Sequence[str],
    image_size: int | str,
    batch_size: int,
    augment: bool,
    seed: int,
    batch_range: BatchRange = EVERY_BATCH,
    cache: bool = False,
    crop_size: int = 0,
    sampling: Sampling = ALIKE,
) -> tf.data.Dataset:
    """Endless shuffled batches, the same for the same seed: float32 [N, H, W, 3] in [-1, 1] and uint8 [N, H, W].

    Where records hold weights, these come third, float32 [N], divided by their mean. A pipeline that starts at a
    later batch continues the sequence of one that starts at the beginning. With a `crop_size`, H and W are that size,
    and each example is a random crop of its record, of any size if `image_size` is 0. `sampling` says how much records
    count.
    """
    first, pipeline, pipelines = batch_range

    @unconverted
    def parse(example: tf.Tensor) -> tuple[tf.Tensor, ...]:
        weights = () if sampling.mean_weight is None else (sampling.weight(example),)
        return *parse_example(example, image_size), *weights

    @unconverted
    def count(number: tf.Tensor, one: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        return sampling.count(number, one), one

    records = read_records(shards)
    if sampling.factors:  # counted before the cache, which holds each record once, and repeated behind it
        counted = records.enumerate().map(count, tf.data.AUTOTUNE)
        if cache:
            counted = counted.map(unconverted(lambda count, one: (count, parse(one))), tf.data.AUTOTUNE).cache()
        records = repeat_records(counted)
    elif cache:
        records = records.map(parse, tf.data.AUTOTUNE).cache()
    # Repeating after the shuffle makes every epoch whole before the next begins; batches may span two epochs.
    dataset = records.shuffle(SHUFFLE_RECORDS, seed=seed).repeat()
    # Skipped before anything is decoded.
    dataset = dataset.skip(first * batch_size * pipelines).shard(pipelines, pipeline)
    if not cache:
        dataset = dataset.map(parse, tf.data.AUTOTUNE)
    if crop_size:

        @unconverted
        def crop(number: tf.Tensor, example: tuple[tf.Tensor, ...]) -> tuple[tf.Tensor, ...]:
            image, mask, *weights = example
            seeds = tf.stack([tf.constant(seed, tf.int64), number * pipelines + pipeline])
            return *random_crop(image, mask, crop_size, seeds), *weights

        dataset = dataset.enumerate(first * batch_size)
        dataset = dataset.map(crop, tf.data.AUTOTUNE)
    dataset = dataset.batch(batch_size, drop_remainder=True).enumerate(first)

    @unconverted
    def finish(number: tf.Tensor, batch: tuple[tf.Tensor, ...]) -> tuple[tf.Tensor, ...]:
        images, masks, *weights = batch
        if augment:
            seeds = tf.stack([tf.constant(seed, tf.int64), number * pipelines + pipeline])
            images, masks = augment_batch(images, masks, seeds)
        return scale_pixels(images), masks, *weights

    return dataset.map(finish, tf.data.AUTOTUNE).prefetch(2)


def evaluation_batches(shards: Sequence[str], image_size: int | str, batch_size: int) -> tf.data.Dataset:
    """Yields every record once: float32 [N, H, W, 3] in [-1, 1] and uint8 [N, H, W]; the last batch may be smaller.

    Where `image_size` is 0, records have any size, and `batch_size` must be 1.
    """
    dataset = read_records(shards).map(
        unconverted(lambda example: parse_example(example, image_size)), tf.data.AUTOTUNE
    )
    dataset = dataset.batch(batch_size)
    return dataset.map(unconverted(lambda images, masks: (scale_pixels(images), masks))).prefetch(2)


def read_records(shards: Sequence[str]) -> tf.data.Dataset:
    """Reads serialized examples, scalar strings, from a few shards at a time, always in the same order."""
    return tf.data.Dataset.from_tensor_slices(list(shards)).interleave(
        tf.data.TFRecordDataset,
        cycle_length=SHARDS_READ_TOGETHER,
        num_parallel_calls=tf.data.AUTOTUNE,
        deterministic=True,
    )
