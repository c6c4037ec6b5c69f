"""What the command lines share that run a job on Google Cloud Dataflow which writes a folder, its `--output`."""

from __future__ import annotations

import argparse
import re
import time
from collections.abc import Callable
from typing import Any, NamedTuple

from beam_jobs.console import COMMAND_LINE, CommandLine, quiet_libraries
from beam_jobs.dataflow.command_line import add_cloud_arguments, print_network_note, report_failure
from beam_jobs.dataflow.options import job_table, local_places, refuse_decided_flags, values_of
from beam_jobs.google_cloud.dataflow_options import DataflowOptions
from beam_jobs.prepare.command_line import FAILED
from beam_jobs.runners.beam_options import parse_beam_flags
from schemas.errors import UserError
from schemas.frozen_model import parse_model


class FolderJob(NamedTuple):
    """A job, by what its own command line is made of.

    Attributes:
      name: Of its package in `beam_jobs`, and so of this command and of Dataflow's job.
      description, written: What it does; what exit code 0 means.
      places: Arguments that are folders, which workers must reach.
      add_arguments: Adds its own arguments, `--output` and `--verbose` among them.
      begin: Makes the request that a command line asks for, and the output ready; None where there is nothing to do.
      build: Adds the graph of a request to a pipeline; imported when it is needed.
      report: Prints what the job has written in so many seconds; returns the exit code.
      after_failure: What a person should know then.
      streams: Whether it runs until it is stopped, so that there is no end to wait for.
    """

    name: str
    description: str
    written: str
    places: tuple[str, ...]
    add_arguments: Callable[[argparse.ArgumentParser], None]
    begin: Callable[[argparse.Namespace], Any]
    build: Callable[[Any, Any], object]
    report: Callable[[Any, float], int]
    after_failure: str
    streams: bool = False


def run_folder_job(job: FolderJob, arguments: list[str] | None) -> int:
    """Submits a job and, without --no_wait, waits for its end.

    Returns:
      What `job.report` gives, or 0 with --no_wait; 1 where the job failed or there is nothing to do.

    Raises:
      UserError: The options, the input or the credentials can't be used, or Google has refused the job.
    """
    known, beam_flags = _parser(job).parse_known_args(arguments)
    quiet_libraries(known.verbose)
    values = {name: value for name, value in vars(known).items() if value is not None}
    if problems := local_places(values, job.places):
        raise UserError("\n".join(problems))
    options = parse_model(DataflowOptions, values_of(DataflowOptions, values), COMMAND_LINE)
    refuse_decided_flags(beam_flags)
    name = _job_name(job.name, known.output)
    streaming = ["--streaming", "--enable_streaming_engine"] if job.streams else []
    flags = [*options.beam_flags(name), *streaming, *beam_flags]
    print(job_table(options, name, {one: values[one] for one in job.places if one in values}), flush=True)
    print_network_note(options)
    if known.plan:
        print("\n".join(flags))
        return 0
    return report_failure(lambda: _run(job, known, flags), known.verbose)


def _parser(job: FolderJob) -> argparse.ArgumentParser:
    like = "" if job.streams else f" like beam_jobs.{job.name}"
    parser = CommandLine(
        prog=f"python -m beam_jobs.dataflow.{job.name}",
        description=f"{job.description}{like}, on Google Cloud Dataflow. Other options of Apache "
        "Beam are accepted too, such as --min_cpu_platform.",
        epilog=f"exit codes: 0 {job.written} (with --no_wait: submitted), 1 failed, 2 unusable options or refused by "
        "Google, 130 waiting ended by Ctrl-C (the job continues)",
        allow_abbrev=False,
    )
    job.add_arguments(parser)
    add_cloud_arguments(parser, f"{job.name}-FOLDER, of --output")
    return parser


def _job_name(name: str, output: str) -> str:
    folder = output.rstrip("/").rpartition("/")[2]
    return re.sub("[^a-z0-9]+", "-", f"{name}-{folder}".lower())[:63].strip("-")


def _run(job: FolderJob, known: argparse.Namespace, flags: list[str]) -> int:
    from beam_jobs.dataflow.submission import announce, check_credentials, submit, wait

    pipeline_options = parse_beam_flags(flags)
    check_credentials()
    request = job.begin(known)
    if request is None:
        return FAILED
    start = time.monotonic()
    submitted = submit(lambda pipeline: job.build(pipeline, request), pipeline_options)
    if not announce(submitted, known.no_wait or job.streams, f"It writes {request.output}."):
        return 0
    if not wait(submitted, job.after_failure):
        return FAILED
    return job.report(request, time.monotonic() - start)
