"""Takes down what a deep check has started: at its end, when it is interrupted, and what a killed one has left."""

from __future__ import annotations

import signal
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager

from beam_jobs.storage.files import delete_files, files_below
from tfx_pipeline.config.pipeline import PipelineConfig

LABEL = "doctor"  # of a CustomJob that is a check; its value is the pipeline's name
FOLDER = "doctor"  # below the pipeline's output
ENDED = ("SUCCEEDED", "FAILED", "CANCELLED", "EXPIRED")
CANCEL_SECONDS, POLL_SECONDS = 300, 2


@contextmanager
def taking_down(config: PipelineConfig) -> Iterator[None]:
    """Takes down what the block has started, however it ends; neither Ctrl-C nor SIGTERM stops that."""
    try:
        yield
    except BaseException:
        print("Taking down what the check has started ...", file=sys.stderr, flush=True)
        raise
    finally:
        before = {number: signal.signal(number, signal.SIG_IGN) for number in (signal.SIGINT, signal.SIGTERM)}
        try:
            for _ in take_down(config):
                pass
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)


def take_down(config: PipelineConfig) -> Iterator[str]:
    """Cancels and deletes the CustomJobs of deep checks of this pipeline, and their files; yields what was removed."""
    from google.cloud import aiplatform

    for job in aiplatform.CustomJob.list(filter=f'labels.{LABEL}="{config.name}"'):
        _end(job)
        job.delete()
        yield f"CustomJob {job.name}"
    left = [one.path for one in files_below(f"{config.output}/{FOLDER}")]
    delete_files(left)
    yield from left


def _end(job) -> None:
    """Cancels a job that runs, and waits for its end: only one that has ended can be deleted."""
    deadline = time.monotonic() + CANCEL_SECONDS
    if job.state.name.removeprefix("JOB_STATE_") in ENDED:
        return
    job.cancel()
    while job.state.name.removeprefix("JOB_STATE_") not in ENDED and time.monotonic() < deadline:
        time.sleep(POLL_SECONDS)
