"""TFMA metrics of a segmentation model, exact, from a few counts per example, with confidence intervals.

The model's `evaluate` signature returns per example `confusion_matrix` [C*C], rows the true class, columns the
predicted class, in pixels; `boundary_counts` [C*4]; both once more at the photo's own size, where the record holds its
mask at that size; and `fingerprint`, a hash of the example. These metrics sum the counts of a slice and derive from the
sums what `schemas.metrics` defines. A class that is absent from both truth and prediction of a slice has no IoU: it is
NaN and is left out of the mean. No label is needed.

Intervals are those of `schemas.bootstrap`, over examples. Where records name groups, such as videos, the weights follow
from the group: photos that resemble each other are drawn together, or intervals would be too narrow.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import NamedTuple

import apache_beam as beam
import numpy as np
import tensorflow_model_analysis as tfma
from tensorflow_model_analysis.metrics import metric_types

from schemas.bootstrap import BOUNDS, REPLICATES, fingerprint_of, weights_of
from schemas.exported_model import (
    BOUNDARY_COUNTS,
    CONFUSION_MATRIX,
    FINGERPRINT,
    OWN_SIZE_BOUNDARY_COUNTS,
    OWN_SIZE_CONFUSION_MATRIX,
)
from schemas.metrics import BOUNDARY_COUNTS_PER_CLASS, MEAN_IOU, Counts, Figure, blind_to, metric_named

SUMMED_MATRIX = "summed_confusion_matrix"  # an array of C * C pixel counts
SUMMED_PHOTOS = "photos_with_class"  # an array of C: examples whose mask shows the class; the other metrics are numbers
MEAN_IOU_CHANGE = f"{MEAN_IOU.name}_change"  # against the last blessed model; NaN without one
BLIND = "blind_to"  # 1 where masks show the class and the model does not see it, else 0
_COUNTS = "_segmentation_counts"  # TFMA keeps names with a leading underscore out of its results


class SummedCounts(NamedTuple):
    """Sums over examples: `total` int64 [K] and `replicates` int64 [REPLICATES, K], K = C * C + C * 4 + C.

    They are the confusion matrix, the boundary counts, and for each class the examples whose mask shows it; then matrix
    and boundary counts at the photos' own sizes, where these are measured.
    """

    total: np.ndarray
    replicates: np.ndarray


Sums = dict[tfma.metrics.MetricKey, SummedCounts]
Values = dict[tfma.metrics.MetricKey, "float | np.ndarray"]


def bound_name(metric: str, bound: str) -> str:
    """Name of the metric that holds the `low` or `high` end of a metric's confidence interval."""
    return f"{metric}_{bound}"


def metric_values(counts: np.ndarray, metric: str, num_classes: int, class_id: int | None = None) -> np.ndarray:
    """A metric of summed counts [..., K]: float64 [...].

    Args:
      counts: As in SummedCounts.
      metric: Name of one of `schemas.metrics.METRICS`, or BLIND.
      num_classes: C.
      class_id: For a metric per class.
    """
    parts = _parts(counts, num_classes)
    if metric == BLIND:
        return blind_to(_pixels(parts, num_classes).matrix)[..., class_id].astype(np.float64)
    figure = Figure(metric_named(metric), class_id)
    return figure.of(_pixels(parts[3:] if figure.metric.at_own_size else parts, num_classes))


def _pixels(parts: list[np.ndarray], num_classes: int) -> Counts:
    """The first two of some parts as counts."""
    matrix, boundaries = parts[:2]
    return Counts(
        matrix.reshape(*matrix.shape[:-1], num_classes, num_classes),
        boundaries.reshape(*matrix.shape[:-1], num_classes, BOUNDARY_COUNTS_PER_CLASS),
    )


def _parts(counts: np.ndarray, num_classes: int) -> list[np.ndarray]:
    """The three or five parts of SummedCounts, flat."""
    sizes = _sizes(num_classes, at_own_size=True)
    return np.split(counts, np.cumsum(sizes)[:-1], axis=-1)


def _sizes(num_classes: int, at_own_size: bool) -> list[int]:
    """Sizes of the parts."""
    pixels = [num_classes**2, num_classes * BOUNDARY_COUNTS_PER_CLASS]
    return [*pixels, num_classes, *(pixels if at_own_size else [])]


# Takes `source_sha256`, the digest of its code, only so that the EvalConfig contains it.
class SegmentationMetric(tfma.metrics.Metric):
    """One metric of a slice, or one end of its confidence interval; see `metric_values`; or one of the arrays."""

    def __init__(
        self,
        metric: str,
        num_classes: int,
        name: str,
        class_id: int | None = None,
        bound: str | None = None,
        group: str | None = None,
        at_own_size: bool = False,
        source_sha256: str = "",
    ):
        super().__init__(
            _computations,
            metric=metric,
            num_classes=num_classes,
            name=name,
            class_id=class_id,
            bound=bound,
            group=group,
            at_own_size=at_own_size,
        )


metric_types.register_metric(SegmentationMetric)


