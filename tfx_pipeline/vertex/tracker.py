"""The TFX component that logs a run to Vertex AI after its model was evaluated and pushed; see `experiments`."""

from __future__ import annotations

from collections import defaultdict
from typing import Any, ClassVar

from tfx.dsl.components.base.base_component import BaseComponent
from tfx.dsl.components.base.base_executor import BaseExecutor
from tfx.dsl.components.base.executor_spec import ExecutorClassSpec
from tfx.dsl.io import fileio
from tfx.types import Artifact, BaseChannel, ComponentSpec, artifact_utils
from tfx.types.component_spec import ChannelParameter, ExecutionParameter
from tfx.types.standard_artifacts import Model, ModelEvaluation, ModelRun, PushedModel
from tfx.utils import path_utils

from schemas.exported_model import INFO_PATH, parse_model_info
from schemas.frozen_model import FrozenModel
from schemas.spec import DatasetSpec
from tfx_pipeline.config.cloud import Tracking
from tfx_pipeline.evaluation.tfma_files import read_evaluation
from tfx_pipeline.source_digest import source_sha256
from tfx_pipeline.vertex.experiments import Curves, Run, parameters_of, run_name, track
from tfx_pipeline.vertex.pusher import source_of

SOURCES = ("schemas", "tfx_pipeline.vertex.experiments", "tfx_pipeline.vertex.tracker")
EVENT_FILES = "events.out.tfevents."
SCALARS = "scalars"  # TensorBoard's plugin


class TrackArguments(FrozenModel):
    """What is logged where.

    Attributes:
      dataset_version: Of the data set.
      spec: The contract that the version was published under.
      lineage: What data and code it comes from, as further parameters.
    """

    project: str
    region: str
    tracking: Tracking
    dataset_version: str
    spec: DatasetSpec
    lineage: dict[str, str]
    encryption_key: str | None = None


class Executor(BaseExecutor):
    """Reads what the other steps wrote and logs it."""

    def Do(  # noqa: N802 (TFX calls it so)
        self,
        input_dict: dict[str, list[Artifact]],
        output_dict: dict[str, list[Artifact]],
        exec_properties: dict[str, Any],
    ) -> None:
        """See `TrackerSpec` for the channels and properties."""
        from google.cloud import aiplatform

        self._log_startup(input_dict, output_dict, exec_properties)
        arguments = TrackArguments.model_validate_json(exec_properties["arguments"])
        tracking = arguments.tracking
        aiplatform.init(
            project=arguments.project, location=arguments.region, encryption_spec_key_name=arguments.encryption_key
        )
        trained_model = artifact_utils.get_single_instance(input_dict["model"])
        run = Run(
            name=run_name(arguments.dataset_version, source_of(trained_model)),
            parameters=read_parameters(trained_model) | arguments.lineage,
            evaluation=read_evaluation(artifact_utils.get_single_uri(input_dict["evaluation"]), arguments.spec),
            curves=read_curves(artifact_utils.get_single_uri(input_dict["model_run"])) if tracking.tensorboard else {},
        )
        pushed_model = artifact_utils.get_single_instance(input_dict["pushed_model"])
        pushed = pushed_model.get_int_custom_property("pushed")
        track(tracking, run, pushed_model.get_string_custom_property("pushed_destination") if pushed else None)


def read_parameters(trained_model: Artifact) -> dict[str, str | int | float]:
    """What the model was trained with, with what a search chose, from the model itself."""
    path = f"{path_utils.serving_model_path(trained_model.uri)}/{INFO_PATH}"
    with fileio.open(path, "rb") as file:
        return parameters_of(parse_model_info(file.read(), path).training)


def read_curves(folder: str) -> Curves:
    """The scalars that the training wrote for TensorBoard into `FOLDER/train` and `FOLDER/validation`.

    Returns:
      Step to name, such as `train/loss`, to value.
    """
    import tensorflow as tf

    curves: dict[int, dict[str, float]] = defaultdict(dict)
    for path in _event_files(folder):
        writer = path.rpartition("/")[0].rpartition("/")[2]
        for record in tf.data.TFRecordDataset(path):
            event = tf.compat.v1.Event.FromString(record.numpy())
            for value in event.summary.value:
                if value.metadata.plugin_data.plugin_name == SCALARS:
                    curves[event.step][f"{writer}/{value.tag}"] = float(tf.make_ndarray(value.tensor))
    return curves


def _event_files(folder: str) -> list[str]:
    # In a bucket, TensorFlow names folders with a slash at their end.
    found = [f"{str(below).rstrip('/')}/{name}" for below, _, names in fileio.walk(folder) for name in names]
    return sorted(path for path in found if path.rpartition("/")[2].startswith(EVENT_FILES))


class TrackerSpec(ComponentSpec):
    """The interface of Tracker.

    Exec properties: `arguments` is TrackArguments as JSON, `source_sha256` the digest of the code that logs.
    """

    PARAMETERS: ClassVar = {
        "arguments": ExecutionParameter(type=str),
        "source_sha256": ExecutionParameter(type=str),
    }
    INPUTS: ClassVar = {
        "model": ChannelParameter(type=Model),
        "model_run": ChannelParameter(type=ModelRun),
        "evaluation": ChannelParameter(type=ModelEvaluation),
        "pushed_model": ChannelParameter(type=PushedModel),
    }
    OUTPUTS: ClassVar = {}


class Tracker(BaseComponent):
    """Logs a trained model, whether it was blessed or not, to an experiment, TensorBoard and the Model Registry."""

    SPEC_CLASS = TrackerSpec
    EXECUTOR_SPEC = ExecutorClassSpec(Executor)

    def __init__(
        self,
        model: BaseChannel,
        model_run: BaseChannel,
        evaluation: BaseChannel,
        pushed_model: BaseChannel,
        arguments: TrackArguments,
    ):
        """Takes Trainer's model and logs, Evaluator's verdict, what Pusher did, and where to log it."""
        super().__init__(
            spec=TrackerSpec(
                model=model,
                model_run=model_run,
                evaluation=evaluation,
                pushed_model=pushed_model,
                arguments=arguments.model_dump_json(),
                source_sha256=source_sha256(*SOURCES),
            )
        )
