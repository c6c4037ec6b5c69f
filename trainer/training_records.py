"""Reads the shards of the train split once before training: how many records there are, and how much each counts."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple

import tensorflow as tf

from schemas.bounded_text import enumerated
from schemas.errors import UserError
from schemas.features import fraction_feature
from trainer.graphs import unconverted
from trainer.input_pipeline import count_records, read_records
from trainer.sampling import ALIKE, Sampling, shares_of


class TrainingRecords(NamedTuple):
    """What was found by reading the shards of the train split.

    Attributes:
      records: How many there are.
      in_epoch: How many an epoch has, with repeats.
      sampling: How much each counts.
      notes: What a person should know of it, in lines.
    """

    records: int
    in_epoch: int
    sampling: Sampling
    notes: tuple[str, ...] = ()


def survey_records(
    shards: Sequence[str], class_names: Sequence[str] = (), weighted: bool = False, rare: float = 0.0, seed: int = 0
) -> TrainingRecords:
    """Counts records, and finds out how much each counts; keeps none of them in memory.

    Args:
      shards: Paths of the shards of the train split.
      class_names: In the order of class ids.
      weighted: Whether records hold weights.
      rare: Classes that a smaller share of the records shows are repeated (t); 0 repeats none.
      seed: Of the rounding.

    Raises:
      UserError: All weights are 0, or classes have no names.
    """
    if not weighted and not rare:
        records = count_records(shards)
        return TrainingRecords(records, records, ALIKE)
    if rare and not class_names:
        raise UserError("training.oversample: needs the names of the classes")
    names = [fraction_feature(name) for name in class_names] if rare else []
    records, total, shown = _sums(shards, names, weighted)
    if weighted and not total:
        raise UserError("all training records have weight 0, so nothing is left to learn from; correct the weights")
    mean = total / records if weighted and records else None
    factors = {
        name: math.sqrt(rare * records / count) for name, count in zip(names, shown) if 0 < count < rare * records
    }
    sampling = Sampling(mean, tuple(factors.items()), seed)
    in_epoch = _repeated(shards, sampling) if factors else records
    notes = []
    if rare:
        titles = dict(zip(names, class_names))
        most = sorted(factors.items(), key=lambda one: (-one[1], one[0]))
        repeated = enumerated([f"{titles[name]} {factor:.1f} times" for name, factor in most])
        notes.append(
            f"oversampling: an epoch has {in_epoch:,} photos of {records:,}, those with {repeated}"
            if factors
            else f"oversampling: no class is in fewer than {rare:.0%} of the photos, so none is repeated"
        )
    return TrainingRecords(records, in_epoch, sampling, tuple(notes))


def _sums(shards: Sequence[str], names: Sequence[str], weighted: bool) -> tuple[int, float, list[int]]:
    """The number of records, the sum of their weights, and how many show each class."""

    @unconverted
    def facts(example: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        shares = shares_of(example, names) if names else {}
        shown = tf.stack([shares[name] > 0 for name in names]) if names else tf.zeros([0], tf.bool)
        weight = ALIKE._replace(mean_weight=1.0).weight(example) if weighted else tf.constant(1.0)
        return tf.cast(weight, tf.float64), tf.cast(shown, tf.int64)

    start = tf.constant(0, tf.int64), tf.constant(0.0, tf.float64), tf.zeros([len(names)], tf.int64)
    sums = read_records(shards).map(facts, tf.data.AUTOTUNE)
    records, total, shown = sums.reduce(
        start, lambda before, one: (before[0] + 1, before[1] + one[0], before[2] + one[1])
    )
    return int(records), float(total), shown.numpy().tolist()


def _repeated(shards: Sequence[str], sampling: Sampling) -> int:
    counts = read_records(shards).enumerate().map(unconverted(sampling.count), tf.data.AUTOTUNE)
    return int(counts.reduce(tf.constant(0, tf.int64), lambda total, one: total + one))
