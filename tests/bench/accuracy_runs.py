"""Trains once and evaluates at the model's size and at the photos' own, for `tests.bench.accuracy`."""

from __future__ import annotations

import argparse
import time
from collections.abc import Iterator, Mapping
from functools import partial
from pathlib import Path
from typing import NamedTuple

import keras
import numpy as np
import tensorflow as tf

from beam_jobs.records.sharding import id_hash
from schemas import features
from schemas.errors import UserError
from schemas.features import EVAL, TRAIN
from schemas.fitting import STRETCH, Fit
from schemas.metrics import Counts, figures
from schemas.version import read_version
from schemas.version_files import EXAMPLES_FOLDER
from trainer.averaging import averaging_of
from trainer.boundaries import batch_boundary_counts
from trainer.config import TrainingConfig
from trainer.confusion import batch_confusion_matrices
from trainer.enlarging import enlarged_class_ids
from trainer.fitting import cut_padding
from trainer.graphs import graph
from trainer.input_pipeline import find_shards, parse_example
from trainer.preprocessing import decode_mask, scale_pixels
from trainer.requirements import scales_problem
from trainer.tiling import predict_tiles
from trainer.training import train

HELD_OUT = 5  # one record of so many


class Data(NamedTuple):
    """What a training and its evaluation read.

    Attributes:
      image_size: Of the version; 0 for own sizes.
      class_names: In the order of their ids.
      train, evaluated: Paths of shards.
      own_masks: Id to its mask at the photo's own size, a PNG file, of records that do not hold it; empty without
        `--own_size`.
      also: Paths of other shards to evaluate on.
      fit: Of the version.
    """

    image_size: int
    class_names: tuple[str, ...]
    train: list[str]
    evaluated: list[str]
    own_masks: dict[str, bytes]
    also: list[str]
    fit: Fit = STRETCH


def measure(config: TrainingConfig, data: Data, others: Mapping[str, TrainingConfig]) -> dict:
    """Trains once and evaluates, also as the `others` answer: minutes, and figures by where they were measured.

    Raises:
      UserError: A setting does not fit the data or another one; before anything is trained.
    """
    for one in others.values():
        if problem := scales_problem(one, one.model_size(data.image_size)):
            raise UserError(f"--scales: {problem}")
    keras.backend.clear_session()
    wall, processor = time.monotonic(), time.process_time()
    model, epochs = train(config, data.train, data.evaluated, data.image_size, len(data.class_names), data.class_names)
    minutes = {"wall": (time.monotonic() - wall) / 60, "processor": (time.process_time() - processor) / 60}
    counted, classes = {}, len(data.class_names)
    for name, answers in {"": config, **others}.items():
        for place, shards in ((name, data.evaluated), (f"{name}also ", data.also)):
            model_size, own_size = evaluate(answers, model, shards, data.image_size, classes, data.own_masks, data.fit)
            counted |= {f"{place}at the model's size": model_size, f"{place}at the photos' own size": own_size}
    found = {place: _figures(counts, data.class_names) for place, counts in counted.items() if counts}
    parameters = int(sum(np.prod(one.shape) for one in model.weights))
    curve = [
        {"epoch": one.number, "loss": one.loss, "eval_loss": one.eval_loss, "mean_iou": one.mean_iou} for one in epochs
    ]
    return {"minutes": minutes, "parameters": parameters, **found, "curve": curve}


