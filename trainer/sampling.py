"""How much each record counts in training: by the weights that records hold, and by how often they are repeated.

Repeat factor sampling, from A. Gupta, P. Dollár, R. Girshick, "LVIS: A Dataset for Large Vocabulary Instance
Segmentation", CVPR 2019: a class that the share f of all records shows has the repeat factor max(1, sqrt(t / f)), and a
record the largest factor of its classes. Its fraction is rounded at random, here once for each record of a run: an
epoch always has the same length, so a killed run resumes at the same batch.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import tensorflow as tf

from schemas.features import WEIGHT
from trainer.graphs import unconverted


class Sampling(NamedTuple):
    """How much records count; the default is all of them alike, once in each epoch.

    Attributes:
      mean_weight: Of the weights that records hold, all of which are divided by it; None without weights.
      factors: Feature with the share of a class to the class's repeat factor; empty repeats none.
      seed: Of the rounding.
    """

    mean_weight: float | None = None
    factors: tuple[tuple[str, float], ...] = ()
    seed: int = 0

    def weight(self, example: tf.Tensor) -> tf.Tensor:
        """The weight of a serialized record, float32 []; 1 on average."""
        wanted = {WEIGHT: tf.io.FixedLenFeature([], tf.float32)}
        return tf.io.parse_single_example(example, wanted)[WEIGHT] / self.mean_weight

    def count(self, number: tf.Tensor, example: tf.Tensor) -> tf.Tensor:
        """How often an epoch has a serialized record, by its number in reading order: int64 []."""
        names = [name for name, _ in self.factors]
        shares = tf.stack([shares_of(example, names)[name] for name in names])
        factors = tf.where(shares > 0, tf.constant([one for _, one in self.factors], tf.float32), 1.0)
        factor = tf.reduce_max(factors)
        drawn = tf.random.stateless_uniform([], tf.stack([tf.constant(self.seed, tf.int64), number]))
        whole = tf.floor(factor)
        return tf.cast(whole, tf.int64) + tf.cast(drawn < factor - whole, tf.int64)


ALIKE = Sampling()


def repeat_records(records: tf.data.Dataset) -> tf.data.Dataset:
    """(count, element) -> each element that many times."""
    # Declared for elements of one part; a pair comes as two arguments.
    return records.flat_map(unconverted(lambda count, one: tf.data.Dataset.from_tensors(one).repeat(count)))  # pyright: ignore[reportArgumentType]


def shares_of(example: tf.Tensor, names: Sequence[str]) -> dict[str, tf.Tensor]:
    """Each of these features of a serialized record: float32 [], the share of a class."""
    return tf.io.parse_single_example(example, {name: tf.io.FixedLenFeature([], tf.float32) for name in names})
