"""Command line that compares two models of a log: how their answers differ out."""

from __future__ import annotations

import argparse
import json
from typing import TYPE_CHECKING

from beam_jobs.console import heavy_imports, quiet_libraries
from beam_jobs.monitoring.progress_display import READING_LOG
from beam_jobs.runners.beam_options import parse_beam_flags
from beam_jobs.runners.job_arguments import add_output, add_verbose, add_window, job_parser
from beam_jobs.runners.request_run import run_request
from beam_jobs.storage.files import delete_files, read_file
from beam_jobs.storage.ownership import claim_folder
from beam_jobs.traffic.request import Request, make_request
from beam_jobs.wrapped_lines import print_lines
from schemas.bounded_text import printable

if TYPE_CHECKING:
    import apache_beam as beam

FAILED = 1
OWNER = "beam_jobs.traffic"


def main(arguments: list[str] | None = None) -> int:
    """Runs the job.

    Returns:
      0 where two models were compared, however they differ; 1 where the job failed.

    Raises:
      UserError: The options, the log or the output can't be used, or the log has no two models.
    """
    options, beam_flags = _parser().parse_known_args(arguments)
    quiet_libraries(options.verbose)
    pipeline_options = parse_beam_flags(beam_flags)
    request = begin(options)
    seconds = run_request(build, request, pipeline_options, READING_LOG, options.verbose)
    return FAILED if seconds is None else report(request, seconds)


def begin(options: argparse.Namespace) -> Request:
    """Makes the request of a command line, and its output ready.

    Raises:
      UserError: The options, the log or the output can't be used.
    """
    request = make_request(options.log, options.output, options.start, options.end, options.candidate)
    print_lines(f"Comparing the models of {request.log}, {request.window}")
    claim_folder("--output", request.output, OWNER)
    _delete_earlier(request)
    return request


def _parser() -> argparse.ArgumentParser:
    return job_parser(
        "traffic",
        "Compares two models that share the traffic of an endpoint, from its log alone: class shares, "
        "certainty, time, with intervals, and whether they were asked about alike photos. To compare two models on the "
        "same photos, use beam_jobs.shadow.",
        "0 compared, 1 the job failed, 2 unusable options, or a log without two models",
        add_arguments,
    )


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Adds the arguments that the job takes on any runner."""
    add = parser.add_argument
    add("--log", required=True, metavar="DIR", help="log of what is served, local or gs://")
    add_window(parser)
    add("--candidate", metavar="DIGITS", help="model that is new, by 12 digits (default: the one with fewer records)")
    add_output(parser, "traffic.html and traffic.json")
    add_verbose(parser)


def _delete_earlier(request: Request) -> None:
    """What an earlier run left in a folder that is marked as ours: no page stays that this run does not confirm."""
    with heavy_imports():
        from beam_jobs.traffic.summary import OUTCOME_FILE, PAGE_FILE

    delete_files([f"{request.output}/{name}" for name in (OUTCOME_FILE, PAGE_FILE)])


def build(pipeline: beam.Pipeline, request: Request) -> object:
    """Adds the graph of a request to a pipeline."""
    with heavy_imports():
        from beam_jobs.traffic.pipeline import traffic

    return traffic(pipeline, request)


def report(request: Request, seconds: float) -> int:
    """Prints what a job has found in `seconds`; returns the exit code."""
    from beam_jobs.html.lights import LOOK
    from beam_jobs.traffic.page import PAGE_FILE, lights_of
    from beam_jobs.traffic.summary import OUTCOME_FILE

    outcome = json.loads(read_file(f"{request.output}/{OUTCOME_FILE}"))
    pair = (f"{outcome[name]['photos']:,} of {name} model {outcome[name]['model']}" for name in ("served", "candidate"))
    print_lines(printable(f"  photos: {', '.join(pair)}, {seconds:.1f} seconds"))
    for light in lights_of(outcome):
        print_lines(printable(f"  {'!' if light.state == LOOK else ' '} {light.name}: {light.text}"))
    print_lines(f"In pictures: {request.output}/{PAGE_FILE}")
    return 0
