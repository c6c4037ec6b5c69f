"""Command line of the prediction job: photos or a published version in, masks and a table out."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Iterator
from typing import TYPE_CHECKING

from beam_jobs.console import quiet_libraries
from beam_jobs.monitoring.progress_display import PREDICTING
from beam_jobs.predict.request import ANY_PHOTO, RUNTIMES, SAVED_MODEL, make_request
from beam_jobs.runners.beam_options import parse_beam_flags
from beam_jobs.runners.job_arguments import add_verbose, job_parser
from beam_jobs.runners.request_run import run_request
from beam_jobs.storage.files import files_below, read_file
from beam_jobs.wrapped_lines import print_lines
from schemas.features import SPLITS

if TYPE_CHECKING:
    import apache_beam as beam

    from beam_jobs.predict.request import Request

FAILED = 1
_SHOWN_CLASSES = 8


def main(arguments: list[str] | None = None) -> int:
    """Runs the job.

    Returns:
      0 where masks and table are written; 1 where the job failed, or no photo could be predicted.

    Raises:
      UserError: The options can't be used; nothing was started.
    """
    options, beam_flags = _parser().parse_known_args(arguments)
    quiet_libraries(options.verbose)
    request = request_of(options)
    pipeline_options = parse_beam_flags(beam_flags)
    print_lines(f"Predicting {request.version_dir or request.photos} with {request.model_dir}")
    again = "Masks that were written stay; the same command writes them again. --verbose shows more."
    seconds = run_request(build, request, pipeline_options, PREDICTING, options.verbose, again)
    return FAILED if seconds is None else report(request, seconds)


def _parser() -> argparse.ArgumentParser:
    return job_parser(
        "predict",
        "Writes a mask for each photo of a folder, or for each record of a published version, and a table: "
        "shares of the classes and, where there is truth, IoU per image.",
        "0 written, 1 the job failed or there is no mask, 2 unusable options",
        add_arguments,
    )


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Adds the arguments that the job takes on any runner."""
    add = parser.add_argument
    add("--model", required=True, metavar="DIR", help="exported model, such as OUTPUT/serving/1700000000, or gs://")
    what = parser.add_mutually_exclusive_group(required=True)
    what.add_argument("--photos", metavar="DIR", help="folder of photos, local or gs://")
    what.add_argument("--version_dir", metavar="DIR", help="published version; its masks are the truth")
    add("--image_path", default=ANY_PHOTO, help=f"pattern below --photos (default {ANY_PHOTO})")
    add("--split", choices=SPLITS, help="of --version_dir (default: all)")
    add("--output", required=True, metavar="DIR", help="where masks/, table/, rejected/ and summary.json go")
    add("--log", metavar="DIR", help="log that a record of each answer is added to, for beam_jobs.monitor; or gs://")
    add("--log_photos", type=float, default=0.0, metavar="SHARE", help="of the photos, kept in the log (default: 0)")
    add("--runtime", choices=RUNTIMES, default=SAVED_MODEL, help="what runs the model (default: saved_model)")
    add_verbose(parser)


def request_of(options: argparse.Namespace) -> Request:
    """The request that a command line makes; UserError names what can't be used."""
    return make_request(
        options.model,
        options.output,
        options.photos,
        options.image_path,
        options.version_dir,
        options.split,
        options.log,
        options.log_photos,
        runtime=options.runtime,
    )


def build(pipeline: beam.Pipeline, request: Request) -> object:
    """Adds the graph of a request to a pipeline."""
    from beam_jobs.predict.pipeline import predict

    return predict(pipeline, request)


def report(request: Request, seconds: float) -> int:
    """Prints what a job has written in `seconds`; returns the exit code."""
    from beam_jobs.predict.summary import SUMMARY_FILE

    summary = json.loads(read_file(f"{request.output}/{SUMMARY_FILE}"))
    photos, rejected = summary["photos"], summary["rejected"]
    print_lines(f"  {photos} masks in {seconds:.1f} seconds ({photos / seconds:.1f} images/s), {rejected} rejected")
    if "mean_iou" in summary:
        titles = dict(zip(request.info.classes, request.info.class_titles))
        shown = [(titles.get(name, name), value) for name, value in summary["iou"].items()][:_SHOWN_CLASSES]
        classes = ", ".join(f"{title} {'-' if value is None else f'{value:.3f}'}" for title, value in shown)
        print_lines(f"  mean IoU {summary['mean_iou']:.3f} ({classes}), pixel accuracy {summary['pixel_accuracy']:.3f}")
        print_lines("  worst: " + ", ".join(f"{one['id']} {one['mean_iou']:.3f}" for one in summary["worst"]))
    print_lines(f"Masks: {request.output}/masks, table: {request.output}/table")
    if request.log:
        print_lines(f"Log: {request.log}")
    if rejected:
        print_lines(f"Rejected: {request.output}/rejected")
    for kind, left_out in summary.get("left_out", {}).items():
        print_lines(
            f"Left out, not matching {request.image_path}: {left_out['count']} {kind}, as {left_out['examples'][0]}"
        )
    for line in _of_earlier_runs(request.output, photos, set(summary["files"])):
        print_lines(f"Note: {line}")
    if not photos:
        found = f"all {rejected} photos were rejected" if rejected else "no photo was found"
        print_lines(f"error: no mask was written: {found}", sys.stderr)
    return 0 if photos else FAILED


def _of_earlier_runs(output: str, masks: int, files: set[str]) -> Iterator[str]:
    """One line for each folder that also holds files of earlier runs: `masks` masks, and `files`."""
    from beam_jobs.predict.pipeline import REJECTED_FOLDER, TABLE_FOLDER

    if more := sum(1 for _ in files_below(f"{output}/masks")) - masks:
        yield f"{output}/masks also holds {more} of earlier runs"
    for folder in (TABLE_FOLDER, REJECTED_FOLDER):
        found = [one.path.removeprefix(f"{output}/") for one in files_below(f"{output}/{folder}")]
        if older := sorted(set(found) - files):
            yield f"{output}/{folder} also holds {', '.join(older)} of earlier runs"
