"""Command line of the monitoring job: the log of what is served and a reference in, alarms and an exit code out."""

from __future__ import annotations

import argparse
import json
import sys
from functools import partial
from typing import TYPE_CHECKING

from beam_jobs.console import heavy_imports, quiet_libraries
from beam_jobs.monitor.answering import (
    LABEL_FOLDER,
    PHOTOS_FOLDER,
    REFERENCE_FOLDER,
    SERVED_FOLDER,
    Answering,
    answering_of,
    begin_answering,
    build_answering,
    delete_answers,
    propose,
    selected_photos,
)
from beam_jobs.monitor.request import DEFAULT_HOURS, HOW_TO_MAKE, MAX_SELECTED, Request, make_request
from beam_jobs.monitoring.progress_display import PREDICTING, READING_LOG
from beam_jobs.predict.command_line import build as build_masks
from beam_jobs.predict.request import ANY_PHOTO
from beam_jobs.runners.beam_options import parse_beam_flags
from beam_jobs.runners.job_arguments import add_output, add_verbose, add_window, job_parser
from beam_jobs.runners.request_run import run_request
from beam_jobs.storage.files import delete_files, files_below, read_file
from beam_jobs.storage.ownership import claim_folder
from beam_jobs.wrapped_lines import print_lines
from schemas.bounded_text import printable

if TYPE_CHECKING:
    import apache_beam as beam
    from apache_beam.options.pipeline_options import PipelineOptions

ALARMS = FAILED = 1
OWNER = "beam_jobs.monitor"
REJECTED_FOLDER = "rejected"  # of the output, for photos that could not be read


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
    if (answering := answering_of(options)) is not None:
        if not _answer(answering, options, pipeline_options):
            return FAILED
        options.log = f"{answering.output}/{SERVED_FOLDER}" if answering.photos else options.log
        options.reference = f"{answering.output}/{REFERENCE_FOLDER}" if answering.version else options.reference
    request = begin(options)
    if request is None:
        return FAILED
    seconds = run_request(build, request, pipeline_options, READING_LOG, options.verbose)
    if seconds is None:
        return FAILED
    code = report(request, seconds)
    chosen = options.model and next(files_below(f"{request.output}/{LABEL_FOLDER}/{PHOTOS_FOLDER}"), None)
    return code if not chosen or _propose(options, pipeline_options) else FAILED


def _propose(options: argparse.Namespace, pipeline_options: PipelineOptions) -> bool:
    """Has the model propose masks for the photos that were chosen; whether that went well."""
    request = selected_photos(options.model, options.output)
    if run_request(build_masks, request, pipeline_options, PREDICTING, options.verbose) is None:
        return False
    photos = propose(request)
    print_lines(f"Proposals for {photos} of them: annotations.json (COCO), annotations.xml (CVAT), labelme/")
    return True


def _answer(answering: Answering, options: argparse.Namespace, pipeline_options: PipelineOptions) -> bool:
    """Has the model answer; whether that went well."""
    named = " and ".join(one.photos or one.version_dir for one in answering.requests)
    print_lines(f"Predicting {named} with {answering.requests[0].model_dir}")
    claim_folder("--output", answering.output, OWNER)
    delete_files([one.path for one in files_below(f"{answering.output}/{REJECTED_FOLDER}")])
    begin_answering(answering)
    took = run_request(build_answering, answering, pipeline_options, PREDICTING, options.verbose)
    rejected = [one.path for one in files_below(f"{answering.output}/{REJECTED_FOLDER}") if one.size]
    if rejected:
        print_lines(f"Rejected: {answering.output}/{REJECTED_FOLDER}")
    return took is not None


def begin(options: argparse.Namespace) -> Request | None:
    """Makes the request of a command line, and its output ready; None where nothing was served, which it says.

    Raises:
      UserError: The options, the log, the reference or the output can't be used.
    """
    request = make_request(options.log, options.reference, options.output, options.start, options.end, options.select)
    newest = ", the newest of the log" if request.is_newest else ""
    print_lines(f"Monitoring {request.log}, {request.window}{newest}")
    if not request.files:
        _nothing_served(request)
        return None
    claim_folder("--output", request.output, OWNER)
    _delete_earlier(request)
    return request


