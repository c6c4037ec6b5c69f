"""Batches in every way that is compared: `python -m tests.bench.batch_readers NAME CORES IMAGE_SIZE FOLDER`.

NAME is one of READERS, CORES the numbers of the cores to stay on, as in `0,1`, FOLDER that of the shards. Says `ready`,
waits for a line, reads for some seconds, and prints as JSON `examples_per_second` and `cpu_seconds_per_example` of each
window of time.
"""

from __future__ import annotations

import io
import json
import os
import sys
import time
from collections.abc import Iterable, Iterator
from pathlib import Path

import numpy as np
from PIL import Image

from tests.bench.float_lists import BATCH, read_float_lists

WARM_UP = 40  # batches
WINDOWS, WINDOW_SECONDS = 8, 0.4  # many short ones: other work on the machine pauses now and then

Batches = Iterable[tuple]


def training(shards: list[str], image_size: int, augment: bool = False) -> Batches:
    """What the trainer trains on."""
    from trainer.input_pipeline import training_batches

    return training_batches(shards, image_size, BATCH, augment, seed=0)


def training_augmented(shards: list[str], image_size: int) -> Batches:
    """The same with random geometry and colours."""
    return training(shards, image_size, augment=True)


def evaluation(shards: list[str], image_size: int) -> Batches:
    """What the trainer evaluates each epoch on."""
    from trainer.input_pipeline import evaluation_batches

    return evaluation_batches(shards, image_size, BATCH).repeat()


def pillow_loop(shards: list[str], image_size: int) -> Batches:
    """A plain loop with Pillow's decoders, which are libjpeg-turbo and zlib as TensorFlow's are."""
    from schemas import features

    images, masks = [], []
    for values in map(_bytes_of, _records(shards)):
        images.append(np.asarray(Image.open(io.BytesIO(values[features.IMAGE].bytes_list.value[0]))))
        masks.append(np.asarray(Image.open(io.BytesIO(values[features.MASK].bytes_list.value[0]))))
        if len(images) == BATCH:
            yield np.stack(images).astype(np.float32) / np.float32(127.5) - 1, np.stack(masks)
            images, masks = [], []


def tensorflow_loop(shards: list[str], image_size: int, augment: bool = False) -> Batches:
    """A plain loop over one compiled function for each batch: nothing in Python for a single image but its reading."""
    import tensorflow as tf

    from schemas import features
    from trainer.augmentation import augment_batch

    wanted = {name: tf.io.FixedLenFeature([], tf.string) for name in (features.IMAGE, features.MASK)}

    @tf.function(input_signature=[tf.TensorSpec([BATCH], tf.string), tf.TensorSpec([], tf.int64)])
    def decode(examples: tf.Tensor, number: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        values = tf.io.parse_example(examples, wanted)
        images = tf.stack(
            [
                tf.io.decode_jpeg(one, channels=3, dct_method="INTEGER_ACCURATE")
                for one in tf.unstack(values[features.IMAGE])
            ]
        )
        masks = tf.stack([tf.io.decode_png(one, channels=1) for one in tf.unstack(values[features.MASK])])[..., 0]
        images.set_shape([BATCH, image_size, image_size, 3])
        masks.set_shape([BATCH, image_size, image_size])
        if augment:
            images, masks = augment_batch(images, masks, tf.stack([tf.constant(0, tf.int64), number]))
        return tf.cast(images, tf.float32) / 127.5 - 1.0, masks

    batch, number = [], 0
    for record in _records(shards):
        batch.append(record)
        if len(batch) == BATCH:
            yield decode(tf.constant(batch), tf.constant(number, tf.int64))
            batch, number = [], number + 1


def tensorflow_loop_augmented(shards: list[str], image_size: int) -> Batches:
    """The same with the trainer's random geometry and colours."""
    return tensorflow_loop(shards, image_size, augment=True)


def _records(shards: list[str]) -> Iterator[bytes]:
    """Serialized examples, again and again; TensorFlow's reader without tf.data."""
    import tensorflow as tf

    while True:
        for shard in shards:
            yield from tf.compat.v1.io.tf_record_iterator(shard)


def _bytes_of(record: bytes) -> dict:
    import tensorflow as tf

    return tf.train.Example.FromString(record).features.feature


READERS = {
    one.__name__: one
    for one in (
        training,
        training_augmented,
        evaluation,
        pillow_loop,
        tensorflow_loop,
        tensorflow_loop_augmented,
        read_float_lists,
    )
}


def time_windows(batches: Batches) -> dict:
    """Reads some batches, and then says so, waits, and counts those of every window."""
    iterator = iter(batches)
    for _ in range(WARM_UP):
        next(iterator)
    print("ready", flush=True)
    sys.stdin.readline()
    rates, costs = [], []
    for _ in range(WINDOWS):
        start, cpu, count = time.perf_counter(), time.process_time(), 0
        while time.perf_counter() - start < WINDOW_SECONDS:
            next(iterator)
            count += BATCH
        rates.append(count / (time.perf_counter() - start))
        costs.append((time.process_time() - cpu) / count)
    return {"examples_per_second": rates, "cpu_seconds_per_example": costs}


if __name__ == "__main__":
    name, cores, side, folder = sys.argv[1:]
    os.sched_setaffinity(0, map(int, cores.split(",")))  # before TensorFlow counts them
    paths = [str(path) for path in sorted(Path(folder).iterdir())]
    print(json.dumps(time_windows(READERS[name](paths, int(side)))))
