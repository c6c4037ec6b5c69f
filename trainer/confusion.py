"""Confusion matrices of a batch, counted in TensorFlow's graph; `schemas.metrics` has what follows from them."""

from __future__ import annotations

import tensorflow as tf


def batch_confusion_matrices(truth: tf.Tensor, predicted: tf.Tensor, num_classes: int) -> tf.Tensor:
    """Counts pixels per example: class ids [N, S, S] twice to int64 [N, C, C]."""
    # IGNORE_ID as truth gives indices beyond the last pair of classes, which bincount drops.
    pixels = tf.reshape(tf.cast(truth, tf.int32) * num_classes + tf.cast(predicted, tf.int32), [tf.shape(truth)[0], -1])
    counts = tf.math.bincount(pixels, minlength=num_classes**2, maxlength=num_classes**2, dtype=tf.int64, axis=-1)
    return tf.reshape(counts, [-1, num_classes, num_classes])
