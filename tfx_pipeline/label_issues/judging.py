"""Trains one model for each fold on all the others, and asks it about the fold's own photos."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import NamedTuple

import keras
import numpy as np
import tensorflow as tf

from beam_jobs.codec.png import encode_mask
from beam_jobs.wrapped_lines import print_lines
from schemas.features import IGNORE_ID
from schemas.version import PublishedVersion
from tfx_pipeline.label_issues.folds import Fold
from tfx_pipeline.label_issues.scores import ClassSums, label_quality, softmin
from tfx_pipeline.label_issues.suspicions import agreement
from trainer.config import TrainingConfig
from trainer.graphs import graph
from trainer.input_pipeline import evaluation_batches
from trainer.training import train

BATCH_SIZE = 8


class Judgement(NamedTuple):
    """What a model that has not seen a photo says about its mask.

    Attributes:
      score: What photos are ranked by, see `scores.label_quality`.
      image_id, split: Of the photo.
      fold: Number of the fold that it is in, from 0.
      agreement: Mean IoU of mask and prediction, in [0, 1].
      softmin: Soft minimum of the probabilities that the pixels' classes have, see `scores.softmin`.
      predicted: PNG of the predicted class ids, uint8 [H, W].
    """

    score: float
    image_id: str
    split: str
    fold: int
    agreement: float
    softmin: float
    predicted: bytes


def judge(folds: Sequence[Fold], config: TrainingConfig, version: PublishedVersion) -> list[Judgement]:
    """Judges every record of the folds, the lowest score first; prints the progress of each training."""
    judgements = []
    for index, fold in enumerate(folds):
        others = [one for one in folds if one is not fold]
        count = sum(len(one.members) for one in others)
        print_lines(f"Fold {index + 1} of {len(folds)}: training on {count:,} photos, judging {len(fold.members):,}")
        model = _train(config, [one.path for one in others], fold.path, version)
        judgements += judge_fold(model, index, fold, version)
        keras.backend.clear_session()
    return sorted(judgements)


def _train(config: TrainingConfig, shards: list[str], held_out: str, version: PublishedVersion) -> keras.Model:
    names = version.spec.class_names
    model, _ = train(config, shards, [held_out], version.manifest.image_size, len(names), names)
    return model


def judge_fold(model: keras.Model, index: int, fold: Fold, version: PublishedVersion) -> Iterator[Judgement]:
    """Judges the records of fold number `index` by a model that has not seen them, in their order."""
    num_classes = len(version.spec.class_names)
    answer = _answers(model, num_classes)
    members = iter(fold.members)
    for images, masks in evaluation_batches([fold.path], version.manifest.image_size, BATCH_SIZE):
        for mask, answered in zip(masks.numpy(), zip(*(one.numpy() for one in answer(images, masks)))):
            sums, confidence, predicted = answered
            member = next(members)
            yield Judgement(
                label_quality(ClassSums(*sums.astype(np.float64))),
                member.image_id,
                member.split,
                index,
                agreement(mask, predicted, num_classes),
                softmin(confidence[mask != IGNORE_ID].astype(np.float64)),
                encode_mask(predicted),
            )


def _answers(model: keras.Model, num_classes: int) -> Callable[[tf.Tensor, tf.Tensor], tuple[tf.Tensor, ...]]:
    """From images and masks to ClassSums [N, 4, C], self-confidence [N, H, W] and predicted class ids [N, H, W].

    Self-confidence is the probability of the class that the mask has there; of ignored pixels, it means nothing.
    """

    @graph(reduce_retracing=True)
    def answer(images: tf.Tensor, masks: tf.Tensor) -> tuple[tf.Tensor, ...]:
        mirrored = tf.reverse(model(tf.reverse(images, [2]), training=False), [2])
        logits = (model(images, training=False) + mirrored) / 2.0
        probabilities = tf.nn.softmax(logits)
        labelled = tf.expand_dims(tf.cast(masks != IGNORE_ID, tf.float32), -1)
        truth = tf.one_hot(masks, num_classes)  # nothing where a pixel is ignored
        shared = truth * probabilities
        terms = truth, labelled * probabilities, shared, labelled * tf.square(probabilities)
        sums = tf.stack([tf.reduce_sum(one, axis=(1, 2)) for one in terms], axis=1)
        return sums, tf.reduce_sum(shared, axis=-1), tf.cast(tf.argmax(logits, axis=-1), tf.uint8)

    return answer
