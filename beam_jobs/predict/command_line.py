"""Command line of the prediction job: photos or a published version in, masks and a table out."""

from __future__ import annotations

import argparse
import json
import os
import sys
import tempfile
import time
from collections.abc import Iterator
from typing import TYPE_CHECKING

from beam_jobs.console import CommandLine, be_calm, heavy_imports
from beam_jobs.monitoring.failures import failure_cause
from beam_jobs.runners.beam_options import parse_beam_flags
from beam_jobs.storage.files import files_below, read_file
from beam_jobs.storage.versions import absolute_folder, read_contract, require_shards, require_version
from schemas.errors import UserError
from schemas.features import SPLITS
from schemas.path_pattern import PathPattern, check_path_pattern

if TYPE_CHECKING:
    from apache_beam.options.pipeline_options import PipelineOptions

    from beam_jobs.predict.pipeline import Request

FAILED = 1
ANY_PHOTO = "{id}.*"
_SHOWN_CLASSES = 8


def main(arguments: list[str] | None = None) -> int:
    """Runs the job.

    Returns:
      0 where masks and table are written; 1 where the job failed, or no photo could be predicted.

    Raises:
      UserError: The options can't be used; nothing was started.
    """
    options, beam_flags = _parser().parse_known_args(arguments)
    be_calm(options.verbose)
    request = make_request(options)
    pipeline_options = parse_beam_flags(beam_flags)
    print(f"Predicting {request.version_dir or request.photos} with {request.model_dir}", flush=True)
    start = time.monotonic()
    with tempfile.TemporaryDirectory() as progress_dir:
        try:
            _run(request._replace(progress_dir=progress_dir), pipeline_options)
        except Exception as error:  # whatever failed in the graph, on any runner
            if options.verbose or isinstance(error, UserError):
                raise
            print(f"error: the job failed: {failure_cause(error)}", file=sys.stderr)
            print("Masks that were written stay; the same command writes them again. --verbose tells more.")
            return FAILED
    return report(request, time.monotonic() - start)


def _parser() -> argparse.ArgumentParser:
    parser = CommandLine(
        prog="python -m beam_jobs.predict",
        description="Writes a mask for each photo of a folder, or for each record of a published version, and a table: "
        "shares of the classes and, where there is truth, IoU per image. Options of Apache Beam are accepted too, such "
        "as --direct_num_workers.",
        epilog="exit codes: 0 written, 1 the job failed or there is no mask, 2 unusable options",
        allow_abbrev=False,
    )
    add_arguments(parser)
    return parser


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Adds what every way to run the job takes."""
    add = parser.add_argument
    add("--model", required=True, metavar="DIR", help="exported model, such as OUTPUT/serving/1700000000, or gs://")
    what = parser.add_mutually_exclusive_group(required=True)
    what.add_argument("--photos", metavar="DIR", help="folder of photos, local or gs://")
    what.add_argument("--version_dir", metavar="DIR", help="published version; its masks are the truth")
    add("--image_path", default=ANY_PHOTO, help=f"pattern below --photos (default {ANY_PHOTO})")
    add("--split", choices=SPLITS, help="of --version_dir (default: all)")
    add("--output", required=True, metavar="DIR", help="where masks/, table/, rejected/ and summary.json go")
    add("--verbose", action="store_true", help="show the libraries' own messages")


def make_request(options: argparse.Namespace) -> Request:
    """Checks everything that can be checked before Beam is imported; UserError names what can't be used."""
    model_dir, output = absolute_folder(options.model), absolute_folder(options.output)
    photos, version_dir, shards = "", "", ()
    if options.photos:
        photos = absolute_folder(options.photos)
        _check_photos(photos, options.image_path)
    else:
        version_dir = absolute_folder(options.version_dir)
        manifest = require_version("--version_dir", version_dir)
        splits = [options.split] if options.split else sorted(manifest.splits)
        shards = tuple(shard for split in splits for shard in manifest.splits[split].shards)
    inputs = [folder for folder in (photos, version_dir, model_dir) if folder]
    if clash := next((one for one in inputs if f"{_real(output)}/".startswith(f"{_real(one)}/")), None):
        raise UserError(f"--output {output}: lies in {clash}, which is read; give a folder outside of it")
    with heavy_imports():
        from beam_jobs.predict.model import read_model_info
        from beam_jobs.predict.pipeline import Request

    info = read_model_info(model_dir)
    if version_dir:
        _check_fit(info, manifest, model_dir, version_dir)
        require_shards(version_dir, manifest)
    if "://" not in output:
        try:
            os.makedirs(os.path.join(output, "masks"), exist_ok=True)
        except OSError as error:
            raise UserError(f"--output {output}: can't be written to ({error.strerror})") from None
    return Request(model_dir, info, output, photos, options.image_path, version_dir, shards, progress_dir="")


