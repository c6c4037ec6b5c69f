"""Vertex AI as the platform of a pipeline, as configured in its `cloud` section."""

from __future__ import annotations

from typing import Any

from tfx.components.evaluator.component import Evaluator
from tfx.components.pusher.component import Pusher
from tfx.components.trainer.component import Trainer
from tfx.components.tuner.component import Tuner
from tfx.dsl.components.base.base_component import BaseComponent
from tfx.types import Channel

from schemas.manifest import Manifest
from schemas.version import PublishedVersion
from tfx_pipeline.config.cloud import CloudConfig
from tfx_pipeline.config.pipeline import PipelineConfig
from tfx_pipeline.platforms import Platform
from tfx_pipeline.vertex.components import VertexTrainer, training_settings, vertex_pusher
from tfx_pipeline.vertex.lineage import lineage_labels
from tfx_pipeline.vertex.tracker import TrackArguments, Tracker
from tfx_pipeline.vertex.tuner import VertexTuner

TRACKER = "Tracker"


class VertexPlatform(Platform):
    """Trains and searches in CustomJobs, and serves from the Model Registry and an endpoint.

    Without `cloud.training`, the pipeline's own steps train; without `cloud.serving`, a model is served from a folder.
    """

    def __init__(self, cloud: CloudConfig, git_commit: str | None):
        """Args: the `cloud` section, and the commit of this code for the labels of a model; None if unknown."""
        self._cloud = cloud
        self._git_commit = git_commit

    def trainer(self, config: PipelineConfig) -> tuple[type[Trainer], dict[str, Any]]:
        cloud = self._cloud
        if cloud.training is None:
            return super().trainer(config)
        return VertexTrainer, training_settings(f"{config.name}-trainer", cloud, cloud.training)

    def tuner(self, config: PipelineConfig) -> tuple[type[Tuner], dict[str, Any]]:
        cloud = self._cloud
        if cloud.training is None:
            return super().tuner(config)
        one_machine = cloud.training.model_copy(update={"replicas": 1})
        return VertexTuner, training_settings(f"{config.name}-tuner", cloud, one_machine)

    def pusher(self, config: PipelineConfig, manifest: Manifest, model: Channel, blessing: Channel) -> Pusher:
        cloud = self._cloud
        if cloud.serving is None:
            return super().pusher(config, manifest, model, blessing)
        return vertex_pusher(config.name, cloud, cloud.serving, manifest, self._git_commit, model, blessing)

    def tracker(
        self, config: PipelineConfig, version: PublishedVersion, trainer: Trainer, evaluator: Evaluator, pusher: Pusher
    ) -> BaseComponent | None:
        cloud = self._cloud
        if cloud.tracking is None:
            return None
        manifest, spec = version
        arguments = TrackArguments(
            project=cloud.project,
            region=cloud.region,
            tracking=cloud.tracking,
            dataset_version=manifest.version,
            spec=spec,
            lineage=lineage_labels(manifest, self._git_commit),
            encryption_key=cloud.encryption_key,
        )
        return Tracker(
            model=trainer.outputs["model"],
            model_run=trainer.outputs["model_run"],
            evaluation=evaluator.outputs["evaluation"],
            pushed_model=pusher.outputs["pushed_model"],
            arguments=arguments,
        ).with_id(TRACKER)
