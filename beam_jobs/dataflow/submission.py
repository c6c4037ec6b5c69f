"""Submits a graph to Dataflow and follows the job: its states, its errors, its end."""

from __future__ import annotations

import json
import os
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, TextIO, TypeGuard

from beam_jobs.console import Terminated
from schemas.errors import UserError

if TYPE_CHECKING:
    import apache_beam as beam
    from apache_beam.options.pipeline_options import PipelineOptions
    from apache_beam.runners.dataflow.dataflow_runner import DataflowPipelineResult

    from beam_jobs.monitoring.metrics import JobMetrics
    from beam_jobs.prepare.options import PrepareOptions

DONE = "DONE"
STDERR = 2
FIRST_POLL_SECONDS, LAST_POLL_SECONDS = 1, 20
CREDENTIALS_REMEDY = "run `gcloud auth application-default login`, or set GOOGLE_APPLICATION_CREDENTIALS"


class DataflowJob:
    """A job that the service has accepted.

    Attributes:
      console: Address of the job's page.
      cancel_command: What ends it.
    """

    def __init__(self, result: DataflowPipelineResult, client, graph, project: str, region: str):
        self._result = result
        self._graph = graph
        self._client = client
        self.id = result.job_id()
        self.console = f"https://console.cloud.google.com/dataflow/jobs/{region}/{self.id}?project={project}"
        self.cancel_command = f"gcloud dataflow jobs cancel {self.id} --project={project} --region={region}"

    def states(self, limit_seconds: float | None = None) -> Iterator[str]:
        """Each state as it is reached, such as PENDING, RUNNING, DONE; ends with the job, after minutes or hours.

        Raises:
          TimeoutError: The job has not ended after `limit_seconds`; it continues.
        """
        from apache_beam.runners.runner import PipelineState

        wait, last, start = FIRST_POLL_SECONDS, None, time.monotonic()
        while True:
            state = self._result.state
            if state != last:
                yield state
                last = state
            if PipelineState.is_terminal(state):
                return
            if limit_seconds is not None and time.monotonic() - start > limit_seconds:
                raise TimeoutError(f"still {state.lower()} after {limit_seconds / 60:.0f} minutes")
            time.sleep(wait)
            wait = min(2 * wait, LAST_POLL_SECONDS)

    def metrics(self, inputs: int) -> JobMetrics:
        """The job's metrics; requested again, for half a minute, while they cover fewer than `inputs`.

        Raises:
          OSError: The service does not answer.
        """
        from apache_beam.runners.dataflow.dataflow_metrics import DataflowMetrics
        from apitools.base.py.exceptions import Error
        from google.api_core.exceptions import GoogleAPICallError

        from beam_jobs.monitoring.metrics import INPUTS_FOUND, read_metrics

        wait = FIRST_POLL_SECONDS
        while True:
            try:
                metrics = read_metrics(DataflowMetrics(self._client, self._result, self._graph))
            except (Error, GoogleAPICallError) as error:
                raise OSError(_refusal(error)) from error
            if metrics.counters.get(INPUTS_FOUND, 0) >= inputs or wait > LAST_POLL_SECONDS:
                return metrics
            time.sleep(wait)
            wait *= 2

    def errors(self) -> list[str]:
        """The service's error messages, oldest first."""
        messages, _ = self._client.list_messages(self.id, minimum_importance="JOB_MESSAGE_ERROR")
        # Beam's own client until 2.74, Google's afterwards
        return [getattr(message, "messageText", None) or message.message_text for message in messages]


def check_credentials() -> None:
    """Raises a UserError if there are no Google credentials; Beam would continue without, and be refused later."""
    import google.auth
    from google.auth.exceptions import DefaultCredentialsError

    try:
        google.auth.default()
    except DefaultCredentialsError as error:
        raise UserError(f"no usable Google credentials ({error}); {CREDENTIALS_REMEDY}") from None


