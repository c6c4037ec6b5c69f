"""The training loss."""

from __future__ import annotations

import keras
from keras import ops


def segmentation_loss(truth: keras.KerasTensor, logits: keras.KerasTensor) -> keras.KerasTensor:
    """Cross-entropy plus one minus the soft mean IoU of the batch.

    Cross-entropy gives every pixel a gradient; the IoU term weighs thin classes (the border) like large ones. Soft IoU:
    M. A. Rahman, Y. Wang, "Optimizing Intersection-Over-Union in Deep Neural Networks for Image Segmentation", 2016.

    Args:
      truth: Class ids [N, S, S].
      logits: float32 [N, S, S, C].

    Returns:
      A scalar.
    """
    one_hot = ops.one_hot(ops.cast(truth, "int32"), logits.shape[-1])
    log_probabilities = ops.log_softmax(logits, axis=-1)
    cross_entropy = -ops.mean(ops.sum(one_hot * log_probabilities, axis=-1))
    probabilities = ops.exp(log_probabilities)
    intersection = ops.sum(one_hot * probabilities, axis=(0, 1, 2))
    union = ops.sum(one_hot + probabilities, axis=(0, 1, 2)) - intersection
    return cross_entropy + 1.0 - ops.mean((intersection + 1.0) / (union + 1.0))
