"""Command line that watches a stream of served photos on Google Cloud Dataflow, until the job is stopped."""

from __future__ import annotations

import argparse
import sys
from typing import TYPE_CHECKING, NoReturn

from beam_jobs.console import exit_code, heavy_imports
from beam_jobs.dataflow.folder_job import FolderJob, run_folder_job
from beam_jobs.monitor.command_line import OWNER
from beam_jobs.monitor.stream.request import DEFAULT_HOURS, DEFAULT_LATENESS, StreamRequest, make_stream_request
from beam_jobs.runners.job_arguments import add_verbose
from beam_jobs.storage.ownership import claim_folder

if TYPE_CHECKING:
    import apache_beam as beam


def main(arguments: list[str] | None = None) -> int:
    """Submits the job; exit codes and errors are those of `run_folder_job`."""
    return run_folder_job(_JOB, arguments)


def _add_arguments(parser: argparse.ArgumentParser) -> None:
    add = parser.add_argument
    add("--subscription", required=True, metavar="NAME", help="projects/PROJECT/subscriptions/NAME, of this job alone")
    add("--reference", required=True, metavar="DIR", help="log of the model's answers on train and eval photos, gs://")
    add("--output", required=True, metavar="DIR", help="gs:// folder that has one for each window, as 2026-11-29/21")
    add("--window_hours", type=int, default=DEFAULT_HOURS, metavar="N", help="hours of a window (default %(default)s)")
    lateness = "minutes that a window waits for late messages after its end (default %(default)s)"
    add("--lateness", type=int, default=DEFAULT_LATENESS, metavar="MINUTES", help=lateness)
    add_verbose(parser)


def _begin(options: argparse.Namespace) -> StreamRequest:
    request = make_stream_request(
        options.subscription, options.reference, options.output, options.window_hours, options.lateness
    )
    claim_folder("--output", request.output, OWNER)
    return request


def _build(pipeline: beam.Pipeline, request: StreamRequest) -> object:
    with heavy_imports():
        from beam_jobs.monitor.stream.pipeline import watch_subscription

    return watch_subscription(pipeline, request)


def _report(request: StreamRequest, seconds: float) -> NoReturn:
    raise RuntimeError(f"the stream of {request.output} has ended after {seconds:.0f} seconds")  # nothing waits for it


_JOB = FolderJob(
    name="monitor_stream",
    description="Compares what a model serves, hour by hour as it is published to Pub/Sub, with its answers on photos "
    "that it did not learn",
    written="submitted",
    places=("reference", "output"),
    add_arguments=_add_arguments,
    begin=_begin,
    build=_build,
    report=_report,
    after_failure="",
    streams=True,
)


if __name__ == "__main__":
    sys.exit(exit_code(main, "stopped; a job that was submitted continues"))
