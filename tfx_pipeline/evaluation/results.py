"""What Evaluator has found: metrics with intervals, the verdict and its reasons, read from TFMA's files."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence, Set
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import tensorflow_model_analysis as tfma
from tfx.dsl.io import fileio

from schemas.metrics import IOU, MEAN_IOU, Figure, blind_to, class_iou, figures
from schemas.spec import DatasetSpec
from tfx_pipeline.evaluation.iou_metrics import BLIND, BOUNDS, SUMMED_MATRIX, SUMMED_PHOTOS, bound_name

EXAMPLE_COUNT = "example_count"


@dataclass(frozen=True)
class SliceMetrics:
    """The metrics of one slice of the eval split, those of `schemas.metrics.METRICS`.

    Attributes:
      examples: Number of examples.
      values: Maps each metric's name to its value, or to a value per class name; None if there is no value, as for an
        absent class.
      intervals: Name of a figure, such as `mean_iou` or `iou_pet`, to the ends of its 95 % confidence interval, by
        bootstrap over examples, or over groups; a figure without a value has none, and none has one where there is
        only one example or group.
    """

    examples: int
    values: dict[str, float | dict[str, float | None] | None]
    intervals: dict[str, tuple[float, float]] = field(default_factory=dict)

    @property
    def mean_iou(self) -> float | None:
        """The metric that decides."""
        return self.value(Figure(MEAN_IOU))

    def value(self, figure: Figure) -> float | None:
        """The value of a figure; None if it has none."""
        values = self.values.get(figure.metric.name)
        return values.get(figure.class_name) if isinstance(values, dict) else values

    def to_json(self) -> dict[str, Any]:
        """The form that `summary.json` holds."""
        return {"examples": self.examples, **self.values, "intervals": self.intervals}


@dataclass(frozen=True)
class BlindClass:
    """A class that masks of the eval split show and the model does not see.

    Attributes:
      name: Of the class.
      iou: Below `schemas.metrics.BLIND_IOU`.
      pixel_share: Of the labelled pixels of the split that the class has.
      photos, of_photos: How many photos show it, of how many.
      allowed: Whether the configuration allows it (`evaluation.allow_blind`).
      title: What people call the class; empty where that is its name.
    """

    name: str
    iou: float
    pixel_share: float
    photos: int
    of_photos: int
    allowed: bool
    title: str = ""

    @property
    def text(self) -> str:
        """What people read."""
        seen = f"{self.pixel_share:.2%} of the eval pixels and {self.photos:,} of {self.of_photos:,} photos show it"
        return f"blind to {self.title or self.name}: IoU {IOU.text(self.iou)}, though {seen}"


@dataclass(frozen=True)
class Evaluation:
    """Evaluator's results for one model.

    Attributes:
      overall: Over the whole eval split.
      slices: Slice name to value to metrics, e.g. `slices["species"]["cat"]`; values in alphabetical order.
      baseline_mean_iou: Mean IoU of the last blessed model on the same data; None if there was none.
      blessed: Whether every threshold is met.
      reasons: Why not, one sentence per threshold; empty if blessed.
      baseline: All metrics of the last blessed model on the same data; None if there was none.
      confusion_matrix: Pixels of the whole eval split, rows the true class, columns the predicted one.
      blind: Classes that the model does not see, allowed or not.
      titles: What people call the classes, in the order of class ids; empty where that is their names.
    """

    overall: SliceMetrics
    slices: dict[str, dict[str, SliceMetrics]]
    baseline_mean_iou: float | None = None
    blessed: bool = False
    reasons: list[str] = field(default_factory=list)
    baseline: SliceMetrics | None = None
    confusion_matrix: tuple[tuple[int, ...], ...] = ()
    blind: tuple[BlindClass, ...] = ()
    titles: tuple[str, ...] = ()

    @property
    def warnings(self) -> list[str]:
        """What to know about classes beside `reasons`: blindness that is allowed, and classes that no one measured."""
        allowed = [f"{one.text}; evaluation.allow_blind allows it" for one in self.blind if one.allowed]
        absent = [name for name, row in zip(self.class_titles, self.confusion_matrix) if not any(row)]
        return allowed + [f"{name} is not judged: no mask of the eval split shows it" for name in absent]

    @property
    def class_names(self) -> tuple[str, ...]:
        """Names of the classes, in the order of class ids."""
        iou = self.overall.values.get(IOU.name)
        return tuple(iou) if isinstance(iou, dict) else ()

    @property
    def class_titles(self) -> tuple[str, ...]:
        """What people call the classes, in the order of class ids."""
        return self.titles or self.class_names

    def metrics(self) -> dict[str, Any]:
        """The metrics as JSON: those of `overall`, and `slices`; a metric without a value is None."""
        slices = {
            name: {value: metrics.to_json() for value, metrics in values.items()}
            for name, values in self.slices.items()
        }
        return {**self.overall.to_json(), "confusion_matrix": self.confusion_matrix, "slices": slices}


def final_in_words(test: Evaluation | None, models_evaluated: int) -> str:
    """What the split `test` says of a model, and how many models of the same output were evaluated on it.

    Args:
      test: None where the model is not blessed.
    """
    if test is None:
        return "on the test split: not evaluated, because the model is not blessed"
    mean_iou, text = test.overall.mean_iou, MEAN_IOU.text
    words = f"on the test split: mean IoU {text(mean_iou)}"
    if (interval := test.overall.intervals.get(MEAN_IOU.name)) is not None:
        words += f", 95 % from {text(interval[0])} to {text(interval[1])}"
    words += f", {test.overall.examples:,} examples"
    if models_evaluated > 1:
        words += (
            f"; {models_evaluated} models from this folder were evaluated on it: whoever chooses among them by these"
            " figures needs another test split"
        )
    return words


def read_test_evaluation(evaluation_uri: str, spec: DatasetSpec) -> Evaluation | None:
    """Reads the folder that TestEvaluator wrote; None where the model was not blessed, and so not evaluated."""
    if not fileio.exists(evaluation_uri) or not fileio.listdir(evaluation_uri):
        return None
    return replace(_read_metrics(evaluation_uri, spec), blind=())  # which is about what blesses


def read_evaluation(evaluation_uri: str, spec: DatasetSpec) -> Evaluation:
    """Reads the folder that Evaluator wrote."""
    validation = tfma.load_validation_result(evaluation_uri)
    found = _read_metrics(evaluation_uri, spec, _forbidden(validation))
    return replace(
        found,
        blessed=validation.validation_ok,
        reasons=_reasons(validation, found.overall, found.baseline_mean_iou, found.blind, _labels(spec)),
    )


def _read_metrics(evaluation_uri: str, spec: DatasetSpec, forbidden: Set[str] = frozenset()) -> Evaluation:
    overall: SliceMetrics | None = None
    last_blessed: SliceMetrics | None = None
    matrix: tuple[tuple[int, ...], ...] = ()
    photos: list[int] = []
    slices: dict[str, dict[str, SliceMetrics]] = {}
    for record in tfma.load_metrics(evaluation_uri):
        candidate, baseline = _metric_values(record)
        metrics = _slice_metrics(candidate, spec)
        keys = record.slice_key.single_slice_keys
        if not keys:
            overall = metrics
            last_blessed = _slice_metrics({**candidate, **baseline}, spec) if MEAN_IOU.name in baseline else None
            flat, classes = _array(record, SUMMED_MATRIX), len(spec.classes)
            matrix = tuple(tuple(flat[row * classes :][:classes]) for row in range(classes))
            photos = _array(record, SUMMED_PHOTOS)
        else:
            slices.setdefault(keys[0].column, {})[keys[0].bytes_value.decode()] = metrics
    if overall is None:
        raise ValueError(f"{evaluation_uri}: Evaluator wrote no metrics; is the split empty?")
    return Evaluation(
        overall=overall,
        slices={name: dict(sorted(slices[name].items())) for name in sorted(slices)},
        baseline_mean_iou=last_blessed.mean_iou if last_blessed else None,
        baseline=last_blessed,
        confusion_matrix=matrix,
        blind=_blind(spec, matrix, photos, overall.examples, forbidden),
        titles=spec.class_titles,
    )


def _metric_values(record: tfma.MetricsForSlice) -> tuple[dict[str, float], dict[str, float]]:
    """Metric name to value, of the candidate and of the baseline (empty without one)."""
    candidate: dict[str, float] = {}
    baseline: dict[str, float] = {}
    for entry in record.metric_keys_and_values:
        if not entry.key.is_diff:
            values = baseline if entry.key.model_name == tfma.BASELINE_KEY else candidate
            values[entry.key.name] = entry.value.double_value.value
    return candidate, baseline


def _array(record: tfma.MetricsForSlice, name: str) -> list[int]:
    """An array of counts of the candidate."""
    [values] = [
        entry.value.array_value.float64_values
        for entry in record.metric_keys_and_values
        if entry.key.name == name and entry.key.model_name != tfma.BASELINE_KEY and not entry.key.is_diff
    ]
    return [int(one) for one in values]


def _forbidden(validation: tfma.ValidationResult) -> set[str]:
    """Names of the classes that the model does not see and should."""
    names = [failure.metric_key.name for one in validation.metric_validations_per_slice for failure in one.failures]
    return {name.removeprefix(f"{BLIND}_") for name in names if name.startswith(f"{BLIND}_")}


def _blind(
    spec: DatasetSpec,
    matrix: tuple[tuple[int, ...], ...],
    photos: Sequence[int],
    examples: int,
    forbidden: Set[str],
) -> tuple[BlindClass, ...]:
    counts = np.array(matrix)
    shares, iou = counts.sum(axis=1) / max(1, counts.sum()), class_iou(counts)
    return tuple(
        BlindClass(
            one.name, float(iou[row]), float(shares[row]), photos[row], examples, one.name not in forbidden, one.shown
        )
        for row, one in enumerate(spec.classes)
        if blind_to(counts)[row]
    )


def _slice_metrics(found: dict[str, float], spec: DatasetSpec) -> SliceMetrics:
    values: dict[str, Any] = {}
    intervals = {}
    for figure in figures(spec.class_names):
        value = _finite(found[figure.name])
        if figure.class_name:
            values.setdefault(figure.metric.name, {})[figure.class_name] = value
        else:
            values[figure.metric.name] = value
        bounds = [_finite(found[bound_name(figure.name, bound)]) for bound in BOUNDS]
        if value is not None and None not in bounds:
            intervals[figure.name] = tuple(bounds)
    return SliceMetrics(int(found[EXAMPLE_COUNT]), values, intervals)


def _finite(value: float | None) -> float | None:
    return None if value is None or math.isnan(value) else value


def _labels(spec: DatasetSpec) -> dict[str, str]:
    """Metric to its label, of those about classes that people call otherwise than machines do."""
    found = figures(spec.class_names, spec.class_titles)
    return {one.name: one.label for one in found if one.class_title != one.class_name}


def _reasons(
    validation: tfma.ValidationResult,
    overall: SliceMetrics,
    baseline_mean_iou: float | None,
    blind: Sequence[BlindClass],
    labels: Mapping[str, str],
) -> list[str]:
    reasons = [
        f"{one.text}; give training.class_weights or more photos of it, or name it in evaluation.allow_blind"
        for one in blind
        if not one.allowed
    ]
    failures = ((one, failure) for one in validation.metric_validations_per_slice for failure in one.failures)
    for one, failure in failures:
        name, value = failure.metric_key.name, failure.metric_value.double_value.value
        if name.startswith(f"{BLIND}_"):
            continue  # said already, with what is known of the class
        if failure.metric_key.is_diff:
            allowed = -failure.metric_threshold.change_threshold.absolute.value
            reasons.append(
                f"{name} {overall.mean_iou:.4f} is {-value:.4f} below the last blessed model's {baseline_mean_iou:.4f};"
                f" at most {allowed:.4f} is allowed"
            )
        else:
            floor = failure.metric_threshold.value_threshold.lower_bound.value
            where = ", ".join(f"{key.column} {key.bytes_value.decode()}" for key in one.slice_key.single_slice_keys)
            reasons.append(
                f"{labels.get(name, name)} {value:.4f}{where and f' of {where}'} is below the floor {floor:.4f}"
            )
    if not validation.validation_ok and not reasons:
        reasons.append("Evaluator could not check every threshold; see its validations file")
    return reasons
