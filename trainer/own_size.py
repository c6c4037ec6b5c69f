"""How good an answer is at the photo's own size, where people see it: counts of one record, in bands of rows.

Logits are enlarged as `trainer.enlarging` does it for masks that people get, and compared with the record's mask at the
photo's own size. Beside these two, memory does not grow with the photo.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache

import tensorflow as tf

from schemas.features import SOURCE_MASK
from schemas.fitting import Fit
from schemas.image_size import sides
from schemas.metrics import BOUNDARY_COUNTS_PER_CLASS
from trainer.boundaries import boundary_counts, tolerance_pixels
from trainer.confusion import batch_confusion_matrices
from trainer.enlarging import enlarged_class_ids
from trainer.fitting import cut_padding
from trainer.graphs import graph
from trainer.preprocessing import decode_mask

BAND_PIXELS = 1 << 20  # counted at once, in about 50 MiB


def own_size_counts(
    example: tf.Tensor, logits: tf.Tensor, image_size: int | str, num_classes: int, fit: Fit
) -> tuple[tf.Tensor, tf.Tensor]:
    """Counts the pixels of one record at its photo's own size.

    Args:
      example: A serialized record.
      logits: Of its image, float32 [S, T, C].
      image_size: Which says S and T.
      num_classes: C.
      fit: How the photo was fitted into its image.

    Returns:
      Confusion matrix int64 [C * C] and boundary counts int64 [C * 4]; zeros where the record has no mask at that size.
    """
    return _counter(image_size, num_classes, fit)(example, logits)


@cache
def _counter(
    image_size: int | str, num_classes: int, fit: Fit
) -> Callable[[tf.Tensor, tf.Tensor], tuple[tf.Tensor, tf.Tensor]]:
    """`own_size_counts` as a graph that is traced once: that takes a third of an export of a small model."""
    logits_type = tf.TensorSpec([*sides(image_size), num_classes], tf.float32)

    @graph(input_signature=[tf.TensorSpec([], tf.string), logits_type])
    def count(example: tf.Tensor, logits: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        wanted = {SOURCE_MASK: tf.io.FixedLenFeature([], tf.string, default_value="")}
        source_mask = tf.io.parse_single_example(example, wanted)[SOURCE_MASK]

        def counts() -> tuple[tf.Tensor, tf.Tensor]:
            truth = decode_mask(source_mask)
            size = tf.shape(truth)
            predicted = enlarged_class_ids(cut_padding(logits, size, image_size, fit), size[0], size[1])
            return photo_counts(truth, predicted, num_classes)

        matrix, boundaries = tf.cond(tf.strings.length(source_mask) > 0, counts, lambda: _no_counts(num_classes))
        return tf.reshape(matrix, [num_classes**2]), tf.reshape(boundaries, [num_classes * BOUNDARY_COUNTS_PER_CLASS])

    return count


def photo_counts(truth: tf.Tensor, predicted: tf.Tensor, num_classes: int) -> tuple[tf.Tensor, tf.Tensor]:
    """Counts one photo of any size: class ids uint8 [H, W] twice to int64 [C, C] and [C, 4], as batches are counted."""
    height, width = tf.unstack(tf.shape(truth))
    tolerance = tolerance_pixels(height, width)
    around = tolerance + 1  # rows: how far a boundary pixel's match, and what makes that one a boundary, may lie
    rows = tf.maximum(1, BAND_PIXELS // width)

    def add_band(start: tf.Tensor, matrix: tf.Tensor, boundaries: tf.Tensor) -> tuple[tf.Tensor, ...]:
        end = tf.minimum(start + rows, height)
        above = tf.maximum(0, start - around)
        band = slice(above, tf.minimum(end + around, height))
        inner = slice(start - above, end - above)
        true, guessed = truth[band][tf.newaxis], predicted[band][tf.newaxis]
        own = batch_confusion_matrices(true[:, inner], guessed[:, inner], num_classes)[0]
        return end, matrix + own, boundaries + boundary_counts(true, guessed, num_classes, tolerance, inner)[0]

    nothing = (tf.constant(0), *_no_counts(num_classes))
    _, matrix, boundaries = tf.while_loop(lambda start, *_: start < height, add_band, nothing, parallel_iterations=1)
    return matrix, boundaries


def _no_counts(num_classes: int) -> tuple[tf.Tensor, tf.Tensor]:
    return (
        tf.zeros([num_classes, num_classes], tf.int64),
        tf.zeros([num_classes, BOUNDARY_COUNTS_PER_CLASS], tf.int64),
    )
