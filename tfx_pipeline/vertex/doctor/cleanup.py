"""Takes down what a deep check has started: at its end, when it is interrupted, and what a killed one has left."""

from __future__ import annotations

import hashlib
import signal
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from google.api_core.exceptions import GoogleAPICallError

from beam_jobs.storage.files import delete_files, files_below
from tfx_pipeline.config.pipeline import CloudPipelineConfig
from tfx_pipeline.vertex.doctor.google import Google, Refused

LABEL = "doctor"  # of jobs that are a check; its value is the pipeline's name
FOLDER = "doctor"  # below the pipeline's output
ENDED = ("SUCCEEDED", "DONE", "FAILED", "CANCELLED", "EXPIRED", "DRAINED")
CANCELLED = {"requestedState": "JOB_STATE_CANCELLED"}  # what Dataflow is sent
CANCEL_SECONDS, POLL_SECONDS = 300, 2
FAILURES = (GoogleAPICallError, Refused, OSError)  # what Google's clients raise where Google refuses


@contextmanager
def taking_down(config: CloudPipelineConfig, google: Google) -> Iterator[None]:
    """Takes down what the block has started, however it ends; neither Ctrl-C nor SIGTERM stops that."""
    try:
        yield
    except BaseException:
        print("Taking down what the check has started ...", file=sys.stderr, flush=True)
        raise
    finally:
        before = {number: signal.signal(number, signal.SIG_IGN) for number in (signal.SIGINT, signal.SIGTERM)}
        try:
            for _ in take_down(config, google):
                pass
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)


def take_down(config: CloudPipelineConfig, google: Google) -> Iterator[str]:
    """Cancels and deletes the jobs of deep checks of this pipeline, and their files; yields what was removed.

    Raises:
      GoogleAPICallError, Refused, OSError: The first failure, after everything else was tried.
    """
    failures = []
    for part in (_custom_jobs, _dataflow_jobs, _files):  # the files last: a job that runs would write more
        try:
            yield from part(config, google)
        except FAILURES as failure:
            failures.append(failure)
    if failures:
        raise failures[0]


def dataflow_job_name(config: CloudPipelineConfig) -> str:
    """The name of this pipeline's check on Dataflow; the service accepts no second job of the name at the same time."""
    digest = hashlib.sha256(f"{config.name} {config.output}".encode()).hexdigest()[:8]
    return f"doctor-{config.name[:46].rstrip('-')}-{digest}"


def _custom_jobs(config: CloudPipelineConfig, google: Google) -> Iterator[str]:
    from google.cloud import aiplatform

    cloud = config.cloud
    if cloud.training is None:
        return
    aiplatform.init(project=cloud.project, location=cloud.region)
    # Google types the list as one of the base class.
    jobs: list[Any] = aiplatform.CustomJob.list(filter=f'labels.{LABEL}="{config.name}"')
    for job in jobs:
        _end(lambda job=job: job.state.name, job.cancel)
        job.delete()  # which is possible only after its end
        yield f"CustomJob {job.name}"


def _dataflow_jobs(config: CloudPipelineConfig, google: Google) -> Iterator[str]:
    """Cancels; the service keeps the records of jobs, which cost nothing."""
    cloud = config.cloud
    if cloud.evaluation is None:
        return
    jobs = f"https://dataflow.googleapis.com/v1b3/projects/{cloud.project}/locations/{cloud.region}/jobs"
    name, page = dataflow_job_name(config), {}
    while True:
        page = google.get(f"{jobs}?filter=ACTIVE&pageToken={page.get('nextPageToken', '')}")
        for identifier in [one["id"] for one in page.get("jobs", []) if one["name"] == name]:
            job = f"{jobs}/{identifier}"
            _end(lambda job=job: google.get(job)["currentState"], lambda job=job: google.put(job, CANCELLED))
            yield f"Dataflow job {identifier}"
        if not page.get("nextPageToken"):
            return


def _files(config: CloudPipelineConfig, google: Google) -> Iterator[str]:
    folder = f"{config.output}/{FOLDER}"
    left = [one.path for one in files_below(folder)]
    delete_files(left)
    if left:
        yield f"{folder} with {len(left)} file{'s' if len(left) > 1 else ''}"


def _end(state: Callable[[], str], cancel: Callable[[], object]) -> None:
    """Cancels a job that runs, and waits for its end."""
    deadline = time.monotonic() + CANCEL_SECONDS
    if _has_ended(state()):
        return
    cancel()
    while not _has_ended(state()) and time.monotonic() < deadline:
        time.sleep(POLL_SECONDS)


def _has_ended(state: str) -> bool:
    return state.removeprefix("JOB_STATE_") in ENDED
