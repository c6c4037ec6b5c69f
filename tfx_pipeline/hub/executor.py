"""What HFPusher does, on this machine and in a container of Vertex AI Pipelines."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any

from tfx.components.pusher import executor as pusher_executor
from tfx.dsl.io import fileio
from tfx.types import Artifact, artifact_utils
from tfx.utils import io_utils

from schemas.errors import UserError
from tfx_pipeline.config.hub import HubConfig
from tfx_pipeline.evaluation.results import Evaluation, read_evaluation
from tfx_pipeline.hub.dataset_facts import DatasetFacts
from tfx_pipeline.hub.delivery import Delivery, deliver, write_dry_run
from tfx_pipeline.hub.model_repository import model_repository
from tfx_pipeline.hub.record import NOT_BLESSED, PushRecord


class Executor(pusher_executor.Executor):
    """Takes from TFX's Pusher how a blessing and a model's folder are found, and pushes to the Hub instead."""

    def Do(  # noqa: N802 (TFX calls it so)
        self,
        input_dict: dict[str, list[Artifact]],
        output_dict: dict[str, list[Artifact]],
        exec_properties: dict[str, Any],
    ) -> None:
        """See `HFPusherSpec` for the channels and properties.

        Raises:
          UserError: Something configured cannot be used, or the Hub refused the model (HubRefused).
          HubUnavailable: The Hub did not answer, as often as was tried.
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
            repository = model_repository(exported, hub, facts, _evaluation(input_dict, facts))
            delivery = Delivery(hub, facts, repository, _examples(hub))
            record = write_dry_run(delivery) if hub.dry_run else deliver(delivery)
        record.write(pushed_model)


def _evaluation(input_dict: dict[str, list[Artifact]], facts: DatasetFacts) -> Evaluation | None:
    """What Evaluator found out; None where the channel is not connected."""
    if not input_dict.get("evaluation"):
        return None
    return read_evaluation(artifact_utils.get_single_uri(input_dict["evaluation"]), facts.spec)


def _examples(hub: HubConfig) -> dict[str, bytes]:
    """The example photos of the Space by file name, read before anything is pushed."""
    examples = {}
    for uri in hub.space.examples if hub.space else ():
        if not fileio.exists(uri):
            raise UserError(f"hub.space.examples: {uri}: no such file")
        with fileio.open(uri, "rb") as file:
            examples[Path(uri).name] = file.read()
    return examples
