"""The training losses."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple, Protocol

import keras
import numpy as np
import tensorflow as tf
from keras import ops

from schemas.features import IGNORE_ID


class Loss(Protocol):
    """Truth [N, S, S], logits [N, S, S, C] and, if records have weights, these [N], to a float32 scalar."""

    def __call__(self, truth: tf.Tensor, logits: tf.Tensor, weights: tf.Tensor | None = None) -> tf.Tensor: ...


class PixelTerm(NamedTuple):
    """How pixels count in the cross-entropy; the defaults are its plain mean.

    Attributes:
      class_weights: Factor of each class; the mean over pixels is then weighted.
      focal_gamma: Focal loss: a pixel whose true class has probability p counts (1 - p)^gamma. T.-Y. Lin et al., "Focal
        Loss for Dense Object Detection", ICCV 2017.
      hard_pixels: Share of the labelled pixels, those with the largest loss in the batch, that the mean is over. Online
        hard example mining: A. Shrivastava, A. Gupta, R. Girshick, CVPR 2016.
      label_smoothing: Share of a pixel's label that is the mean label of the 3x3 pixels around it: labels soften along
        borders, where masks are uncertain, and nowhere else.
    """

    class_weights: Sequence[float] | None = None
    focal_gamma: float = 0.0
    hard_pixels: float = 1.0
    label_smoothing: float = 0.0


EVERY_PIXEL = PixelTerm()


def segmentation_loss(overlap: str | None = "iou", pixels: PixelTerm = EVERY_PIXEL) -> Loss:
    """Cross-entropy, plus one minus the soft mean IoU or Dice coefficient of the batch.

    Cross-entropy gives every pixel a gradient; the overlap weighs thin and rare classes like large ones. Soft IoU:
    M. A. Rahman, Y. Wang, "Optimizing Intersection-Over-Union in Deep Neural Networks for Image Segmentation", 2016;
    soft Dice: F. Milletari, N. Navab, S.-A. Ahmadi, "V-Net", 2016, here with plain sums, not squares.

    Args:
      overlap: `iou`, `dice`, or None for cross-entropy alone.
      pixels: How pixels count in the cross-entropy.

    Returns:
      A function of truth, class ids [N, S, S] where pixels with IGNORE_ID count in neither term, and logits
      [N, S, S, C] to a float32 scalar; 0 where every pixel is ignored. Weights [N], 1 on average over all records, make
      a record count in both terms as if it were there that many times.
    """

    def loss(truth: tf.Tensor, logits: tf.Tensor, weights: tf.Tensor | None = None) -> tf.Tensor:
        logits = ops.cast(logits, "float32")
        labelled = ops.cast(ops.not_equal(truth, IGNORE_ID), "float32")
        one_hot = ops.one_hot(ops.cast(truth, "int32"), logits.shape[-1], dtype="float32")  # zeros where ignored
        log_probabilities = ops.log_softmax(logits, axis=-1)
        factors = None if weights is None else ops.cast(weights, "float32")[:, None, None]
        cross_entropy = _cross_entropy(one_hot, labelled, log_probabilities, pixels, factors)
        if overlap is None:
            return cross_entropy
        probabilities = ops.exp(log_probabilities) * labelled[..., None]
        counted = one_hot if factors is None else one_hot * factors[..., None]
        intersection = ops.sum(counted * probabilities, axis=(0, 1, 2))
        if factors is not None:
            probabilities *= factors[..., None]
        areas = ops.sum(counted + probabilities, axis=(0, 1, 2))
        if overlap == "iou":
            return cross_entropy + 1.0 - ops.mean((intersection + 1.0) / (areas - intersection + 1.0))
        return cross_entropy + 1.0 - ops.mean((2.0 * intersection + 1.0) / (areas + 1.0))

    return loss


def _cross_entropy(
    one_hot: tf.Tensor,
    labelled: tf.Tensor,
    log_probabilities: tf.Tensor,
    pixels: PixelTerm,
    factors: tf.Tensor | None = None,
) -> tf.Tensor:
    """The mean over pixels: labels and logarithms [N, S, S, C], and 1 where a pixel is labelled [N, S, S].

    With factors of the records [N, 1, 1], it is divided by the labelled pixels, not by their factors, which are 1 on
    average over all batches: in a batch of its own, a record would otherwise always count the same.
    """
    labels = _smoothed(one_hot, labelled, pixels.label_smoothing) if pixels.label_smoothing else one_hot
    if pixels.class_weights is not None:
        labels *= np.asarray(pixels.class_weights, np.float32)
    weights = ops.sum(labels, axis=-1)
    losses = -ops.sum(labels * log_probabilities, axis=-1)
    if pixels.focal_gamma:
        true = ops.exp(ops.sum(one_hot * log_probabilities, axis=-1))
        losses *= (1.0 - ops.minimum(true, 1.0 - keras.config.epsilon())) ** pixels.focal_gamma  # 0^g has no gradient
    if factors is not None:
        losses *= factors
    if pixels.hard_pixels < 1:
        hard = _hardest(losses, labelled, pixels.hard_pixels)
        losses, weights = losses * hard, weights * hard
    # The mean over labelled pixels, as a ratio of means: sums over large batches lose digits.
    return ops.mean(losses) / ops.maximum(ops.mean(weights), keras.config.epsilon())


def _smoothed(one_hot: tf.Tensor, labelled: tf.Tensor, share: float) -> tf.Tensor:
    """Replaces a share of each label by the mean of the labelled ones around it, [N, S, S, C]."""
    around = tf.nn.avg_pool2d(one_hot, 3, 1, "SAME")
    counted = ops.expand_dims(labelled, -1)
    around /= ops.maximum(tf.nn.avg_pool2d(counted, 3, 1, "SAME"), keras.config.epsilon())
    return (1.0 - share) * one_hot + share * around * counted


def _hardest(losses: tf.Tensor, labelled: tf.Tensor, share: float) -> tf.Tensor:
    """1 for the share of the labelled pixels with the largest losses, else 0: float32 [N, S, S]."""
    descending = tf.sort(tf.reshape(tf.stop_gradient(losses), [-1]), direction="DESCENDING")
    count = tf.cast(tf.math.ceil(share * tf.reduce_sum(labelled)), tf.int32)
    least = descending[tf.maximum(count - 1, 0)]
    return ops.cast(losses >= least, "float32") * labelled
