"""Where a pipeline's steps run: the components that train, search and push there, and the settings they need.

`tfx_pipeline.local.platform` is this machine, `tfx_pipeline.vertex.platform` is Vertex AI.
"""

from __future__ import annotations

from typing import Any

from tfx.components.evaluator.component import Evaluator
from tfx.components.pusher.component import Pusher
from tfx.components.trainer.component import Trainer
from tfx.components.tuner.component import Tuner  # TFX imports it, and KerasTuner with it, anyway
from tfx.dsl.components.base.base_component import BaseComponent
from tfx.proto import pusher_pb2
from tfx.types import Channel

from schemas.manifest import Manifest
from schemas.version import PublishedVersion
from tfx_pipeline.config.output_layout import SERVING_FOLDER
from tfx_pipeline.config.pipeline import PipelineConfig

PUSHER = "Pusher"
# Beam in the step's own process. Its default, DirectRunner, first looks for another runner's binary on the network. No
# container is started; but where none is named, TFX copies and packs itself for each step's Beam workers.
BEAM_IN_THE_STEP = ("--runner=FnApiRunner", "--sdk_container_image=none")


class Platform:
    """TFX's own components: a step works in its own process, and a model is served from a folder."""

    pusher_component: type[Pusher] = Pusher

    def trainer(self, config: PipelineConfig) -> tuple[type[Trainer], dict[str, Any]]:
        """The component that trains, and what its `custom_config` must contain for the platform."""
        return Trainer, {}

    def tuner(self, config: PipelineConfig) -> tuple[type[Tuner], dict[str, Any]]:
        """The component that searches hyperparameters, and what its `custom_config` must contain for the platform."""
        return Tuner, {}

    def pusher(self, config: PipelineConfig, manifest: Manifest, model: Channel, blessing: Channel) -> Pusher:
        """The component that pushes a blessed model to where it is served from."""
        folder = pusher_pb2.PushDestination.Filesystem(base_directory=f"{config.output}/{SERVING_FOLDER}")
        destination = pusher_pb2.PushDestination(filesystem=folder)
        return self.pusher_component(model=model, model_blessing=blessing, push_destination=destination).with_id(PUSHER)

    def tracker(
        self, config: PipelineConfig, version: PublishedVersion, trainer: Trainer, evaluator: Evaluator, pusher: Pusher
    ) -> BaseComponent | None:
        """The component that logs the run to a service of the platform; None where there is none, or none is wanted."""
        return None
