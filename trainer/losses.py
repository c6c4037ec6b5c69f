"""The training loss."""

from __future__ import annotations

import keras
from keras import ops

from schemas.features import IGNORE_ID


def segmentation_loss(truth: keras.KerasTensor, logits: keras.KerasTensor) -> keras.KerasTensor:
    """Cross-entropy plus one minus the soft mean IoU of the batch.

    Cross-entropy gives every pixel a gradient; the IoU term weighs thin and rare classes like large ones. Soft IoU:
    M. A. Rahman, Y. Wang, "Optimizing Intersection-Over-Union in Deep Neural Networks for Image Segmentation", 2016.

    Args:
      truth: Class ids [N, S, S]; pixels with IGNORE_ID count in neither term.
      logits: float32 [N, S, S, C].

    Returns:
      A scalar; 0 where every pixel is ignored.
    """
    labelled = ops.cast(ops.not_equal(truth, IGNORE_ID), logits.dtype)
    share = ops.maximum(ops.mean(labelled), keras.config.epsilon())  # exactly 1 where nothing is ignored
    one_hot = ops.one_hot(ops.cast(truth, "int32"), logits.shape[-1])  # zeros where ignored
    log_probabilities = ops.log_softmax(logits, axis=-1)
    cross_entropy = -ops.mean(ops.sum(one_hot * log_probabilities, axis=-1)) / share
    probabilities = ops.exp(log_probabilities) * labelled[..., None]
    intersection = ops.sum(one_hot * probabilities, axis=(0, 1, 2))
    union = ops.sum(one_hot + probabilities, axis=(0, 1, 2)) - intersection
    return cross_entropy + 1.0 - ops.mean((intersection + 1.0) / (union + 1.0))
