"""Jobs of Vertex AI Pipelines: submit, follow, list, cancel, schedule."""

from __future__ import annotations

import json
import logging
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from beam_jobs.dataflow.submission import CREDENTIALS_REMEDY, check_credentials
from beam_jobs.storage.cloud_storage import list_objects
from schemas.errors import UserError
from tfx_pipeline.config.pipeline import CloudPipelineConfig

if TYPE_CHECKING:
    from google.cloud import aiplatform

SUCCEEDED, FAILED, CANCELLED = "SUCCEEDED", "FAILED", "CANCELLED"
RUNNING_STATES = ("PENDING", "QUEUED", "RUNNING", "CANCELLING")
FINAL_STATES = (SUCCEEDED, FAILED, CANCELLED, "PAUSED")
PUSHER = "Pusher"


@contextmanager
def vertex_ai(config: CloudPipelineConfig) -> Iterator[None]:
    """Sets up Google's client for a configuration; turns the service's refusals into UserErrors."""
    check_credentials()

    import google.auth.exceptions
    from google.api_core.exceptions import GoogleAPICallError
    from google.cloud import aiplatform

    # It logs every request, and with a traceback that a bucket belongs to another project, which may be intended.
    logging.getLogger("google.cloud.aiplatform.pipeline_jobs").addFilter(lambda record: False)
    cloud = config.cloud
    aiplatform.init(
        project=cloud.project, location=cloud.region, encryption_spec_key_name=cloud.encryption_key, experiment=None
    )
    try:
        yield
    except google.auth.exceptions.GoogleAuthError as error:
        raise UserError(f"Google refuses the credentials ({error}); {CREDENTIALS_REMEDY}") from None
    except GoogleAPICallError as error:
        raise UserError(f"Vertex AI refuses: {error.message or type(error).__name__}") from None


def load_job(config: CloudPipelineConfig, path: Path, job_id: str | None = None) -> aiplatform.PipelineJob:
    """Loads a job from a compiled file without submitting it; `job_id` None derives one from name and time."""
    from google.cloud import aiplatform

    labels = json.loads(path.read_text(encoding="utf-8"))["labels"]
    return aiplatform.PipelineJob(display_name=config.name, template_path=str(path), job_id=job_id, labels=labels)


def submit(config: CloudPipelineConfig, job: aiplatform.PipelineJob) -> None:
    """Submits a job; its steps act as the configuration's service account.

    Raises:
      UserError: The bucket of `config.output` can't be listed. Google's client would create a missing one.
    """
    try:
        next(list_objects(f"{config.output}/"), None)
    except OSError as error:
        raise UserError(f"output {config.output}: can't be listed ({error}); check its name and your rights") from None
    job.submit(service_account=config.cloud.service_account, network=config.cloud.network)


def schedule(config: CloudPipelineConfig, job: aiplatform.PipelineJob, cron: str) -> str:
    """Runs a job repeatedly, never two at once; returns the id of the schedule.

    Args:
      job: From `tfx_pipeline.vertex.schedule`, which finds the newest version; a job compiled for one version would
        always train on that one.
      cron: When, such as `TZ=Europe/Berlin 0 3 * * 1`.
    """
    made = job.create_schedule(
        cron=cron,
        display_name=config.name,
        max_concurrent_run_count=1,
        service_account=config.cloud.service_account,
        network=config.cloud.network,
    )
    return made.name


def console_link(config: CloudPipelineConfig, job_id: str) -> str:
    """Address of the job's page in the console."""
    cloud = config.cloud
    return (
        f"https://console.cloud.google.com/vertex-ai/locations/{cloud.region}/pipelines/runs/{job_id}"
        f"?project={cloud.project}"
    )


