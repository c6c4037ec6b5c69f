"""Which permissions a run of the pipeline needs with its configuration, by account and place.

A test holds that Terraform grants each of them. `tfx_pipeline/deploy/terraform/roles.yaml` says which role has which.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from tfx_pipeline.config.cloud import Tracking
from tfx_pipeline.config.pipeline import CloudPipelineConfig
from tfx_pipeline.vertex.rehearsal.access import ACT_AS, BUCKET, PROJECT, REGISTRY, SECRET, TOPIC

CALLER = ""  # the account that runs the doctor

SUBMIT = (
    *(f"aiplatform.pipelineJobs.{verb}" for verb in ("create", "get", "list", "cancel")),
    *(f"aiplatform.schedules.{verb}" for verb in ("create", "get", "list", "delete")),
)
TRAIN = tuple(f"aiplatform.customJobs.{verb}" for verb in ("create", "get", "list", "cancel"))
SERVE = (
    *(f"aiplatform.models.{verb}" for verb in ("upload", "get", "list")),
    *(f"aiplatform.endpoints.{verb}" for verb in ("create", "get", "list", "deploy", "undeploy", "update")),
)
LOG = (
    *(f"aiplatform.contexts.{verb}" for verb in ("create", "get", "update", "addContextChildren")),
    *(f"aiplatform.metadataStores.{verb}" for verb in ("create", "get")),
    "aiplatform.executions.get",
)
DRAW_CURVES = (
    "aiplatform.contexts.addContextArtifactsAndExecutions",
    *(f"aiplatform.artifacts.{verb}" for verb in ("create", "get")),
    "aiplatform.tensorboards.get",
    *(f"aiplatform.tensorboardExperiments.{verb}" for verb in ("create", "get")),
    *(f"aiplatform.tensorboardRuns.{verb}" for verb in ("create", "get", "write")),
    *(f"aiplatform.tensorboardTimeSeries.{verb}" for verb in ("create", "list")),
)
IMPORT_EVALUATIONS = tuple(f"aiplatform.modelEvaluations.{verb}" for verb in ("import", "list"))
EVALUATE = ("dataflow.jobs.create", "dataflow.jobs.get", "dataflow.workItems.lease")
READ_AND_WRITE = tuple(f"storage.objects.{verb}" for verb in ("get", "list", "create", "delete"))
PUBLISH = ("pubsub.topics.publish",)
PULL = ("artifactregistry.repositories.downloadArtifacts",)


class Need(NamedTuple):
    """Permissions that an account needs on a place.

    Attributes:
      account: Address; CALLER for the account that runs the doctor.
      place: PROJECT, BUCKET, REGISTRY, SECRET, TOPIC, or the address of an account that it acts as.
    """

    account: str
    place: str
    permissions: tuple[str, ...]


def needs(config: CloudPipelineConfig) -> Iterator[Need]:
    """The needs of a run with a configuration, the caller's first."""
    cloud = config.cloud
    runner = cloud.service_account
    serving = (*SERVE, "aiplatform.endpoints.predict") if cloud.serving else ()
    yield Need(CALLER, PROJECT, (*SUBMIT, *serving))
    yield Need(CALLER, BUCKET, ("storage.buckets.get", *READ_AND_WRITE))
    yield Need(CALLER, REGISTRY, PULL)
    yield Need(CALLER, runner, (ACT_AS,))

    work = (
        *(TRAIN if cloud.training else ()),
        *(SERVE if cloud.serving else ()),
        *(EVALUATE if cloud.evaluation else ()),
        *(_logging(cloud.tracking) if cloud.tracking else ()),
    )
    yield Need(runner, PROJECT, (*SUBMIT, *work, "logging.logEntries.create"))
    yield Need(runner, BUCKET, READ_AND_WRITE)
    yield Need(runner, REGISTRY, PULL)
    yield Need(runner, runner, (ACT_AS,))
    if config.hub is not None and not config.hub.dry_run:
        yield Need(runner, SECRET, ("secretmanager.versions.access",))
    trainer = cloud.training and cloud.training.service_account
    if trainer and trainer != runner:
        yield Need(runner, trainer, (ACT_AS,))
        yield Need(trainer, BUCKET, READ_AND_WRITE)
        yield Need(trainer, REGISTRY, PULL)
    server = cloud.serving and cloud.serving.service_account
    if server and server != runner:
        yield Need(runner, server, (ACT_AS,))
    if server and cloud.topic:
        yield Need(server, TOPIC, PUBLISH)


def _logging(tracking: Tracking) -> tuple[str, ...]:
    return (
        *(LOG if tracking.experiment else ()),
        *(DRAW_CURVES if tracking.tensorboard else ()),
        *(IMPORT_EVALUATIONS if tracking.evaluations else ()),
    )
