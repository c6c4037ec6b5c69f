"""The training losses."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import keras
import numpy as np
import tensorflow as tf
from keras import ops

from schemas.features import IGNORE_ID

Loss = Callable[[tf.Tensor, tf.Tensor], tf.Tensor]


def segmentation_loss(overlap: str | None = "iou", class_weights: Sequence[float] | None = None) -> Loss:
    """Cross-entropy, plus one minus the soft mean IoU or Dice coefficient of the batch.

    Cross-entropy gives every pixel a gradient; the overlap weighs thin and rare classes like large ones. Soft IoU:
    M. A. Rahman, Y. Wang, "Optimizing Intersection-Over-Union in Deep Neural Networks for Image Segmentation", 2016;
    soft Dice: F. Milletari, N. Navab, S.-A. Ahmadi, "V-Net", 2016, here with plain sums, not squares.

    Args:
      overlap: `iou`, `dice`, or None for cross-entropy alone.
      class_weights: Factor of each class in the cross-entropy, whose mean over pixels is then weighted.

    Returns:
      A function of truth, class ids [N, S, S] where pixels with IGNORE_ID count in neither term, and logits
      [N, S, S, C] to a float32 scalar; 0 where every pixel is ignored.
    """
    weights = None if class_weights is None else np.asarray(class_weights, np.float32)

    def loss(truth: tf.Tensor, logits: tf.Tensor) -> tf.Tensor:
        logits = ops.cast(logits, "float32")
        labelled = ops.cast(ops.not_equal(truth, IGNORE_ID), "float32")
        one_hot = ops.one_hot(ops.cast(truth, "int32"), logits.shape[-1], dtype="float32")  # zeros where ignored
        log_probabilities = ops.log_softmax(logits, axis=-1)
        weighted = one_hot if weights is None else one_hot * weights
        # The mean over labelled pixels, as a ratio of means: sums over large batches lose digits.
        total = ops.maximum(ops.mean(ops.sum(weighted, axis=-1)), keras.config.epsilon())
        cross_entropy = -ops.mean(ops.sum(weighted * log_probabilities, axis=-1)) / total
        if overlap is None:
            return cross_entropy
        probabilities = ops.exp(log_probabilities) * labelled[..., None]
        intersection = ops.sum(one_hot * probabilities, axis=(0, 1, 2))
        areas = ops.sum(one_hot + probabilities, axis=(0, 1, 2))
        if overlap == "iou":
            return cross_entropy + 1.0 - ops.mean((intersection + 1.0) / (areas - intersection + 1.0))
        return cross_entropy + 1.0 - ops.mean((2.0 * intersection + 1.0) / (areas + 1.0))

    return loss
