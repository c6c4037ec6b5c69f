"""Confusion matrices and what follows from them; rows are the truth, columns the prediction.

Pixels whose truth is IGNORE_ID are in no matrix.
"""

from __future__ import annotations

import numpy as np

from schemas.features import IGNORE_ID


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