def _real(folder: str) -> str:
    """A local folder without links: one that leads into what is read would be written to all the same."""
    return folder if "://" in folder else os.path.realpath(folder)


def _check_photos(photos: str, pattern: str) -> None:
    try:
        check_path_pattern(pattern)
    except ValueError as error:
        raise UserError(f"--image_path {pattern}: {error}") from None
    if "://" not in photos:
        if not os.path.isdir(photos):
            raise UserError(f"--photos {photos}: no such folder")
        from beam_jobs.sources.folders import list_photos

        if next(list_photos(photos, pattern), None) is None:
            raise UserError(f"--photos {photos}: no file matches {PathPattern(pattern).glob}; give --image_path")


def _check_fit(info, manifest, model_dir: str, version_dir: str) -> None:
    if not info.tiled and manifest.image_size != info.image_size:
        raise UserError(
            f"--version_dir {version_dir}: images of {manifest.image_size} pixels, but {model_dir} takes "
            f"{info.image_size}; give a version of that size, or the photos themselves"
        )
    if info.classes != read_contract(version_dir, manifest).class_names:
        raise UserError(f"--version_dir {version_dir}: its classes are not those of {model_dir}: {info.classes}")


def _run(request: Request, options: PipelineOptions) -> None:
    from beam_jobs.monitoring.progress_display import PREDICTING, shown_progress
    from beam_jobs.predict.pipeline import predict
    from beam_jobs.runners.supervision import supervised_pipeline

    with supervised_pipeline(options, shown_progress(request.progress_dir, PREDICTING)) as pipeline:
        predict(pipeline, request)


def report(request: Request, seconds: float) -> int:
    """Prints what a job has written that took so many seconds; returns the exit code."""
    from beam_jobs.predict.pipeline import SUMMARY_FILE

    summary = json.loads(read_file(f"{request.output}/{SUMMARY_FILE}"))
    photos, rejected = summary["photos"], summary["rejected"]
    print(f"  {photos} masks in {seconds:.1f} seconds ({photos / seconds:.1f} images/s), {rejected} rejected")
    if "mean_iou" in summary:
        shown = list(summary["iou"].items())[:_SHOWN_CLASSES]
        classes = ", ".join(f"{name} {'-' if value is None else f'{value:.3f}'}" for name, value in shown)
        print(f"  mean IoU {summary['mean_iou']:.3f} ({classes}), pixel accuracy {summary['pixel_accuracy']:.3f}")
        print("  worst: " + ", ".join(f"{one['id']} {one['mean_iou']:.3f}" for one in summary["worst"]))
    print(f"Masks: {request.output}/masks, table: {request.output}/table")
    if rejected:
        print(f"Rejected: {request.output}/rejected")
    for kind, left_out in summary.get("left_out", {}).items():
        print(f"Left out, not matching {request.image_path}: {left_out['count']} {kind}, as {left_out['examples'][0]}")
    for line in _of_earlier_runs(request.output, photos, set(summary["files"])):
        print(f"Note: {line}")
    if not photos:
        found = f"all {rejected} photos were rejected" if rejected else "no photo was found"
        print(f"error: no mask was written: {found}", file=sys.stderr)
    return 0 if photos else FAILED


def _of_earlier_runs(output: str, masks: int, files: set[str]) -> Iterator[str]:
    """One line for each folder that also holds what this run has not written: `masks` masks, and `files`."""
    from beam_jobs.predict.pipeline import REJECTED_FOLDER, TABLE_FOLDER

    if more := sum(1 for _ in files_below(f"{output}/masks")) - masks:
        yield f"{output}/masks also holds {more} of earlier runs"
    for folder in (TABLE_FOLDER, REJECTED_FOLDER):
        found = [one.path.removeprefix(f"{output}/") for one in files_below(f"{output}/{folder}")]
        if older := sorted(set(found) - files):
            yield f"{output}/{folder} also holds {', '.join(older)} of earlier runs"