def follow(job_id: str, poll_seconds: float = 15.0) -> aiplatform.PipelineJob:
    """Prints each change of the job's and its steps' states with the elapsed time, until the job has ended."""
    from google.cloud import aiplatform

    start = time.monotonic()
    printed: dict[str, str] = {}
    while True:
        job = aiplatform.PipelineJob.get(job_id)
        states = {"job": _word(job.gca_resource.state)}
        states |= {task.task_name: _word(task.state) for task in job.gca_resource.job_detail.task_details}
        minutes, seconds = divmod(round(time.monotonic() - start), 60)
        for name, state in states.items():
            if printed.get(name) != state:
                print(f"  {minutes:3d}:{seconds:02d}  {name} {state.lower()}", flush=True)
        printed = states
        if states["job"] in FINAL_STATES:
            return job
        time.sleep(poll_seconds)


def outcome(config: CloudPipelineConfig, job: aiplatform.PipelineJob) -> str:
    """Returns the state of a job that has ended; if it failed, prints why to stderr."""
    resource = job.gca_resource
    state = _word(resource.state)
    if state != SUCCEEDED:
        print(f"error: job {job.name} ended as {state.lower()}", file=sys.stderr)
        for task in resource.job_detail.task_details:
            if task.error.message:
                print(f"  {task.task_name}: {' '.join(task.error.message.split())[-300:]}", file=sys.stderr)
        print(f"Its logs: {console_link(config, job.name)}", file=sys.stderr)
    return state


def pushed_to(job: aiplatform.PipelineJob) -> str | None:
    """Where a job that succeeded pushed its model; None if the model was not good enough, so not pushed."""
    for task in job.gca_resource.job_detail.task_details:
        if task.task_name == PUSHER:
            for artifact in (one for outputs in task.outputs.values() for one in outputs.artifacts):
                metadata = dict(artifact.metadata or {})
                if metadata.get("pushed"):
                    return str(metadata.get("pushed_destination"))
    return None


def running_jobs(config: CloudPipelineConfig) -> list[str]:
    """Ids of the pipeline's jobs that have not ended, except those of schedules."""
    from google.cloud import aiplatform

    return [
        job.name
        for state in RUNNING_STATES
        for job in aiplatform.PipelineJob.list(
            filter=f'display_name="{config.name}" AND state="PIPELINE_STATE_{state}"'
        )
        if _is_run(job)
    ]


def last_run(config: CloudPipelineConfig) -> aiplatform.PipelineJob | None:
    """The run that was created last, in any state; no schedule's."""
    from google.cloud import aiplatform

    jobs = aiplatform.PipelineJob.list(filter=f'display_name="{config.name}"')
    return max(filter(_is_run, jobs), key=lambda job: job.create_time, default=None)


def _is_run(job: aiplatform.PipelineJob) -> bool:
    """Whether a job trains; a schedule's only submits one."""
    return "dataset_version" in job.gca_resource.labels


def list_jobs(config: CloudPipelineConfig) -> list[str]:
    """One line for each job and schedule of this pipeline, newest first."""
    from google.cloud import aiplatform

    wanted = f'display_name="{config.name}"'
    lines = []
    for job in aiplatform.PipelineJob.list(filter=wanted, order_by="create_time desc"):
        labels = dict(job.gca_resource.labels)
        version = labels.get("dataset_version", "-")
        lines.append(
            f"{job.name}  {_word(job.gca_resource.state).lower():<10} {job.create_time:%Y-%m-%d %H:%M}  {version}"
        )
    for one in aiplatform.PipelineJobSchedule.list(filter=wanted):
        lines.append(f"{one.name}  schedule   {one.cron}")
    return lines


def cancel(job_id: str) -> None:
    """Requests the cancellation of a job; its running steps end within minutes."""
    from google.cloud import aiplatform

    aiplatform.PipelineJob.get(job_id).cancel()


def delete_schedule(schedule_id: str) -> None:
    """Ends a schedule; jobs that it has started continue."""
    from google.cloud import aiplatform

    aiplatform.PipelineJobSchedule.get(schedule_id).delete()


def _word(state) -> str:
    """`PIPELINE_STATE_RUNNING` as `RUNNING`; the state of a step has no prefix."""
    return state.name.removeprefix("PIPELINE_STATE_")
