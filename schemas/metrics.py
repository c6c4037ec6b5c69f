"""The metrics of a segmentation model: the one list for all code that computes or shows metrics.

A metric is one entry of METRICS. Evaluator computes it with its confidence interval, and the terminal's table,
`summary.json`, the evaluation page, the model card, the apps and TensorBoard show it. Only the mean IoU, by which
models are blessed, and the IoU of the classes are named elsewhere.

All of them follow from counts of pixels: confusion matrices, whose rows are the truth and whose columns the prediction,
and boundary counts. Pixels whose truth is IGNORE_ID are in neither. What is counted at the size of the records, the
model's, is counted once more at the photos' own sizes where records hold their masks at these.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np

from schemas.features import IGNORE_ID

# Per class: predicted boundary pixels, those of them near a true one, true boundary pixels, those near a predicted one.
BOUNDARY_COUNTS_PER_CLASS = 4
AT_OWN_SIZE = " at the photos' own size"  # ends a label
OWN_SIZE_PREFIX = "own_size_"  # begins a name
BLIND_IOU = 0.005  # an IoU below it is shown as 0.00: the model does not see the class


class Counts(NamedTuple):
    """What is counted, of one image or summed over many; leading axes `...` are those of the caller.

    Attributes:
      matrix: Pixels, int64 [..., C, C].
      boundaries: Boundary pixels, int64 [..., C, BOUNDARY_COUNTS_PER_CLASS].
    """

    matrix: np.ndarray
    boundaries: np.ndarray


class Metric(NamedTuple):
    """One metric.

    Attributes:
      name: Its key in `summary.json` and `model_info.json`, and in Evaluator's results.
      label: What people call it, such as `mean IoU`; of a metric per class it goes before the class's name.
      compute: Counts, at the size that it is about, to float64 [...], or [..., C] where it is per class; NaN where it
        has no value.
      per_class: Whether each class has one.
      needs_boundaries: Whether the confusion matrix alone is not enough.
      higher_is_better: Its direction.
      digits: After the decimal point.
      hub_type: What the Hub's `model-index` calls it; empty where that is `name`.
      at_own_size: Whether it is about the photos' own sizes.
    """

    name: str
    label: str
    compute: Callable[[Counts], np.ndarray]
    per_class: bool = False
    needs_boundaries: bool = False
    higher_is_better: bool = True
    digits: int = 3
    hub_type: str = ""
    at_own_size: bool = False

    def text(self, value: float | None) -> str:
        """The value as people read it; a dash where there is none."""
        return "-" if value is None else f"{value:.{self.digits}f}"


class Figure(NamedTuple):
    """One number: a metric, and the class that it is about where it is per class.

    Attributes:
      metric: The metric.
      class_id: Of the class; None for a metric over all of them.
      class_name: Of the class; empty for a metric over all of them.
      class_title: What people call the class; empty where that is its name.
    """

    metric: Metric
    class_id: int | None = None
    class_name: str = ""
    class_title: str = ""

    @property
    def name(self) -> str:
        """Its name among Evaluator's results and in `intervals`, such as `mean_iou` or `iou_pet`."""
        return f"{self.metric.name}_{self.class_name}" if self.class_name else self.metric.name

    @property
    def label(self) -> str:
        """What people call it, such as `mean IoU`, `IoU of pet` or `IoU of pet at own size`."""
        of_class = f" of {self.class_title or self.class_name}" if self.class_name else ""
        return f"{self.metric.label}{of_class}{AT_OWN_SIZE if self.metric.at_own_size else ''}"

    @property
    def title(self) -> str:
        """The label at the beginning of a line."""
        return self.label[:1].upper() + self.label[1:]

    def of(self, counts: Counts) -> np.ndarray:
        """Its values, float64 [...], from counts at its size; NaN where it has none."""
        values = self.metric.compute(counts)
        return values if self.class_id is None else values[..., self.class_id]


def figures(class_names: Sequence[str], class_titles: Sequence[str] = (), at_own_size: bool = False) -> list[Figure]:
    """Every number of an evaluation, in the order in which they are shown: first those over all classes.

    Args:
      class_names: In the order of class ids.
      class_titles: What people call them; empty where that is their names.
      at_own_size: Whether there are also those at the photos' own sizes.
    """
    shown = [metric for metric in METRICS if at_own_size or not metric.at_own_size]
    return [Figure(metric) for metric in shown if not metric.per_class] + [
        Figure(metric, class_id, name, title)
        for metric in shown
        if metric.per_class
        for class_id, (name, title) in enumerate(zip(class_names, class_titles or class_names))
    ]


