"""What TFMA computes and when it blesses: the EvalConfig of a data set."""

from __future__ import annotations

import json

from tensorflow_model_analysis.proto import config_pb2  # TFMA 0.52 no longer exports all of its protos

from schemas.bootstrap import BOUNDS
from schemas.exported_model import EVALUATE
from schemas.features import GROUP
from schemas.metrics import IOU, MEAN_IOU, Figure, figures
from schemas.spec import DatasetSpec
from tfx_pipeline.config.pipeline import EvaluationConfig
from tfx_pipeline.evaluation.iou_metrics import BLIND, MEAN_IOU_CHANGE, SUMMED_MATRIX, SUMMED_PHOTOS, bound_name
from tfx_pipeline.source_digest import source_sha256

METRICS_MODULE = "tfx_pipeline.evaluation.iou_metrics"
METRICS_SOURCE = (METRICS_MODULE, "schemas.metrics", "schemas.bootstrap")
_NEVER = config_pb2.GenericValueThreshold(upper_bound={"value": 0.0})


def eval_config(spec: DatasetSpec, evaluation: EvaluationConfig, at_own_size: bool = False) -> config_pb2.EvalConfig:
    """The EvalConfig: our metrics over the `evaluate` signature, per slice, with thresholds.

    Thresholds hold on the whole eval split; `min_slice_mean_iou` holds in every value of a slice. A class that the
    split shows and the model does not see is beyond a threshold too, unless `allow_blind` names it. Without a last
    blessed model, Evaluator itself drops the change threshold. What blesses is measured at the model's size.

    Args:
      spec: Of the data set version.
      evaluation: Slices and thresholds.
      at_own_size: Whether the metrics are also computed at the photos' own sizes, see `measures_own_size`.
    """
    mean_iou_threshold = config_pb2.MetricThreshold(
        value_threshold=_floor(evaluation.min_mean_iou),
        change_threshold=config_pb2.GenericChangeThreshold(
            direction=config_pb2.MetricDirection.HIGHER_IS_BETTER, absolute={"value": -evaluation.max_mean_iou_drop}
        ),
    )
    thresholds = {MEAN_IOU.name: mean_iou_threshold} | {
        Figure(IOU, class_name=name).name: config_pb2.MetricThreshold(value_threshold=_floor(floor))
        for name, floor in evaluation.min_iou.items()
    }
    shared: dict[str, str | bool] = {"source_sha256": source_sha256(*METRICS_SOURCE)}
    if spec.names_groups:
        shared["group"] = GROUP
    if at_own_size:
        shared["at_own_size"] = True
    metrics = [config_pb2.MetricConfig(class_name="ExampleCount")]
    for figure in figures(spec.class_names, at_own_size=at_own_size):
        name = figure.name
        settings = {
            "metric": figure.metric.name,
            "num_classes": len(spec.classes),
            "class_id": figure.class_id,
            **shared,
        }
        metrics.append(_metric(name, settings, thresholds.get(name)))
        if figure.metric is MEAN_IOU:
            metrics[-1].per_slice_thresholds.extend(_slice_thresholds(evaluation.min_slice_mean_iou))
            change = {**settings, "metric": MEAN_IOU_CHANGE}
            metrics += [_metric(bound_name(MEAN_IOU_CHANGE, bound), {**change, "bound": bound}) for bound in BOUNDS]
        metrics += [_metric(bound_name(name, bound), {**settings, "bound": bound}) for bound in BOUNDS]
    settings = {"num_classes": len(spec.classes), **shared}
    metrics += [_metric(name, {**settings, "metric": name}) for name in (SUMMED_MATRIX, SUMMED_PHOTOS)]
    for class_id, name in enumerate(spec.class_names):
        threshold = None if name in evaluation.allow_blind else config_pb2.MetricThreshold(value_threshold=_NEVER)
        metrics.append(_metric(f"{BLIND}_{name}", {**settings, "metric": BLIND, "class_id": class_id}, threshold))
    slice_names = spec.slice_names if evaluation.slices is None else evaluation.slices
    slice_names = dict.fromkeys((*slice_names, *evaluation.min_slice_mean_iou))
    return config_pb2.EvalConfig(
        model_specs=[config_pb2.ModelSpec(signature_name=EVALUATE)],
        slicing_specs=[
            config_pb2.SlicingSpec(),
            *(config_pb2.SlicingSpec(feature_keys=[name]) for name in slice_names),
        ],
        metrics_specs=[config_pb2.MetricsSpec(metrics=metrics)],
    )


def _metric(
    name: str, settings: dict[str, object], threshold: config_pb2.MetricThreshold | None = None
) -> config_pb2.MetricConfig:
    # The digest of the metrics' code is part of the configuration, hence of TFX's cache key and of Evaluator's record.
    config = config_pb2.MetricConfig(
        class_name="SegmentationMetric", module=METRICS_MODULE, config=json.dumps({"name": name, **settings})
    )
    if threshold is not None:
        # A plain `threshold` would hold for every slice, however few examples it has.
        config.per_slice_thresholds.append(
            config_pb2.PerSliceMetricThreshold(slicing_specs=[config_pb2.SlicingSpec()], threshold=threshold)
        )
    return config


def _slice_thresholds(floors: dict[str, float]) -> list[config_pb2.PerSliceMetricThreshold]:
    return [
        config_pb2.PerSliceMetricThreshold(
            slicing_specs=[config_pb2.SlicingSpec(feature_keys=[name])],
            threshold=config_pb2.MetricThreshold(value_threshold=_floor(floor)),
        )
        for name, floor in floors.items()
    ]


def _floor(value: float) -> config_pb2.GenericValueThreshold:
    return config_pb2.GenericValueThreshold(lower_bound={"value": value})


def final_eval_config(
    spec: DatasetSpec, evaluation: EvaluationConfig, at_own_size: bool = False
) -> config_pb2.EvalConfig:
    """The same metrics for the split `test`, which blesses nothing: without thresholds."""
    config = eval_config(spec, evaluation, at_own_size)
    for metrics in config.metrics_specs:
        for metric in metrics.metrics:
            metric.ClearField("per_slice_thresholds")
    return config
