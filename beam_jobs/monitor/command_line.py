"""Command line of the monitoring job: the log of what is served and a reference in, alarms and an exit code out."""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
import time
from typing import TYPE_CHECKING

from beam_jobs.console import CommandLine, heavy_imports, quiet_libraries
from beam_jobs.monitor.request import DEFAULT_HOURS, HOW_TO_MAKE, MAX_SELECTED, Request, in_words, make_request
from beam_jobs.monitoring.failures import report_failure
from beam_jobs.runners.beam_options import parse_beam_flags
from beam_jobs.storage.files import delete_files, files_below, read_file
from beam_jobs.storage.ownership import claim_folder
from schemas.bounded_text import printable

if TYPE_CHECKING:
    from apache_beam.options.pipeline_options import PipelineOptions

ALARMS = FAILED = 1
OWNER = "beam_jobs.monitor"


def main(arguments: list[str] | None = None) -> int:
    """Runs the job.

    Returns:
      0 where nothing is unlike the reference; 1 where there are alarms, nothing was served, or the job failed.

    Raises:
      UserError: The options, the log or the reference can't be used.
    """
    options, beam_flags = _parser().parse_known_args(arguments)
    quiet_libraries(options.verbose)
    pipeline_options = parse_beam_flags(beam_flags)
    request = begin(options)
    if request is None:
        return FAILED
    start = time.monotonic()
    with tempfile.TemporaryDirectory() as progress_dir:
        try:
            _run(request._replace(progress_dir=progress_dir), pipeline_options)
        except Exception as error:  # anything that failed in the graph, on any runner
            report_failure(error, options.verbose)
            print("--verbose shows where it failed.", file=sys.stderr)
            return FAILED
    return report(request, time.monotonic() - start)


def begin(options: argparse.Namespace) -> Request | None:
    """Makes the request of a command line, and its output ready; None where nothing was served, which it says.

    Raises:
      UserError: The options, the log, the reference or the output can't be used.
    """
    request = make_request(options.log, options.reference, options.output, options.start, options.end, options.select)
    window = f"{in_words(request.window.start)} to {in_words(request.window.end)} UTC"
    print(f"Monitoring {request.log}, {window}{', the newest of the log' if request.is_newest else ''}", flush=True)
    if not request.files:
        _nothing_served(request)
        return None
    claim_folder("--output", request.output, OWNER)
    _delete_earlier(request)
    return request


def _parser() -> argparse.ArgumentParser:
    parser = CommandLine(
        prog="python -m beam_jobs.monitor",
        description="Compares what a model serves with its answers on photos that it did not learn: light, certainty, "
        "classes, and photos that are unlike all of train; in all, and by source, time and client. Options of Apache "
        f"Beam are accepted too, such as --direct_num_workers. The reference: {HOW_TO_MAKE}.",
        epilog="exit codes: 0 quiet, 1 alarms, nothing served, or a failed job, 2 unusable options, log or reference",
        allow_abbrev=False,
    )
    add_arguments(parser)
    return parser


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Adds the arguments that the job takes on any runner."""
    add = parser.add_argument
    add("--log", required=True, metavar="DIR", help="log of what is served, local or gs://")
    add("--reference", required=True, metavar="DIR", help="log of the model's answers on train and eval photos")
    when = "UTC, such as 2026-11-29T00"
    add("--from", dest="start", metavar="TIME", help=f"start of the window, {when} (default: {DEFAULT_HOURS} hours)")
    add("--to", dest="end", metavar="TIME", help=f"end of the window, {when} (default: the end of the log)")
    add(
        "--output",
        required=True,
        metavar="DIR",
        help="where monitor.html, drift.json, statistics.pb and to_label/ go; a new or empty folder, or one of an"
        " earlier run, which is replaced",
    )
    add(
        "--select",
        type=int,
        default=0,
        metavar="N",
        help=f"copy N of the kept photos to OUTPUT/to_label, those to label next (at most {MAX_SELECTED})",
    )
    add("--verbose", action="store_true", help="show the libraries' own messages")


def _delete_earlier(request: Request) -> None:
    """What an earlier run left in a folder that is marked as ours: no page stays that this run does not confirm."""
    from beam_jobs.monitor.selection import LABEL_FOLDER
    from beam_jobs.monitor.summary import DRIFT_FILE, PAGE_FILE, STATISTICS_FILE

    delete_files([f"{request.output}/{name}" for name in (DRIFT_FILE, PAGE_FILE, STATISTICS_FILE)])
    delete_files([one.path for one in files_below(f"{request.output}/{LABEL_FOLDER}")])


def _run(request: Request, options: PipelineOptions) -> None:
    with heavy_imports():
        from beam_jobs.monitor.pipeline import monitor
        from beam_jobs.monitoring.progress_display import READING_LOG, shown_progress
        from beam_jobs.runners.supervision import supervised_pipeline

    with supervised_pipeline(options, shown_progress(request.progress_dir, READING_LOG)) as pipeline:
        monitor(pipeline, request)


def report(request: Request, seconds: float) -> int:
    """Prints the outcome of a job that took `seconds`; returns the exit code."""
    from beam_jobs.monitor.page import PAGE_FILE
    from beam_jobs.monitor.summary import DRIFT_FILE
    from beam_jobs.monitor.terminal import count_line, label_lines, outcome_lines

    outcome = json.loads(read_file(f"{request.output}/{DRIFT_FILE}"))
    for line in outcome_lines(outcome, seconds):
        print(printable(line))
    if not outcome["records"]["judged"]:
        return _nothing_served(request)
    print(f"In pictures: {request.output}/{PAGE_FILE}")
    print(count_line(len(outcome["alarms"])))
    for line in label_lines(outcome, request.output):
        print(printable(line))
    return ALARMS if outcome["alarms"] else 0


def _nothing_served(request: Request) -> int:
    window = f"from {in_words(request.window.start)} to {in_words(request.window.end)} UTC"
    print(f"error: {request.log}: nothing was served {window}; is the log written?", file=sys.stderr)
    return FAILED
