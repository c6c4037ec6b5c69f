"""The pipeline's components on Vertex AI: Trainer as a CustomJob, Pusher to the registry and an endpoint."""

from __future__ import annotations

import json
from typing import Any

from tfx.components.pusher.component import Pusher
from tfx.dsl.components.base import executor_spec
from tfx.extensions.google_cloud_ai_platform.constants import ENABLE_VERTEX_KEY, VERTEX_REGION_KEY
from tfx.extensions.google_cloud_ai_platform.trainer.component import Trainer
from tfx.extensions.google_cloud_ai_platform.trainer.executor import TRAINING_ARGS_KEY
from tfx.types import Channel

from schemas.manifest import Manifest
from tfx_pipeline.config.cloud import CloudConfig, Serving, TrainingJob
from tfx_pipeline.platforms import PUSHER
from tfx_pipeline.vertex.custom_job import Executor as CustomJobExecutor
from tfx_pipeline.vertex.lineage import lineage_labels, lineage_text
from tfx_pipeline.vertex.pusher import Executor, PushArguments
from trainer.config import ACCELERATORS

SECONDS_PER_HOUR = 3600

__all__ = ["VertexPusher", "VertexTrainer", "training_settings", "vertex_pusher"]


def training_settings(display_name: str, cloud: CloudConfig, job: TrainingJob) -> dict[str, Any]:
    """Settings in `custom_config` for TFX's Trainer on Vertex AI: the CustomJob, to which it adds the command.

    The format is that of Vertex AI's CustomJob (v1):
    https://cloud.google.com/vertex-ai/docs/reference/rest/v1/projects.locations.customJobs
    """
    accelerators = str(job.accelerator_count if job.accelerator_type else 0)
    # The first pool is the chief's; TF_CONFIG lists all machines on each of them. No disk type: newer machines support
    # only Hyperdisk, older ones only Persistent Disk.
    worker_pools = [
        {
            "machine_spec": job.spec,
            "replica_count": machines,
            "disk_spec": {"boot_disk_size_gb": job.boot_disk_gb},
            "container_spec": {"image_uri": cloud.image, "env": [{"name": ACCELERATORS, "value": accelerators}]},
        }
        for machines in (1, job.replicas - 1)
        if machines
    ]
    job_spec = {
        "worker_pool_specs": worker_pools,
        "scheduling": {
            "timeout": {"seconds": job.timeout_hours * SECONDS_PER_HOUR},
            "strategy": "SPOT" if job.spot else "STANDARD",
        },
        "service_account": job.service_account or cloud.service_account,
        **({"network": cloud.network} if cloud.network else {}),
    }
    custom_job = {
        "project": cloud.project,  # TFX removes it again
        "display_name": display_name,
        "job_spec": job_spec,
        "labels": cloud.labels,
        **({"encryption_spec": {"kms_key_name": cloud.encryption_key}} if cloud.encryption_key else {}),
    }
    return {ENABLE_VERTEX_KEY: True, VERTEX_REGION_KEY: cloud.region, TRAINING_ARGS_KEY: custom_job}


class VertexTrainer(Trainer):
    """TFX's Trainer for Vertex AI, with an executor that cancels the CustomJob when the step is stopped."""

    EXECUTOR_SPEC = executor_spec.ExecutorClassSpec(CustomJobExecutor)


class VertexPusher(Pusher):
    """TFX's Pusher, with an executor that registers and deploys the model."""

    EXECUTOR_SPEC = executor_spec.ExecutorClassSpec(Executor)


def vertex_pusher(
    model_name: str,
    cloud: CloudConfig,
    serving: Serving,
    manifest: Manifest,
    git_commit: str | None,
    model: Channel,
    blessing: Channel,
) -> VertexPusher:
    """The Pusher of a pipeline with a `cloud.serving` section."""
    arguments = PushArguments(
        project=cloud.project,
        region=cloud.region,
        model_name=model_name,
        serving=serving.model_copy(update={"image": cloud.serving_image}),
        labels=cloud.labels,
        lineage=lineage_labels(manifest, git_commit),
        description=lineage_text(manifest, git_commit),
        encryption_key=cloud.encryption_key,
    )
    settings = json.loads(arguments.model_dump_json())
    return VertexPusher(model=model, model_blessing=blessing, custom_config=settings).with_id(PUSHER)
