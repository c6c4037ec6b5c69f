"""Starts a CustomJob and waits for it, as TFX's executor does, but also cancels it when the step itself is stopped.

TFX's own executor leaves the job running, and paid for, when the pipeline is cancelled: Vertex AI Pipelines then sends
SIGTERM to the step's container, and knows nothing of the job. A label that only this step uses identifies the job.
"""

from __future__ import annotations

import json
import signal
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Any

from tfx.extensions.google_cloud_ai_platform.constants import VERTEX_REGION_KEY
from tfx.extensions.google_cloud_ai_platform.trainer.executor import TRAINING_ARGS_KEY, GenericExecutor
from tfx.types import Artifact
from tfx.types.standard_component_specs import CUSTOM_CONFIG_KEY

from beam_jobs.console import Terminated

STEP_LABEL = "started_by"  # of the CustomJob; the value is unique to the step


class Executor(GenericExecutor):
    """Starts the CustomJob that trains, and waits for it."""

    def Do(  # noqa: N802 (TFX calls it)
        self,
        input_dict: dict[str, list[Artifact]],
        output_dict: dict[str, list[Artifact]],
        exec_properties: dict[str, Any],
    ) -> None:
        settings = json.loads(exec_properties[CUSTOM_CONFIG_KEY])
        job, step = settings[TRAINING_ARGS_KEY], uuid.uuid4().hex
        job["labels"] = {**job.get("labels", {}), STEP_LABEL: step}
        labelled = exec_properties | {CUSTOM_CONFIG_KEY: json.dumps(settings)}
        with ending_with_the_step(job["project"], settings[VERTEX_REGION_KEY], step):
            super().Do(input_dict, output_dict, labelled)


@contextmanager
def ending_with_the_step(project: str, region: str, step: str) -> Iterator[None]:
    """Cancels the CustomJobs with a step's label if SIGTERM ends the block; Terminated is raised further."""

    def end(signum: int, frame: FrameType | None) -> None:
        raise Terminated

    before = signal.signal(signal.SIGTERM, end)
    try:
        yield
    except Terminated:
        signal.signal(signal.SIGTERM, signal.SIG_IGN)  # a second one must not interrupt the cancellation
        _cancel(project, region, step)
        raise
    finally:
        signal.signal(signal.SIGTERM, before)


def _cancel(project: str, region: str, step: str) -> None:
    from google.cloud import aiplatform

    aiplatform.init(project=project, location=region)
    # Google types the list as one of the base class.
    jobs: list[Any] = aiplatform.CustomJob.list(filter=f'labels.{STEP_LABEL}="{step}"')
    for job in jobs:
        print(f"The step was stopped; cancelling its CustomJob {job.resource_name}", flush=True)
        job.cancel()
