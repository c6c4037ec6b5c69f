"""Confusion matrices and what follows from them; rows are the truth, columns the prediction.

Pixels whose truth is IGNORE_ID are in no matrix.
"""

from __future__ import annotations

import numpy as np
import tensorflow as tf

from schemas.features import IGNORE_ID


def batch_confusion_matrices(truth: tf.Tensor, predicted: tf.Tensor, num_classes: int) -> tf.Tensor:
    """Counts pixels per example: class ids [N, S, S] twice to int64 [N, C, C]."""
    # IGNORE_ID as truth gives numbers beyond the last pair of classes, which bincount leaves out.
    pixels = tf.reshape(tf.cast(truth, tf.int32) * num_classes + tf.cast(predicted, tf.int32), [tf.shape(truth)[0], -1])
    counts = tf.math.bincount(pixels, minlength=num_classes**2, maxlength=num_classes**2, dtype=tf.int64, axis=-1)
    return tf.reshape(counts, [-1, num_classes, num_classes])


def confusion_matrix(truth: np.ndarray, predicted: np.ndarray, num_classes: int) -> np.ndarray:
    """Counts pixels: class ids of one shape twice to int64 [C, C]."""
    labelled = truth != IGNORE_ID
    pairs = truth[labelled].astype(np.int64) * num_classes + predicted[labelled].astype(np.int64)
    return np.bincount(pairs, minlength=num_classes**2).reshape(num_classes, num_classes)


def class_iou(matrix: np.ndarray) -> np.ndarray:
    """Intersection over union per class of matrices [..., C, C]: float64 [..., C], NaN for a class that is nowhere.

    IoU of class c = TP / (TP + FP + FN): M. Everingham et al., "The PASCAL Visual Object Classes Challenge", IJCV 2010.
    """
    matrix = np.asarray(matrix, np.float64)
    intersection = np.diagonal(matrix, axis1=-2, axis2=-1)
    union = matrix.sum(axis=-2) + matrix.sum(axis=-1) - intersection
    return np.divide(intersection, union, out=np.full_like(union, np.nan), where=union > 0)


def mean_iou(matrix: np.ndarray) -> float:
    """Mean of `class_iou` over the classes that appear in truth or prediction; NaN where none does."""
    values = class_iou(matrix)
    return float(np.nanmean(values)) if np.isfinite(values).any() else float("nan")


def pixel_accuracy(matrix: np.ndarray) -> float:
    """Share of pixels whose class is right; NaN for an empty matrix."""
    total = np.sum(matrix)
    return float(np.trace(matrix) / total) if total else float("nan")