def _parser() -> argparse.ArgumentParser:
    return job_parser(
        "monitor",
        "Compares what a model serves with its answers on photos that it did not learn: light, certainty, "
        "classes, and photos that are unlike all of train; in all, and by source, time and client. The reference: "
        f"{HOW_TO_MAKE}.",
        "0 quiet, 1 alarms, nothing served, or a failed job, 2 unusable options, log or reference",
        partial(add_arguments, may_answer=True),
    )


def add_arguments(parser: argparse.ArgumentParser, may_answer: bool = False) -> None:
    """Adds the arguments that the job takes on any runner, and those that have a model answer photos first."""
    add = parser.add_argument
    log = "log of what is served, local or gs://"
    reference = "log of the model's answers on train and eval photos"
    if may_answer:
        what = parser.add_mutually_exclusive_group(required=True)
        what.add_argument("--log", metavar="DIR", help=log)
        what.add_argument("--photos", metavar="DIR", help="or a folder of photos, which --model answers first")
        add(
            "--model",
            metavar="DIR",
            help="exported model, for --photos, for a version as --reference, and for masks of --select",
        )
        add("--image_path", default=ANY_PHOTO, help=f"pattern below --photos (default {ANY_PHOTO})")
        reference += "; or the version itself, which --model answers first"
    else:
        add("--log", required=True, metavar="DIR", help=log)
    add("--reference", required=True, metavar="DIR", help=reference)
    add_window(parser, start=f"{DEFAULT_HOURS} hours before its end")
    add_output(parser, "monitor.html, drift.json, statistics.pb and to_label/")
    add(
        "--select",
        type=int,
        default=0,
        metavar="N",
        help=f"copy N of the kept photos to OUTPUT/to_label, those to label next (at most {MAX_SELECTED})",
    )
    add_verbose(parser)


def _delete_earlier(request: Request) -> None:
    """What an earlier run left in a folder that is marked as ours: no page stays that this run does not confirm."""
    from beam_jobs.monitor.summary import DRIFT_FILE, PAGE_FILE, STATISTICS_FILE

    delete_files([f"{request.output}/{name}" for name in (DRIFT_FILE, PAGE_FILE, STATISTICS_FILE)])
    delete_files([one.path for one in files_below(f"{request.output}/{LABEL_FOLDER}")])
    own = f"{request.output}/"
    if not request.log.startswith(own) and not request.reference.startswith(own):
        delete_answers(request.output)


def build(pipeline: beam.Pipeline, request: Request) -> object:
    """Adds the graph of a request to a pipeline."""
    with heavy_imports():
        from beam_jobs.monitor.pipeline import monitor

    return monitor(pipeline, request)


def report(request: Request, seconds: float) -> int:
    """Prints the outcome of a job that took `seconds`; returns the exit code."""
    from beam_jobs.monitor.page import PAGE_FILE
    from beam_jobs.monitor.summary import DRIFT_FILE
    from beam_jobs.monitor.terminal import count_line, label_lines, outcome_lines

    outcome = json.loads(read_file(f"{request.output}/{DRIFT_FILE}"))
    for line in outcome_lines(outcome, seconds):
        print_lines(printable(line))
    if not outcome["records"]["judged"]:
        return _nothing_served(request)
    print_lines(f"In pictures: {request.output}/{PAGE_FILE}")
    print_lines(count_line(len(outcome["alarms"])))
    for line in label_lines(outcome, request.output):
        print_lines(printable(line))
    return ALARMS if outcome["alarms"] else 0


def _nothing_served(request: Request) -> int:
    print_lines(f"error: {request.log}: nothing was served from {request.window}; is the log written?", sys.stderr)
    return FAILED
