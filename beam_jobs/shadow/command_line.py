"""Command line of a shadow run: two models and photos in, how their answers differ out."""

from __future__ import annotations

import argparse
import json
import sys
from typing import TYPE_CHECKING

from beam_jobs.console import heavy_imports, quiet_libraries
from beam_jobs.monitoring.progress_display import PREDICTING
from beam_jobs.predict.request import ANY_PHOTO
from beam_jobs.runners.beam_options import parse_beam_flags
from beam_jobs.runners.job_arguments import add_output, add_verbose, add_window, job_parser
from beam_jobs.runners.request_run import run_request
from beam_jobs.shadow.request import Request, make_request
from beam_jobs.storage.files import delete_files, files_below, read_file
from beam_jobs.storage.ownership import claim_folder
from beam_jobs.wrapped_lines import print_lines
from schemas.bounded_text import printable

if TYPE_CHECKING:
    import apache_beam as beam

FAILED = 1
OWNER = "beam_jobs.shadow"


def main(arguments: list[str] | None = None) -> int:
    """Runs the job.

    Returns:
      0 where both models were compared, however they differ; 1 where the job failed, or no photo could be compared.

    Raises:
      UserError: The options, a model, the photos or the log can't be used.
    """
    options, beam_flags = _parser().parse_known_args(arguments)
    quiet_libraries(options.verbose)
    pipeline_options = parse_beam_flags(beam_flags)
    request = begin(options)
    seconds = run_request(build, request, pipeline_options, PREDICTING, options.verbose)
    return FAILED if seconds is None else report(request, seconds)


def begin(options: argparse.Namespace) -> Request:
    """Makes the request of a command line, and its output ready.

    Raises:
      UserError: The options, a model, the photos, the log or the output can't be used.
    """
    request = make_request(
        options.model,
        options.candidate,
        options.output,
        options.photos,
        options.log,
        options.image_path,
        options.start,
        options.end,
    )
    print_lines(f"Comparing {request.candidate.folder} with {request.served.folder}")
    claim_folder("--output", request.output, OWNER)
    _delete_earlier(request)
    return request


def _parser() -> argparse.ArgumentParser:
    return job_parser(
        "shadow",
        "Has a candidate answer the photos that the served model answers, and no user, and compares both: "
        "agreement, class shares, confidence, time, and the photos on which they differ most. Disagreement is no "
        "error: only labels say which is right.",
        "0 compared, 1 the job failed or no photo could be compared, 2 unusable options or models",
        add_arguments,
    )


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Adds the arguments that the job takes on any runner."""
    add = parser.add_argument
    add("--model", required=True, metavar="DIR", help="exported model that is served, local or gs://")
    add("--candidate", required=True, metavar="DIR", help="exported model that may follow it, of the same classes")
    what = parser.add_mutually_exclusive_group(required=True)
    what.add_argument("--photos", metavar="DIR", help="folder of photos, local or gs://")
    what.add_argument("--log", metavar="DIR", help="log of what is served: the photos that it kept")
    add("--image_path", default=ANY_PHOTO, help=f"pattern below --photos (default {ANY_PHOTO})")
    add_window(parser, of="of --log: ")
    add_output(parser, "shadow.html, shadow.json, table/ and rejected/")
    add_verbose(parser)


def _delete_earlier(request: Request) -> None:
    """What an earlier run left in a folder that is marked as ours: no page stays that this run does not confirm."""
    with heavy_imports():
        from beam_jobs.shadow.summary import OUTCOME_FILE, PAGE_FILE, REJECTED_FOLDER, TABLE_FOLDER

    delete_files([f"{request.output}/{name}" for name in (OUTCOME_FILE, PAGE_FILE)])
    for folder in (TABLE_FOLDER, REJECTED_FOLDER):
        delete_files([one.path for one in files_below(f"{request.output}/{folder}")])


def build(pipeline: beam.Pipeline, request: Request) -> object:
    """Adds the graph of a request to a pipeline."""
    with heavy_imports():
        from beam_jobs.shadow.pipeline import shadow

    return shadow(pipeline, request)


def report(request: Request, seconds: float) -> int:
    """Prints what a job has found in `seconds`; returns the exit code."""
    from beam_jobs.shadow.summary import OUTCOME_FILE, PAGE_FILE, REJECTED_FOLDER
    from beam_jobs.shadow.terminal import PROMOTE, ROLLBACK, outcome_lines

    outcome = json.loads(read_file(f"{request.output}/{OUTCOME_FILE}"))
    if not outcome["photos"]["compared"]:
        rejected = outcome["photos"]["rejected"]
        why = f"all {rejected} were rejected, see {request.output}/{REJECTED_FOLDER}" if rejected else "none was found"
        print_lines(f"error: no photo was compared: {why}", sys.stderr)
        return FAILED
    for line in outcome_lines(outcome, dict(zip(request.classes, request.titles)), seconds):
        print_lines(printable(line))
    print_lines(f"In pictures: {request.output}/{PAGE_FILE}")
    print(f"To give the candidate all traffic of an endpoint: {PROMOTE}")
    print(f"To keep the served model: {ROLLBACK}")
    return 0