def metric_named(name: str) -> Metric:
    """The metric of that name; KeyError where there is none."""
    for metric in METRICS:
        if metric.name == name:
            return metric
    raise KeyError(name)


def confusion_matrix(truth: np.ndarray, predicted: np.ndarray, num_classes: int) -> np.ndarray:
    """Counts pixels: class ids of one shape twice to int64 [C, C]."""
    labelled = truth != IGNORE_ID
    pairs = truth[labelled].astype(np.int64) * num_classes + predicted[labelled].astype(np.int64)
    return np.bincount(pairs, minlength=num_classes**2).reshape(num_classes, num_classes)


def class_iou(matrix: np.ndarray) -> np.ndarray:
    """Intersection over union per class of matrices [..., C, C]: float64 [..., C], NaN for an absent class.

    IoU of class c = TP / (TP + FP + FN): M. Everingham et al., "The PASCAL Visual Object Classes Challenge", IJCV 2010.
    """
    matrix = np.asarray(matrix, np.float64)
    intersection = np.diagonal(matrix, axis1=-2, axis2=-1)
    union = matrix.sum(axis=-2) + matrix.sum(axis=-1) - intersection
    return np.divide(intersection, union, out=np.full_like(union, np.nan), where=union > 0)


def blind_to(matrix: np.ndarray) -> np.ndarray:
    """Classes that a model does not see although masks show them, of matrices [..., C, C]: bool [..., C]."""
    return (np.sum(matrix, axis=-1) > 0) & (class_iou(matrix) < BLIND_IOU)


def mean_iou(matrix: np.ndarray) -> np.ndarray:
    """Mean of `class_iou` over the classes that appear in truth or prediction: float64 [...]; NaN where none does."""
    return _mean_of_finite(class_iou(matrix))


def pixel_accuracy(matrix: np.ndarray) -> np.ndarray:
    """Share of pixels whose class is right, of matrices [..., C, C]: float64 [...]; NaN for an empty matrix."""
    matrix = np.asarray(matrix)
    right, total = np.trace(matrix, axis1=-2, axis2=-1), np.asarray(matrix.sum(axis=(-2, -1)))
    return np.divide(right, total, out=np.full(total.shape, np.nan), where=total > 0)[()]


def boundary_f_scores(boundaries: np.ndarray) -> np.ndarray:
    """F-score per class of boundary counts [..., C, 4]: float64 [..., C], NaN for a class without any boundary.

    `trainer.boundaries` counts them, and names the source.
    """
    guessed, guessed_matched, true, true_matched = np.moveaxis(np.asarray(boundaries, np.float64), -1, 0)
    exists = guessed + true > 0
    precision = np.divide(guessed_matched, guessed, out=np.zeros_like(guessed), where=guessed > 0)
    recall = np.divide(true_matched, true, out=np.zeros_like(true), where=true > 0)
    total = precision + recall
    scores = np.divide(2 * precision * recall, total, out=np.zeros_like(total), where=total > 0)
    return np.where(exists, scores, np.nan)


def _mean_of_finite(values: np.ndarray) -> np.ndarray:
    """The mean over the last axis without NaN; NaN where nothing is left."""
    known = np.isfinite(values)
    count = np.asarray(known.sum(axis=-1))
    total = np.where(known, values, 0.0).sum(axis=-1)
    return np.divide(total, count, out=np.full(count.shape, np.nan), where=count > 0)[()]


def _at_own_size(metric: Metric) -> Metric:
    """The same metric of counts at the photos' own sizes."""
    hub_type = metric.hub_type or metric.name
    return metric._replace(name=f"{OWN_SIZE_PREFIX}{metric.name}", hub_type=hub_type, at_own_size=True)


MEAN_IOU = Metric("mean_iou", "mean IoU", lambda counts: mean_iou(counts.matrix))
IOU = Metric("iou", "IoU", lambda counts: class_iou(counts.matrix), per_class=True)
_AT_MODEL_SIZE = (
    MEAN_IOU,
    Metric("pixel_accuracy", "pixel accuracy", lambda counts: pixel_accuracy(counts.matrix), hub_type="accuracy"),
    IOU,
    Metric(
        "boundary_f_score",
        "boundary F-score",
        lambda counts: _mean_of_finite(boundary_f_scores(counts.boundaries)),
        needs_boundaries=True,
    ),
)
METRICS = (*_AT_MODEL_SIZE, *map(_at_own_size, _AT_MODEL_SIZE))
OWN_SIZE_MEAN_IOU, OWN_SIZE_IOU = (_at_own_size(one) for one in (MEAN_IOU, IOU))