def submit(build: Callable[[beam.Pipeline], object], pipeline_options: PipelineOptions) -> DataflowJob | None:
    """Stages the code and the graph, and submits the job.

    Args:
      build: Adds the job to a pipeline.
      pipeline_options: For Dataflow.

    Returns:
      The job, or None where the flags asked for a template instead of a job.

    Raises:
      UserError: The bucket can't be written to, or the service has refused the job.
    """
    import apache_beam as beam
    from apache_beam.options.pipeline_options import GoogleCloudOptions
    from apitools.base.py.exceptions import HttpError
    from google.api_core.exceptions import GoogleAPICallError
    from google.auth.exceptions import GoogleAuthError

    from beam_jobs.runners.inspection_cache import cached_inspections
    from beam_jobs.runners.supervision import remove_temporary_folder
    from beam_jobs.storage.cloud_storage import check_bucket

    cloud = pipeline_options.view_as(GoogleCloudOptions)
    try:
        check_bucket(cloud.staging_location)  # Beam treats a refusal as a transient error and retries for minutes
        pipeline = remove_temporary_folder(beam.Pipeline(options=pipeline_options))
        with _hushed(), cached_inspections():  # TensorFlow 2.21 announces itself in any case
            build(pipeline)
            result: Any = pipeline.run()
    except GoogleAuthError as error:
        raise UserError(f"Google refuses the credentials ({error}); {CREDENTIALS_REMEDY}") from None
    except (HttpError, GoogleAPICallError) as error:
        raise UserError(f"Dataflow refuses the job: {_refusal(error)}") from None
    except OSError as error:
        raise UserError(
            f"{cloud.staging_location}: the code can't be staged ({error}); check the bucket's name,"
            " and that you have roles/storage.objectUser and roles/storage.legacyBucketReader on it"
        ) from None
    if not result.has_job:
        return None
    runner: Any = pipeline.runner  # Dataflow's, as the options say; so is the result
    return DataflowJob(result, runner.dataflow_client, runner.job, cloud.project, cloud.region)


def preparation(options: PrepareOptions) -> Callable[[beam.Pipeline], object]:
    """The preparation as `submit` takes it."""

    def build(pipeline: beam.Pipeline) -> None:
        from beam_jobs.prepare.pipeline import prepare  # imports TensorFlow

        prepare(pipeline, options)

    return build


@contextmanager
def _hushed() -> Iterator[None]:
    """Keeps the output of child processes from the terminal, unless the block fails.

    To package the project Beam first tries `python -m build`, which says that it is not installed, then `setup.py`.
    """
    terminal = os.dup(STDERR)
    with tempfile.TemporaryFile() as captured:
        os.dup2(captured.fileno(), STDERR)
        try:
            yield
        except BaseException:
            captured.seek(0)
            os.write(terminal, captured.read())
            raise
        finally:
            os.dup2(terminal, STDERR)
            os.close(terminal)


def _refusal(error) -> str:
    """The service's own message in an error of Beam's client or, since Beam 2.77, of Google's; both contain JSON."""
    content = getattr(error, "content", None) or getattr(getattr(error, "response", None), "content", None) or ""
    try:
        return json.loads(content)["error"]["message"]
    except (ValueError, KeyError, TypeError):
        return f"HTTP status {error.status_code}" if hasattr(error, "status_code") else str(error)


def follow(job: DataflowJob, limit_seconds: float | None = None, to: TextIO | None = None) -> str:
    """Prints each state with the time since the start, to `to` or standard output, and returns the last one.

    Raises:
      TimeoutError: The job has not ended after `limit_seconds`; it continues.
    """
    start, state = time.monotonic(), ""
    for state in job.states(limit_seconds):
        minutes, seconds = divmod(round(time.monotonic() - start), 60)
        print(f"  {minutes:3d}:{seconds:02d}  {state.lower()}", file=to, flush=True)
    return state


def announce(job: DataflowJob | None, no_wait: bool, promise: str) -> TypeGuard[DataflowJob]:
    """Prints what was submitted; returns whether to wait for it. `promise` says what the job will do."""
    if job is None:
        print("The template is written; no job was started.")
        return False
    print(f"Job {job.id}: {job.console}", flush=True)
    if no_wait:
        print(f"{promise} Cancel it: {job.cancel_command}")
    return not no_wait


def wait(job: DataflowJob, consequence: str) -> bool:
    """Follows a job to its end; returns whether it succeeded. If not, prints why, and `consequence`."""
    try:
        state = follow(job)
    except (KeyboardInterrupt, Terminated):
        print(f"Watch the job: {job.console}\nCancel it: {job.cancel_command}", file=sys.stderr)
        raise
    if state != DONE:
        print_failure(job, state, consequence)
    return state == DONE


def print_failure(job: DataflowJob, state: str, consequence: str) -> None:
    """Prints why a job has failed."""
    print(f"error: job {job.id} ended as {state.lower()}", file=sys.stderr)
    for cause in causes(job):
        print(f"  {cause}", file=sys.stderr)
    print(f"{consequence} Its logs: {job.console}", file=sys.stderr)


def causes(job: DataflowJob) -> list[str]:
    """Why a job has failed, by its last messages, one line each."""
    return [_cause(message) for message in job.errors()[-3:]]


def _cause(message: str) -> str:
    """The line of a worker's traceback with the error, or the message's first line."""
    lines = [line.strip() for line in message.splitlines() if line.strip()] or [""]
    return next((line for line in lines if "[while running" in line), lines[-1] if "Traceback" in message else lines[0])