def evaluate(
    config: TrainingConfig,
    model: keras.Model,
    shards: list[str],
    image_size: int,
    num_classes: int,
    own_masks: dict[str, bytes],
    fit: Fit = STRETCH,
) -> tuple[list[Counts], list[Counts]]:
    """Counts of each photo at the size of its record, and at that of its own mask where a whole-image model has one.

    Logits are averaged and enlarged as the exported model does it.
    """
    size = config.model_size(image_size)

    averaging = averaging_of(config, model, size, num_classes)

    def logits_of(pixels: tf.Tensor) -> tf.Tensor:
        images = scale_pixels(pixels)
        network = partial(model, training=False)
        return averaging.mean(network(images), images, network)

    @graph(reduce_retracing=True)
    def answer(pixels: tf.Tensor) -> tf.Tensor:
        """Logits; class ids of a crop model."""
        if config.crop_size:
            return predict_tiles(logits_of, pixels, size, num_classes)
        return logits_of(pixels[tf.newaxis])[0]

    @graph(reduce_retracing=True)
    def counts(answered: tf.Tensor, truth: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        predicted = answered if config.crop_size else enlarged_class_ids(answered, *tf.unstack(tf.shape(truth)))
        both = (truth[tf.newaxis], predicted[tf.newaxis], num_classes)
        return batch_confusion_matrices(*both)[0], batch_boundary_counts(*both)[0]

    def counted(answered: tf.Tensor, truth: tf.Tensor) -> Counts:
        return Counts(*(one.numpy() for one in counts(answered, truth)))

    at_model_size, at_own_size = [], []
    for image_id, own_mask, image, truth in _records(shards, image_size):
        answered = answer(image)
        at_model_size.append(counted(answered, truth))
        own_mask = own_mask or own_masks.get(image_id)
        if own_mask and not config.crop_size:  # a crop model has answered at the size of the record
            own = decode_mask(own_mask)
            at_own_size.append(counted(cut_padding(answered, tf.shape(own), image_size, fit), own))
    return at_model_size, at_own_size


def _records(shards: list[str], image_size: int) -> Iterator[tuple[str, bytes, tf.Tensor, tf.Tensor]]:
    """Id, mask at the photo's own size (empty without one), image and mask of each record."""
    wanted = {features.SOURCE_MASK: tf.io.FixedLenFeature([], tf.string, default_value="")}
    for example in tf.data.TFRecordDataset(shards) if shards else ():
        own_mask = tf.io.parse_single_example(example, wanted)[features.SOURCE_MASK].numpy()
        yield _id_of(example), own_mask, *parse_example(example, image_size)


def _id_of(example: tf.Tensor) -> str:
    wanted = {features.IMAGE_ID: tf.io.FixedLenFeature([], tf.string)}
    return tf.io.parse_single_example(example, wanted)[features.IMAGE_ID].numpy().decode()


def _figures(counts: list[Counts], class_names: tuple[str, ...]) -> dict[str, float]:
    total = Counts(*(np.sum(one, axis=0) for one in zip(*counts)))
    return {"photos": len(counts)} | {one.name: float(one.of(total)) for one in figures(class_names)}


def read_data(options: argparse.Namespace, folder: Path) -> Data:
    """The shards of the options; with `--holdout`, written into `folder` first.

    Raises:
      UserError: A version can't be read, or has another size than its option is for.
    """
    manifest, spec = read_version(options.version)

    def shards(version: Path, split: str) -> list[str]:
        return find_shards([str(version / EXAMPLES_FOLDER / f"Split-{split}" / "*")])

    training, evaluated = shards(options.version, TRAIN), shards(options.version, EVAL)
    if options.holdout:
        training, evaluated = hold_out(training, folder)
    for option, versions, size in (("own_size", options.own_size, 0), ("also", options.also, manifest.image_size)):
        for version in versions:
            if (found := read_version(version).manifest.image_size) != size:
                raise UserError(f"--{option} {version}: has image_size {found}; give one that has {size}")
    own: dict[str, bytes] = {}
    for version in options.own_size:
        for example in tf.data.TFRecordDataset(shards(version, "*")):
            values = tf.io.parse_single_example(example, {features.MASK: tf.io.FixedLenFeature([], tf.string)})
            own[_id_of(example)] = values[features.MASK].numpy()
    also = [path for version in options.also for path in shards(version, "*")]
    return Data(manifest.image_size, tuple(spec.class_names), training, evaluated, own, also, manifest.fit)


def hold_out(shards: list[str], folder: Path) -> tuple[list[str], list[str]]:
    """Writes a split's records as two files, of which the second holds every fifth by the hash of its id."""
    paths = [str(folder / "train.tfrecord"), str(folder / "held-out.tfrecord")]
    with tf.io.TFRecordWriter(paths[0]) as kept, tf.io.TFRecordWriter(paths[1]) as held:
        for example in tf.data.TFRecordDataset(shards):
            writer = held if id_hash("holdout", _id_of(example)) % HELD_OUT == 0 else kept
            writer.write(example.numpy())
    return paths[:1], paths[1:]
