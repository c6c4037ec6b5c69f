"""Measures a training step, a bare one and a forward pass of the same network, for `tests.bench.training`."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path

import keras
import tensorflow as tf

from schemas.errors import UserError
from schemas.features import IGNORE_ID, TRAIN
from schemas.version_files import EXAMPLES_FOLDER
from trainer.config import TrainingConfig
from trainer.input_pipeline import find_shards, training_batches
from trainer.models import build_model
from trainer.models.blocks import ENCODER
from trainer.training import train

EPOCHS = 3  # of each phase: the first builds graphs, the last ends with an evaluation, and the one between counts
MILLI = 1e3


def measure(config: TrainingConfig, shards: list[str], records: int, image_size: int | str, classes: int) -> dict:
    """Milliseconds of processor time for each photo, by what was done with it."""
    steps = records // config.batch_size
    model = build_model(config, config.model_size(image_size), classes)
    if config.encoder_is_pretrained:
        for layer in model.get_layer(ENCODER)._flatten_layers(include_self=False):
            layer.trainable = not isinstance(layer, keras.layers.BatchNormalization)
    batches = training_batches(shards, image_size, config.batch_size, config.augment, 0, crop_size=config.crop_size)
    held = list(batches.take(steps))
    forward = tf.function(lambda images: model(images, training=False), reduce_retracing=True)
    model.compile(
        optimizer=keras.optimizers.AdamW(config.learning_rate),
        loss=keras.losses.SparseCategoricalCrossentropy(from_logits=True, ignore_class=IGNORE_ID),
    )
    fitted = tf.data.Dataset.from_tensor_slices(tuple(tf.stack(column) for column in zip(*held)))

    def per_photo(call: Callable[[], object]) -> float:
        call()
        start = time.process_time()
        call()
        return MILLI * (time.process_time() - start) / (steps * config.batch_size)

    took = {
        "forward pass": per_photo(lambda: [forward(images) for images, _ in held]),
        "Keras' fit": per_photo(lambda: model.fit(fitted, verbose=0)),  # pyright: ignore[reportArgumentType] (its stub)
    }
    ends: list[float] = []
    phases = {"epochs": EPOCHS, "fine_tune_epochs": EPOCHS if config.encoder_is_pretrained else 0}
    quick = config.model_copy(update={**phases, "evaluate_every": 10 * EPOCHS, "checkpoint_steps": 0})
    train(
        quick,
        shards,
        shards,
        image_size,
        classes,
        report=lambda line: ends.append(time.process_time()) if line.startswith("epoch") else None,
    )
    middle = [MILLI * (ends[at] - ends[at - 1]) / (steps * config.batch_size) for at in range(1, len(ends), EPOCHS)]
    names = ("training, encoder frozen", "training") if len(middle) > 1 else ("training",)
    return took | dict(zip(names, middle, strict=True))


def first_records(version: Path, count: int, path: Path) -> None:
    """Writes the first records of a version's train split to one file.

    Raises:
      UserError: It has fewer.
    """
    shards = find_shards([str(version / EXAMPLES_FOLDER / f"Split-{TRAIN}" / "*")])
    with tf.io.TFRecordWriter(str(path)) as writer:
        found = 0
        for example in tf.data.TFRecordDataset(shards):
            if found == count:
                break
            writer.write(example.numpy())
            found += 1
    if found < count:
        raise UserError(f"{version}: {found} records to train on; --photos={found} or less measures with them")