# TFMA passes the arguments that it names: those of the metric, and `model_names` of the EvalConfig.
def _computations(
    metric: str,
    num_classes: int,
    name: str,
    class_id: int | None,
    bound: str | None,
    group: str | None = None,
    at_own_size: bool = False,
    model_names: list[str] | None = None,
) -> tfma.metrics.MetricComputations:
    """Per model: the sums of the slice's counts (TFMA computes equal ones once), and the metric derived from them."""
    computations = []
    for model_name in model_names or [""]:
        counts_key = tfma.metrics.MetricKey(name=_COUNTS, model_name=model_name)
        metric_key = tfma.metrics.MetricKey(name=name, model_name=model_name)

        def result(metrics: Sums, counts_key=counts_key, metric_key=metric_key) -> Values:
            total, replicates = metrics[counts_key]
            if metric in (SUMMED_MATRIX, SUMMED_PHOTOS):
                matrix, _, photos, *_ = _parts(total.astype(np.float64), num_classes)
                return {metric_key: matrix if metric == SUMMED_MATRIX else photos}
            if bound is None:
                return {metric_key: float(metric_values(total, metric, num_classes, class_id))}
            if metric == MEAN_IOU_CHANGE:
                values = _changes(metrics, counts_key, num_classes)
            else:
                values = metric_values(replicates, metric, num_classes, class_id)
            values = values[np.isfinite(values) & (not _drawn_from_one(total, replicates))]
            return {metric_key: float(np.quantile(values, BOUNDS[bound])) if values.size else float("nan")}

        computations += [
            tfma.metrics.MetricComputation(
                keys=[counts_key],
                preprocessors=[tfma.metrics.FeaturePreprocessor([group])] if group else None,
                combiner=_SumCounts(counts_key, num_classes, group, at_own_size),
            ),
            tfma.metrics.DerivedMetricComputation(keys=[metric_key], result=result),
        ]
    return computations


def _changes(metrics: Sums, counts_key: tfma.metrics.MetricKey, num_classes: int) -> np.ndarray:
    """Change of the mean IoU in each replicate against the last blessed model, float64 [REPLICATES]; NaN without one.

    Both models are measured on the same examples, and an example has the same weights for both: what is hard for both
    of them does not widen the interval of the change.
    """
    baseline = tfma.metrics.MetricKey(name=_COUNTS, model_name=tfma.BASELINE_KEY)
    if baseline not in metrics or counts_key == baseline:
        return np.full(REPLICATES, np.nan)
    now, then = (metric_values(metrics[key].replicates, MEAN_IOU.name, num_classes) for key in (counts_key, baseline))
    return now - then


def _drawn_from_one(total: np.ndarray, replicates: np.ndarray) -> bool:
    """Whether all replicates repeat one example or one group, from which nothing follows about others."""
    sums = replicates.sum(axis=-1)
    shares = replicates[sums > 0] / sums[sums > 0, None]
    return bool(np.allclose(shares, total / max(1, total.sum()), rtol=1e-9, atol=0))


class _SumCounts(beam.CombineFn):
    """Adds up the counts of examples, once unweighted and once per bootstrap replicate."""

    def __init__(self, key: tfma.metrics.MetricKey, num_classes: int, group: str | None, at_own_size: bool):
        self._key = key
        self._num_classes = num_classes
        self._group = group
        self._at_own_size = at_own_size

    def create_accumulator(self) -> SummedCounts:
        size = sum(_sizes(self._num_classes, self._at_own_size))
        return SummedCounts(np.zeros(size, np.int64), np.zeros((REPLICATES, size), np.int64))

    def add_input(self, accumulator: SummedCounts, element: tfma.metrics.StandardMetricInputs) -> SummedCounts:
        counts, fingerprint = self._counts(element.get_predictions(self._key.model_name))
        if self._group:  # its examples are drawn together
            fingerprint = fingerprint_of(np.ravel(np.asarray((element.features or {})[self._group]))[0])
        weights = weights_of(fingerprint)
        return SummedCounts(accumulator.total + counts, accumulator.replicates + weights[:, None] * counts)

    def merge_accumulators(self, accumulators: Iterable[SummedCounts]) -> SummedCounts:
        merged = self.create_accumulator()
        for one in accumulators:
            merged = SummedCounts(merged.total + one.total, merged.replicates + one.replicates)
        return merged

    def extract_output(self, accumulator: SummedCounts) -> Sums:
        return {self._key: accumulator}

    def _counts(self, predictions: object) -> tuple[np.ndarray, int]:
        """The counts of one example, int64 [K], and its fingerprint; from arrays by the names of the outputs."""
        if not isinstance(predictions, Mapping):
            raise ValueError(f"the model returned {type(predictions).__name__}, expected arrays by name")
        matrix, boundaries = self._pair(predictions, CONFUSION_MATRIX, BOUNDARY_COUNTS)
        shown = matrix.reshape(self._num_classes, self._num_classes).any(axis=1)
        counts = [matrix, boundaries, shown]
        if self._at_own_size:
            sizes = _sizes(self._num_classes, at_own_size=False)
            # crop models, and last blessed ones of earlier versions, lack them: zeros, of which no figure has a value
            has_them = OWN_SIZE_CONFUSION_MATRIX in predictions
            names = OWN_SIZE_CONFUSION_MATRIX, OWN_SIZE_BOUNDARY_COUNTS
            counts += self._pair(predictions, *names) if has_them else [np.zeros(size, np.int64) for size in sizes[:2]]
        return np.concatenate(counts), int(np.ravel(predictions[FINGERPRINT])[0])

    def _pair(self, predictions: Mapping, matrix_name: str, boundaries_name: str) -> list[np.ndarray]:
        """A confusion matrix and boundary counts, flat."""
        pair = [np.asarray(predictions[name], np.int64).ravel() for name in (matrix_name, boundaries_name)]
        found, expected = [one.size for one in pair], _sizes(self._num_classes, at_own_size=False)[:2]
        if found != expected:
            raise ValueError(
                f"the model returned {found[0]} and {found[1]} counts for one example,"
                f" expected {expected[0]} and {expected[1]} for {self._num_classes} classes"
            )
        return pair
