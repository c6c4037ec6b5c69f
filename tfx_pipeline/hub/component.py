"""The TFX component: its inputs, its output, and what it is configured with."""

from __future__ import annotations

from typing import ClassVar

from tfx.dsl.components.base.base_component import BaseComponent
from tfx.dsl.components.base.executor_spec import ExecutorClassSpec
from tfx.types import BaseChannel, Channel, ComponentSpec
from tfx.types.component_spec import ChannelParameter, ExecutionParameter
from tfx.types.standard_artifacts import Model, ModelBlessing, ModelEvaluation, PushedModel

from schemas.version import PublishedVersion
from tfx_pipeline.config.hub import HubConfig
from tfx_pipeline.hub.dataset_facts import DatasetFacts
from tfx_pipeline.hub.executor import Executor
from tfx_pipeline.source_digest import source_sha256

SOURCES = ("schemas", "tfx_pipeline")


class HFPusherSpec(ComponentSpec):
    """The interface of HFPusher.

    Exec properties, all plain text without a secret: `hub` is a HubConfig as JSON, `dataset` DatasetFacts as JSON,
    `source_sha256` the digest of the code that writes card and Space, so that a cache never keeps an old one.
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
    }
    OUTPUTS: ClassVar = {"pushed_model": ChannelParameter(type=PushedModel)}


class HFPusher(BaseComponent):
    """Pushes a blessed model to the Hugging Face Hub: SavedModel, TFLite, model info and card, and a Space.

    Its output `pushed_model` tells in its custom properties what happened (`record.PushRecord`).
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
    ):
        """Makes the component.

        Args:
          model: An exported model, as `trainer.export` writes it.
          model_blessing: Evaluator's verdict on it.
          hub: Where to push.
          version: The data set version that it was trained on.
          evaluation: Evaluator's figures for the card.
        """
        spec = HFPusherSpec(
            model=model,
            model_blessing=model_blessing,
            evaluation=evaluation,
            hub=hub.model_dump_json(),
            dataset=DatasetFacts.of(version).model_dump_json(),
            source_sha256=source_sha256(*SOURCES),
            pushed_model=Channel(type=PushedModel),
        )
        super().__init__(spec=spec)
