"""The TFX component HFPusher: its channels, its properties, and its executor, which is the same on every platform."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any, ClassVar

from tfx.components.pusher import executor as pusher_executor
from tfx.dsl.components.base.base_component import BaseComponent
from tfx.dsl.components.base.executor_spec import ExecutorClassSpec
from tfx.dsl.io import fileio
from tfx.types import Artifact, BaseChannel, Channel, ComponentSpec, artifact_utils
from tfx.types.component_spec import ChannelParameter, ExecutionParameter
from tfx.types.standard_artifacts import Model, ModelBlessing, ModelEvaluation, PushedModel
from tfx.utils import io_utils

from schemas.errors import UserError
from schemas.version import PublishedVersion
from tfx_pipeline.config.hub import HubConfig
from tfx_pipeline.evaluation.results import Evaluation
from tfx_pipeline.evaluation.tfma_files import read_evaluation, read_test_evaluation
from tfx_pipeline.hub.delivery import Delivery, deliver, write_dry_run
from tfx_pipeline.hub.model_repository import model_repository
from tfx_pipeline.hub.properties import NOT_BLESSED, DatasetFacts, PushRecord
from tfx_pipeline.source_digest import source_sha256
from tfx_pipeline.space.settings import example_problem

SOURCES = ("schemas", "tfx_pipeline")


class Executor(pusher_executor.Executor):
    """Finds blessing and model as TFX's Pusher does, and pushes to the Hub."""

    def Do(  # noqa: N802 (TFX calls it so)
        self,
        input_dict: dict[str, list[Artifact]],
        output_dict: dict[str, list[Artifact]],
        exec_properties: dict[str, Any],
    ) -> None:
        """See `HFPusherSpec` for the channels and properties.

        Raises:
          UserError: The configuration cannot be used, or the Hub refused the model (HubRefused).
          HubUnavailable: The Hub did not answer at any attempt.
        """
        self._log_startup(input_dict, output_dict, exec_properties)
        pushed_model = artifact_utils.get_single_instance(output_dict["pushed_model"])
        if not self.CheckBlessing(input_dict):
            PushRecord(reason=NOT_BLESSED).write(pushed_model)
            return
        hub = HubConfig.model_validate_json(exec_properties["hub"])
        facts = DatasetFacts.model_validate_json(exec_properties["dataset"])
        with tempfile.TemporaryDirectory() as folder:
            exported = Path(folder) / "model"
            io_utils.copy_dir(self.GetModelPath(input_dict), str(exported))  # it may be in a bucket
            photos = _examples(hub)
            repository = model_repository(
                exported, hub, facts, _evaluation(input_dict, facts), _test_evaluation(input_dict, facts), photos
            )
            delivery = Delivery(hub, facts, repository, photos)
            record = write_dry_run(delivery, Path(hub.dry_run)) if hub.dry_run else deliver(delivery)
        record.write(pushed_model)


def _evaluation(input_dict: dict[str, list[Artifact]], facts: DatasetFacts) -> Evaluation | None:
    """Evaluator's results; None if the channel is not connected."""
    if not input_dict.get("evaluation"):
        return None
    return read_evaluation(artifact_utils.get_single_uri(input_dict["evaluation"]), facts.spec)


def _test_evaluation(input_dict: dict[str, list[Artifact]], facts: DatasetFacts) -> Evaluation | None:
    """TestEvaluator's results; None if the version has no test split."""
    if not input_dict.get("test_evaluation"):
        return None
    return read_test_evaluation(artifact_utils.get_single_uri(input_dict["test_evaluation"]), facts.spec)


def _examples(hub: HubConfig) -> dict[str, bytes]:
    """The example photos of the Space by file name, read before anything is pushed."""
    examples = {}
    for uri in hub.space.examples if hub.space else ():
        if not fileio.exists(uri):
            raise UserError(f"hub.space.examples: {uri}: no such file")
        with fileio.open(uri, "rb") as file:
            name, content = Path(uri).name, file.read()
        if problem := example_problem(name, content):
            raise UserError(f"hub.space: examples: example {name!r} {problem}")
        examples[name] = content
    return examples


class HFPusherSpec(ComponentSpec):
    """The interface of HFPusher.

    Exec properties, all plain text without a secret: `hub` is a HubConfig as JSON, `dataset` DatasetFacts as JSON,
    `source_sha256` the digest of the code that writes card and Space, so that the cache never serves an outdated one.
    """

    PARAMETERS: ClassVar = {
        "hub": ExecutionParameter(type=str),
        "dataset": ExecutionParameter(type=str),
        "source_sha256": ExecutionParameter(type=str),
    }
    INPUTS: ClassVar = {
        "model": ChannelParameter(type=Model),
        "model_blessing": ChannelParameter(type=ModelBlessing),
        "evaluation": ChannelParameter(type=ModelEvaluation, optional=True),
        "test_evaluation": ChannelParameter(type=ModelEvaluation, optional=True),
    }
    OUTPUTS: ClassVar = {"pushed_model": ChannelParameter(type=PushedModel)}


class HFPusher(BaseComponent):
    """Pushes a blessed model to the Hugging Face Hub: SavedModel, TFLite, model info and card, and a Space.

    The custom properties of its output `pushed_model` record the outcome (`properties.PushRecord`).
    """

    SPEC_CLASS = HFPusherSpec
    EXECUTOR_SPEC = ExecutorClassSpec(Executor)

    def __init__(
        self,
        model: BaseChannel,
        model_blessing: BaseChannel,
        hub: HubConfig,
        version: PublishedVersion,
        evaluation: BaseChannel | None = None,
        test_evaluation: BaseChannel | None = None,
    ):
        """Creates the component.

        Args:
          model: An exported model, as `trainer.export` writes it.
          model_blessing: Evaluator's verdict on it.
          hub: Where to push.
          version: The data set version that it was trained on.
          evaluation: Evaluator's results for the card.
          test_evaluation: TestEvaluator's, where the version has a test split.
        """
        spec = HFPusherSpec(
            model=model,
            model_blessing=model_blessing,
            evaluation=evaluation,
            test_evaluation=test_evaluation,
            hub=hub.model_dump_json(),
            dataset=DatasetFacts.of(version).model_dump_json(),
            source_sha256=source_sha256(*SOURCES),
            pushed_model=Channel(type=PushedModel),
        )
        super().__init__(spec=spec)
