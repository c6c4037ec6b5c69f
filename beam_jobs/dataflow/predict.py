"""Command line that runs the prediction job on Google Cloud Dataflow."""

from __future__ import annotations

import argparse
import re
import sys
import time
from typing import TYPE_CHECKING

from beam_jobs.console import COMMAND_LINE, CommandLine, exit_code, quiet_libraries
from beam_jobs.dataflow.command_line import add_cloud_arguments, print_network_note, report_failure
from beam_jobs.dataflow.options import (
    job_table,
    local_places,
    refuse_decided_flags,
    values_of,
)
from beam_jobs.google_cloud.dataflow_options import DataflowOptions
from beam_jobs.predict import command_line as predict
from beam_jobs.runners.beam_options import parse_beam_flags
from schemas.errors import UserError
from schemas.frozen_model import parse_model

if TYPE_CHECKING:
    from beam_jobs.predict.request import Request

PLACES = ("model", "photos", "version_dir", "output")


def main(arguments: list[str] | None = None) -> int:
    """Submits the job and, without --no_wait, waits for its end.

    Returns:
      0 where masks and table are written, or the job submitted with --no_wait; 1 where the job failed or there is no
      mask.

    Raises:
      UserError: The options, the input or the credentials can't be used, or Google has refused the job.
    """
    known, beam_flags = _parser().parse_known_args(arguments)
    quiet_libraries(known.verbose)
    values = {name: value for name, value in vars(known).items() if value is not None}
    if problems := local_places(values, PLACES):
        raise UserError("\n".join(problems))
    options = parse_model(DataflowOptions, values_of(DataflowOptions, values), COMMAND_LINE)
    refuse_decided_flags(beam_flags)
    name = _job_name(known.output)
    flags = [*options.beam_flags(name), *beam_flags]
    print(job_table(options, name, {one: values[one] for one in PLACES if one in values}), flush=True)
    print_network_note(options)
    if known.plan:
        print("\n".join(flags))
        return 0
    return report_failure(lambda: _run(predict.request_of(known), flags, known.no_wait), known.verbose)


def _parser() -> argparse.ArgumentParser:
    parser = CommandLine(
        prog="python -m beam_jobs.dataflow.predict",
        description="Writes masks and a table like beam_jobs.predict, on Google Cloud Dataflow. Other options of "
        "Apache Beam are accepted too, such as --min_cpu_platform.",
        epilog="exit codes: 0 written (with --no_wait: submitted), 1 failed, 2 unusable options or refused by Google, "
        "130 waiting ended by Ctrl-C (the job continues)",
        allow_abbrev=False,
    )
    predict.add_arguments(parser)
    add_cloud_arguments(parser, "predict-FOLDER, of --output")
    return parser


def _job_name(output: str) -> str:
    folder = output.rstrip("/").rpartition("/")[2]
    return re.sub("[^a-z0-9]+", "-", f"predict-{folder}".lower())[:63].strip("-")


def _run(request: Request, flags: list[str], no_wait: bool) -> int:
    from beam_jobs.dataflow.submission import announce, check_credentials, submit, wait
    from beam_jobs.predict.pipeline import predict as build

    pipeline_options = parse_beam_flags(flags)
    check_credentials()
    start = time.monotonic()
    job = submit(lambda pipeline: build(pipeline, request), pipeline_options)
    if not announce(job, no_wait, f"It writes {request.output}."):
        return 0
    if not wait(job, "The same command starts over; masks that were written stay."):
        return predict.FAILED
    return predict.report(request, time.monotonic() - start)


if __name__ == "__main__":
    sys.exit(exit_code(main, "stopped; a job that was submitted continues"))
