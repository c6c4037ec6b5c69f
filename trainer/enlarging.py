"""Class ids at a photo's own size: `schemas/enlarging.py`, for TensorFlow's graphs."""

from __future__ import annotations

import tensorflow as tf

BAND_VALUES = 1 << 22  # logits interpolated at once: 16 MiB


def enlarged_class_ids(logits: tf.Tensor, height: tf.Tensor, width: tf.Tensor) -> tf.Tensor:
    """The class of each pixel of a photo: logits float32 [S, T, C] to uint8 [height, width], in bands of rows."""
    source, across_source, classes = (tf.shape(logits)[axis] for axis in range(3))
    above, below, down = _neighbours(source, height)
    left, right, across = _neighbours(across_source, width)
    rows = tf.maximum(1, BAND_VALUES // (width * classes))
    bands = tf.TensorArray(tf.uint8, -(-height // rows), infer_shape=False, element_shape=[None, None])

    def one_band(index: tf.Tensor, bands: tf.TensorArray) -> tuple[tf.Tensor, tf.TensorArray]:
        band = slice(index * rows, tf.minimum((index + 1) * rows, height))
        tall = _between(tf.gather(logits, above[band]), tf.gather(logits, below[band]), down[band, None, None])
        values = _between(tf.gather(tall, left, axis=1), tf.gather(tall, right, axis=1), across[:, None])
        return index + 1, bands.write(index, tf.cast(tf.argmax(values, axis=-1), tf.uint8))

    _, bands = tf.while_loop(lambda index, _: index * rows < height, one_band, (0, bands), parallel_iterations=1)
    return tf.ensure_shape(bands.concat(), [None, None])


def _neighbours(source: tf.Tensor, target: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor, tf.Tensor]:
    scale = tf.cast(tf.cast(source, tf.float64) / tf.cast(target, tf.float64), tf.float32)
    positions = (tf.range(target, dtype=tf.float32) + 0.5) * scale - 0.5
    positions = tf.clip_by_value(positions, 0.0, tf.cast(source - 1, tf.float32))
    low = tf.cast(positions, tf.int32)
    return low, tf.minimum(low + 1, source - 1), positions - tf.cast(low, tf.float32)


def _between(one: tf.Tensor, other: tf.Tensor, share: tf.Tensor) -> tf.Tensor:
    return one + (other - one) * share
