"""Logs a trained model to Vertex AI: a run of an experiment, curves in TensorBoard, an evaluation in the registry.

Each of these first looks at what is there, so that a step that is repeated adds nothing twice.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

import numpy as np

from schemas.errors import UserError
from tfx_pipeline.config.cloud import Tracking
from tfx_pipeline.evaluation.results import Evaluation, SliceMetrics

# The form of Vertex AI's metrics of image segmentation: one entry for each confidence threshold; a class that is chosen
# because its score is the largest has none, which 0 says.
METRICS_SCHEMA = "gs://google-cloud-aiplatform/schema/modelevaluation/image_segmentation_metrics_1.0.0.yaml"

Curves = Mapping[int, Mapping[str, float]]


class Run(NamedTuple):
    """What is logged of one trained model.

    Attributes:
      name: Of the run, lower-case letters, digits and `-`.
      parameters: What it was trained with and on.
      evaluation: What Evaluator found out.
      curves: Step to name to value, as TensorBoard shows them.
    """

    name: str
    parameters: Mapping[str, str | int | float]
    evaluation: Evaluation
    curves: Curves


def run_name(dataset_version: str, source: str) -> str:
    """The name of a trained model's run, from the data set version and the digest that identifies the model."""
    return f"{re.sub('[^a-z0-9]+', '-', dataset_version.lower()).strip('-')[:32]}-{source[:12]}"


def track(tracking: Tracking, run: Run, model_version: str | None) -> None:
    """Logs a run where `tracking` says; `model_version` is None for a model that was not pushed to the registry."""
    if tracking.experiment:
        log_run(tracking, run)
    if tracking.evaluations and model_version is not None:
        register_evaluation(model_version, run)


def log_run(tracking: Tracking, run: Run) -> None:
    """Logs a run to the experiment, which is made where there is none.

    Raises:
      UserError: There is no such TensorBoard, or the experiment has another one.
    """
    from google.api_core.exceptions import NotFound
    from google.cloud import aiplatform

    complete = aiplatform.gapic.Execution.State.COMPLETE
    experiment = aiplatform.Experiment.get_or_create(tracking.experiment)
    if tracking.tensorboard:
        try:
            # The resource, not its name: Google answers with the project's number, which the name may not have.
            experiment.assign_backing_tensorboard(aiplatform.Tensorboard(tracking.tensorboard))
        except NotFound:
            raise UserError(f"cloud.tracking.tensorboard: {tracking.tensorboard} is not found") from None
        except ValueError as error:
            raise UserError(f"cloud.tracking.tensorboard: {error}") from None
    known = aiplatform.ExperimentRun.get(run.name, experiment=experiment)
    if known is not None and known.state == complete:
        return
    experiment_run = known or aiplatform.ExperimentRun.create(run.name, experiment=experiment)
    experiment_run.log_params(run.parameters)
    experiment_run.log_metrics(figures_of(run.evaluation))
    for step, values in sorted(run.curves.items() if tracking.tensorboard else ()):
        experiment_run.log_time_series_metrics(values, step=step)
    experiment_run.update_state(complete)


def register_evaluation(model_version: str, run: Run) -> None:
    """Adds an evaluation to a version in the Model Registry; one of the same name stays as it is.

    Args:
      model_version: Resource name with `@VERSION`.
      run: Names and holds the evaluation.
    """
    from google.cloud import aiplatform

    model = aiplatform.Model(model_version)
    if any(one.display_name == run.name for one in model.list_model_evaluations()):
        return
    evaluation = aiplatform.gapic.ModelEvaluation(
        display_name=run.name,
        metrics_schema_uri=METRICS_SCHEMA,
        metrics=_value(google_metrics(run.evaluation)),
        metadata=_value(run.evaluation.metrics()),
    )
    model.api_client.import_model_evaluation(parent=model.versioned_resource_name, model_evaluation=evaluation)


def _value(content: Any):
    """JSON as a protobuf Value."""
    from google.protobuf import json_format, struct_pb2

    return json_format.Parse(json.dumps(content), struct_pb2.Value())


def parameters_of(training: Mapping[str, Any]) -> dict[str, str | int | float]:
    """The training's settings as an experiment takes them: numbers and text; what is None is left out."""
    return dict(_flat("", training))


def _flat(prefix: str, value: Any) -> Iterator[tuple[str, str | int | float]]:
    if isinstance(value, Mapping):
        for key, one in value.items():
            yield from _flat(f"{prefix}.{key}" if prefix else str(key), one)
    elif isinstance(value, (bool, list, tuple)):
        yield prefix, str(value)
    elif value is not None:
        yield prefix, value


def figures_of(evaluation: Evaluation) -> dict[str, float]:
    """Every figure of the evaluation that has a value, by name, and whether the model was blessed (1 or 0)."""
    overall: SliceMetrics = evaluation.overall
    values = {figure.name: overall.value(figure) for figure in evaluation.figures}
    found = {name: value for name, value in values.items() if value is not None and math.isfinite(value)}
    return {**found, "blessed": int(evaluation.blessed), "examples": overall.examples}


def google_metrics(evaluation: Evaluation) -> dict[str, Any]:
    """The evaluation in the form of METRICS_SCHEMA: means over the classes that are there, and the matrix of pixels.

    https://docs.cloud.google.com/gemini-enterprise-agent-platform/reference/rpc/google.cloud.aiplatform.v1/schema/modelevaluation.metrics
    """
    matrix = np.asarray(evaluation.confusion_matrix, np.float64)
    hits, truth, predicted = np.diagonal(matrix), matrix.sum(axis=1), matrix.sum(axis=0)
    there = truth + predicted > 0
    means = {
        "recall": _mean(hits, truth, truth > 0),
        "precision": _mean(hits, predicted, predicted > 0),
        "diceScoreCoefficient": _mean(2 * hits, truth + predicted, there),
        "iouScore": _mean(hits, truth + predicted - hits, there),
    }
    specs = [{"id": str(number), "displayName": name} for number, name in enumerate(evaluation.class_titles)]
    entry = {
        "confidenceThreshold": 0.0,
        **{name: value for name, value in means.items() if value is not None},
        "confusionMatrix": {"annotationSpecs": specs, "rows": matrix.tolist()},
    }
    return {"confidenceMetricsEntries": [entry]}


def _mean(part: np.ndarray, whole: np.ndarray, there: np.ndarray) -> float | None:
    return float(np.mean(part[there] / whole[there])) if there.any() else None
