"""How well predicted boundaries lie on the true ones: counts per example, from which the F-score follows.

The boundary F-score of G. Csurka, D. Larlus, F. Perronnin, "What is a good evaluation measure for semantic
segmentation?", BMVC 2013, with their tolerance of 0.75 % of the diagonal, from counts summed over examples. Distances
are Chebyshev's. Pixels beside ignored ones are no boundary, nor is the edge of the image.

A boundary pixel is kept as one bit, that of its class, so that boundaries of many classes are widened at once.
"""

from __future__ import annotations

import tensorflow as tf

from schemas.features import IGNORE_ID

TOLERANCE = 0.0075  # of the image's diagonal
CLASSES_AT_ONCE = 31  # bits of an int32 without its sign


def tolerance_pixels(height: int | tf.Tensor, width: int | tf.Tensor) -> tf.Tensor:
    """How far apart two boundary pixels of an image may lie and still match, int32."""
    diagonal = tf.norm(tf.cast([height, width], tf.float32))
    return tf.maximum(1, tf.cast(tf.round(TOLERANCE * diagonal), tf.int32))


def batch_boundary_counts(truth: tf.Tensor, predicted: tf.Tensor, num_classes: int) -> tf.Tensor:
    """Counts boundary pixels per example and class: class ids uint8 [N, H, W] twice to int64 [N, C, 4].

    `schemas.metrics.BOUNDARY_COUNTS_PER_CLASS` says what the four are.
    """
    height, width = tf.unstack(tf.shape(truth)[1:])
    return boundary_counts(truth, predicted, num_classes, tolerance_pixels(height, width), slice(None))


def boundary_counts(
    truth: tf.Tensor, predicted: tf.Tensor, num_classes: int, tolerance: tf.Tensor, rows: slice
) -> tf.Tensor:
    """As `batch_boundary_counts`, of some rows of images.

    Args:
      truth, predicted: Class ids [N, H, W], of which a band may be cut out with `tolerance` + 1 rows around `rows`.
      num_classes: C.
      tolerance: Pixels, see `tolerance_pixels`.
      rows: Whose pixels are counted.
    """
    both = tf.concat([tf.cast(predicted, tf.uint8), tf.cast(truth, tf.uint8)], axis=0)  # [2 * N, H, W]
    largest, smallest = _largest_around(both), 255 - _largest_around(255 - both)
    labelled = tf.split(largest, 2)[1] != IGNORE_ID  # so are all eight pixels around
    is_boundary = (largest != smallest) & tf.concat([labelled, labelled], axis=0)
    is_near = tf.zeros_like(is_boundary)
    for first in range(0, num_classes, CLASSES_AT_ONCE):
        bits = tf.where(is_boundary, _bits(both, first), 0)
        wide_predicted, wide_truth = tf.split(_widened(bits, tolerance), 2)
        is_near |= (bits & tf.concat([wide_truth, wide_predicted], axis=0)) != 0
    counts = _count_by_class(both[:, rows], is_boundary[:, rows], is_near[:, rows], num_classes)
    return tf.concat(tf.split(counts, 2), axis=-1)


def _largest_around(values: tf.Tensor) -> tf.Tensor:
    """The largest of each value and those beside it, by side or corner; beyond the edge there are none: [N, H, W]."""
    above = tf.pad(values, [[0, 0], [1, 1], [0, 0]])
    values = tf.maximum(values, tf.maximum(above[:, :-2], above[:, 2:]))
    beside = tf.pad(values, [[0, 0], [0, 0], [1, 1]])
    return tf.maximum(values, tf.maximum(beside[:, :, :-2], beside[:, :, 2:]))


def _bits(class_ids: tf.Tensor, first: int) -> tf.Tensor:
    """The bit of each class from `first` on, int32, and 0 of others."""
    place = tf.cast(class_ids, tf.int32) - first
    is_own = (place >= 0) & (place < CLASSES_AT_ONCE)
    return tf.where(is_own, tf.bitwise.left_shift(1, tf.where(is_own, place, 0)), 0)


def _widened(bits: tf.Tensor, pixels: tf.Tensor) -> tf.Tensor:
    """The bits that are set within `pixels` of each place, by rows and columns: int32 [N, H, W]."""
    return _widened_along(_widened_along(bits, 1, pixels), 2, pixels)


def _widened_along(bits: tf.Tensor, axis: int, pixels: tf.Tensor) -> tf.Tensor:
    """The same along one axis, in steps that double what each place covers."""
    around = [[pixels, pixels] if one == axis else [0, 0] for one in range(3)]
    window = 2 * pixels + 1

    def step(covered: tf.Tensor, values: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        shift = tf.minimum(covered, window - covered)
        if axis == 1:
            return covered + shift, values[:, :-shift] | values[:, shift:]
        return covered + shift, values[:, :, :-shift] | values[:, :, shift:]

    _, values = tf.while_loop(
        lambda covered, _: covered < window,
        step,
        (tf.constant(1), tf.pad(bits, tf.convert_to_tensor(around))),
        shape_invariants=(tf.TensorShape([]), tf.TensorShape([None, None, None])),
    )
    return tf.ensure_shape(values, bits.shape)


def _count_by_class(class_ids: tf.Tensor, chosen: tf.Tensor, near: tf.Tensor, num_classes: int) -> tf.Tensor:
    """Of each class, the chosen pixels and those of them that are near: [N, H, W] to int64 [N, C, 2]."""
    places, size = 2 * tf.cast(class_ids, tf.int32) + tf.cast(near, tf.int32), 2 * num_classes
    places = tf.where(chosen, places, size)  # beyond the last class, which bincount drops
    flat = tf.reshape(places, [tf.shape(places)[0], -1])
    counts = tf.math.bincount(flat, minlength=size, maxlength=size, dtype=tf.int64, axis=-1)
    far, near = tf.unstack(tf.reshape(counts, [-1, num_classes, 2]), axis=-1)
    return tf.stack([far + near, near], axis=-1)
