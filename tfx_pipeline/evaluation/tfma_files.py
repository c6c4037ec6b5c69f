"""Reads what Evaluator has written with TFMA: metrics with intervals, and why a model is blessed or not."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence, Set
from dataclasses import replace
from typing import Any

import numpy as np
import tensorflow_model_analysis as tfma
from tfx.dsl.io import fileio

from schemas.bootstrap import BOUNDS
from schemas.metrics import MEAN_IOU, OWN_SIZE_MEAN_IOU, blind_to, class_iou, figures
from schemas.spec import DatasetSpec
from tfx_pipeline.evaluation.iou_metrics import BLIND, MEAN_IOU_CHANGE, SUMMED_MATRIX, SUMMED_PHOTOS, bound_name
from tfx_pipeline.evaluation.results import BlindClass, Evaluation, SliceMetrics

EXAMPLE_COUNT = "example_count"


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
    before: dict[str, dict[str, SliceMetrics]] = {}
    for record in tfma.load_metrics(evaluation_uri):
        candidate, baseline = _metric_values(record)
        metrics = _slice_metrics(candidate, spec)
        keys = record.slice_key.single_slice_keys
        if not keys:
            overall = metrics
            last_blessed = _baseline_metrics(candidate, baseline, spec)
            flat, classes = _array(record, SUMMED_MATRIX), len(spec.classes)
            matrix = tuple(tuple(flat[row * classes :][:classes]) for row in range(classes))
            photos = _array(record, SUMMED_PHOTOS)
        else:
            name, value = keys[0].column, keys[0].bytes_value.decode()
            slices.setdefault(name, {})[value] = metrics
            if (then := _baseline_metrics(candidate, baseline, spec)) is not None:
                before.setdefault(name, {})[value] = then
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
        class_photos=tuple(photos),
        slice_baselines=before,
    )


def _baseline_metrics(
    candidate: dict[str, float], baseline: dict[str, float], spec: DatasetSpec
) -> SliceMetrics | None:
    """Of the last blessed model; None without one. What is measured of the examples alone has no second value."""
    return _slice_metrics({**candidate, **baseline}, spec) if MEAN_IOU.name in baseline else None


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
    at_own_size = _finite(found.get(OWN_SIZE_MEAN_IOU.name)) is not None
    for figure in figures(spec.class_names, at_own_size=at_own_size):
        value = _finite(found[figure.name])
        if figure.class_name:
            values.setdefault(figure.metric.name, {})[figure.class_name] = value
        else:
            values[figure.metric.name] = value
        interval = _interval(found, figure.name)
        if value is not None and interval is not None:
            intervals[figure.name] = interval
    return SliceMetrics(int(found[EXAMPLE_COUNT]), values, intervals, _interval(found, MEAN_IOU_CHANGE))


def _interval(found: dict[str, float], name: str) -> tuple[float, float] | None:
    """The confidence interval of a metric; None where it has none."""
    low, high = (_finite(found.get(bound_name(name, bound))) for bound in BOUNDS)
    return None if low is None or high is None else (low, high)


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
