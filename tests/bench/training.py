"""What a training step costs, against a bare one: `python -m tests.bench.training VERSION --set recipe=good`.

In one process, processor time for each photo of the train split: the network's forward pass alone; Keras' own `fit` of
it, with AdamW and the plain cross-entropy, on batches that lie decoded in memory; our training in its second phase,
which also decodes, augments, smooths labels and averages weights; and in its first phase, with a frozen encoder. An
encoder with weights keeps the statistics of its batch normalization in all of them, as our training does.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import keras
import tensorflow as tf

from schemas.errors import UserError
from schemas.features import IGNORE_ID, TRAIN
from schemas.version import read_version
from schemas.version_files import EXAMPLES_FOLDER
from tests.bench.accuracy import read_settings
from tests.bench.table import print_row
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


def main() -> None:
    """Measures and prints."""
    parser = argparse.ArgumentParser(prog="python -m tests.bench.training", description=__doc__.partition("\n")[0])
    parser.add_argument("version", type=Path, metavar="VERSION", help="folder of a published version")
    parser.add_argument(
        "--set", action="append", default=[], metavar="KEY=VALUE", help="a training setting; repeatable"
    )
    parser.add_argument("--photos", type=int, default=64, help="to measure with (default: 64)")
    options = parser.parse_args()
    config = read_settings(options.set, 0)
    manifest, spec = read_version(options.version)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "train.tfrecord"
        first_records(options.version, options.photos, path)
        took = measure(config, [str(path)], options.photos, manifest.image_size, len(spec.class_names))
    bare = took["Keras' fit"]
    print_row("", ["ms of a photo", "photos/s", "of fit's speed"])
    for name, value in took.items():
        print_row(name, [f"{value:.1f}", f"{MILLI / value:.1f}", f"{bare / value:.2f}"])


if __name__ == "__main__":
    main()
