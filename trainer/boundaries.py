"""How well predicted boundaries lie on the true ones: counts per example, and the F-score that follows from them.

The boundary F-score of G. Csurka, D. Larlus, F. Perronnin, "What is a good evaluation measure for semantic
segmentation?", BMVC 2013, with their tolerance of 0.75 % of the diagonal, from counts summed over examples. Distances
are Chebyshev's. Pixels beside ignored ones are no boundary, nor is the edge of the image.
"""

from __future__ import annotations

import tensorflow as tf

from schemas.features import IGNORE_ID

TOLERANCE = 0.0075  # of the image's diagonal


def tolerance_pixels(height: int | tf.Tensor, width: int | tf.Tensor) -> tf.Tensor:
    """How far apart two boundary pixels of an image may lie and still match, int32."""
    diagonal = tf.norm(tf.cast([height, width], tf.float32))
    return tf.maximum(1, tf.cast(tf.round(TOLERANCE * diagonal), tf.int32))


def batch_boundary_counts(truth: tf.Tensor, predicted: tf.Tensor, num_classes: int) -> tf.Tensor:
    """Counts boundary pixels per example and class: class ids uint8 [N, H, W] twice to int64 [N, C, 4].

    `schemas.metrics.BOUNDARY_COUNTS_PER_CLASS` says what the four are.
    """
    height, width = tf.unstack(tf.shape(truth)[1:])
    tolerance = tolerance_pixels(height, width)
    labelled = tf.cast(truth != IGNORE_ID, tf.float32)[:, :, :, tf.newaxis]
    inside = _erode(labelled)

    def boundary(class_ids: tf.Tensor) -> tf.Tensor:
        masks = tf.one_hot(tf.cast(class_ids, tf.int32), num_classes) * labelled  # zeros where IGNORE_ID
        return (masks - _erode(masks)) * inside

    true, guessed = boundary(truth), boundary(predicted)
    counts = [
        guessed,
        guessed * _dilate(true, tolerance),
        true,
        true * _dilate(guessed, tolerance),
    ]
    return tf.cast(tf.stack([tf.reduce_sum(one, axis=[1, 2]) for one in counts], axis=-1), tf.int64)


def _dilate(masks: tf.Tensor, pixels: tf.Tensor) -> tf.Tensor:
    """Spreads masks by that many pixels, one at a time: a window's side must be known when the graph is built."""
    _, wider = tf.while_loop(
        lambda step, _: step < pixels,
        lambda step, wider: (step + 1, tf.nn.max_pool2d(wider, 3, 1, "SAME")),
        (tf.constant(0), masks),
    )
    return wider


def _erode(masks: tf.Tensor) -> tf.Tensor:
    """Removes pixels that touch something else by side or corner; the image's edge does not count as something else."""
    return -tf.nn.max_pool2d(-masks, 3, 1, "SAME")
