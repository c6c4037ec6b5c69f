"""Command line of the preparation job: photos and masks in, a published data set version out."""

from __future__ import annotations

import argparse
import sys
import time
from typing import TYPE_CHECKING

from beam_jobs.console import COMMAND_LINE, CommandLine, heavy_imports, quiet_libraries
from beam_jobs.monitoring.failures import failure_cause, user_mistake
from beam_jobs.prepare.already_published import compare_with_published, read_published
from beam_jobs.prepare.listing import plan_listings
from beam_jobs.prepare.options import PrepareOptions
from beam_jobs.prepare.place import check_places, free_staging
from beam_jobs.prepare.retry_options import with_base_options
from beam_jobs.prepare.sole_job import alone
from beam_jobs.prepare.summary import published_table, withheld_table
from beam_jobs.runners.beam_options import parse_beam_flags
from beam_jobs.runners.job_arguments import add_verbose
from beam_jobs.sources.folders import check_folder
from beam_jobs.storage.versions import require_baseline
from beam_jobs.wrapped_lines import print_lines
from schemas.errors import UserError
from schemas.frozen_model import parse_model
from schemas.shipped import available_datasets

if TYPE_CHECKING:
    from apache_beam.options.pipeline_options import PipelineOptions

    from beam_jobs.monitoring.metrics import JobMetrics

WITHHELD = FAILED = 1
PUBLISHED_MEANWHILE = "{} is published anyway: by another job, or by this one before it failed."


def main(arguments: list[str] | None = None) -> int:
    """Runs the job.

    Returns:
      0 where the version is published, now or before with the same content; 1 where it was withheld or the job failed.

    Raises:
      AlreadyPublished: The version is there, with another content.
      UserError: The options or the input can't be used; nothing was started.
    """
    known, beam_flags = _parser().parse_known_args(arguments)
    values = {name: value for name, value in vars(known).items() if name != "verbose" and value is not None}
    quiet_libraries(known.verbose)
    options = parse_model(PrepareOptions, with_base_options(values), COMMAND_LINE)
    _check_input(options)
    if options.baseline_dir:
        require_baseline(options.baseline_dir, options.dataset)
    print(f"Preparing {options.dataset} {options.version} from {options.input}", flush=True)
    pipeline_options = parse_beam_flags(beam_flags)
    _check_runner(pipeline_options)
    if published := read_published(options):
        return compare_with_published(published, options, pipeline_options)
    check_places(options)
    with alone(options):
        return _publish(options, pipeline_options, known.verbose)


def _publish(options: PrepareOptions, pipeline_options: PipelineOptions, verbose: bool) -> int:
    try:
        seconds, metrics = _run(options, pipeline_options)
    except Exception as error:  # anything that failed in the graph, on any runner
        if mistake := user_mistake(error):
            free_staging(options, options.staging_dir)
            raise (error if verbose else mistake) from None
        if verbose:
            raise
        print(f"error: the job failed: {failure_cause(error)}", file=sys.stderr)
        if published := read_published(options):
            print(PUBLISHED_MEANWHILE.format(options.version_dir), file=sys.stderr)
            return compare_with_published(published, options, pipeline_options)
        print("Nothing is published; the same command starts over. --verbose shows where it failed.", file=sys.stderr)
        return FAILED
    return report_outcome(options, seconds, metrics)


def _parser() -> argparse.ArgumentParser:
    parser = CommandLine(
        prog="python -m beam_jobs.prepare",
        description="Publishes OUTPUT/DATASET/VERSION from photos and masks: sharded TFRecords, statistics, anomalies, "
        "quarantine and, last, the manifest. Options of Apache Beam are accepted too, such as --direct_num_workers.",
        epilog="exit codes: 0 published, 1 withheld by validation or failed, 2 unusable options or input",
        allow_abbrev=False,
    )
    add_arguments(parser)
    add_verbose(parser)
    return parser


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Adds one argument for each field of PrepareOptions; values stay text, and PrepareOptions checks them."""
    defaults = {name: field.default for name, field in PrepareOptions.model_fields.items()}
    required = parser.add_argument_group("required")
    required.add_argument("--input", required=True, help="folder with photos and masks, local or gs://")
    required.add_argument("--output", required=True, help="root of the published versions, local or gs://")
    required.add_argument("--version", required=True, help="such as 1.0.0; a published version is never rewritten")
    parser.add_argument(
        "--dataset",
        help="dataset.yaml that describes them, or its folder, local or gs://; or the name of a data set that ships:"
        f" {', '.join(available_datasets())} (default: the dataset.yaml in --input)",
    )
    layout = parser.add_argument_group("layout, where it is not the data set's own")
    layout.add_argument("--image_path", help="pattern under --input, such as photos/{id}.* or */{id}_image.png")
    layout.add_argument("--mask_path", help="pattern under --input, such as masks/{id}.png")
    content = parser.add_argument_group("content")
    content.add_argument(
        "--retry_quarantined",
        help="published version under the same --output: copy its records and retry what it rejected",
    )
    content.add_argument(
        "--image_size",
        help="side of a square in pixels, or WIDTHxHEIGHT such as 480x352; 0 keeps the photos' sizes"
        f" (default {defaults['image_size']})",
    )
    content.add_argument(
        "--fit",
        help="stretch photos to that size, or letterbox them: their aspect is kept, and padding fills the rest"
        " (default: as dataset.yaml says, else stretch)",
    )
    content.add_argument(
        "--source_masks",
        help="eval keeps masks at the photos' own sizes, too, in eval and test, so that models are also judged there;"
        " none does not (default eval)",
    )
    content.add_argument(
        "--exclude",
        metavar="FILE",
        help="photos to leave out, local or gs://: ids or names, one a line, a table, or JSON Lines such as"
        " label_issues.jsonl",
    )
    content.add_argument("--split", help="official lists, or hash of the id (default: as dataset.yaml says, else hash)")
    content.add_argument("--eval_fraction", help=f"eval's share with hash (default {defaults['eval_fraction']})")
    content.add_argument(
        "--test_fraction", help="share of a third split with hash, which no training reads (default 0: there is none)"
    )
    content.add_argument("--image_format", help=f"jpeg or png (default {defaults['image_format']})")
    content.add_argument("--jpeg_quality", help=f"50 to 100 (default {defaults['jpeg_quality']})")
    content.add_argument(
        "--max_missing_fraction",
        help="a photo that ends early is repaired up to this share of missing pixels, 0 for never"
        f" (default {defaults['max_missing_fraction']})",
    )
    content.add_argument("--shard_bytes", help="target size of a shard (default 64MiB)")
    content.add_argument(
        "--near_duplicates",
        help="photos that are nearly the same in train and eval: report, one_side (move them to one), or ignore"
        f" (default {defaults['near_duplicates']})",
    )
    gate = parser.add_argument_group("gate")
    gate.add_argument(
        "--max_rejected_fraction",
        help=f"more rejected inputs withhold the version (default {defaults['max_rejected_fraction']})",
    )
    gate.add_argument("--baseline", help="published version under the same --output; drift from it withholds this one")


def _check_input(options: PrepareOptions) -> None:
    """Quick checks of a local folder, before anything heavy is imported; the graph checks every input."""
    if "://" in options.input:
        return
    for own in options.of_sources().values():
        check_folder("--input", own.input, f"; give the one that holds {own.spec.image_path}")
        try:
            list(plan_listings(own))
        except OSError as error:
            raise UserError(f"--input {own.input}: can't be read ({error})") from None


def _check_runner(pipeline_options: PipelineOptions) -> None:
    """Dataflow needs more than a runner's name: a bucket, workers, and a package."""
    if pipeline_options.get_all_options()["runner"] == "DataflowRunner":
        raise UserError("--runner=DataflowRunner: use python -m beam_jobs.dataflow, which takes the same options")


def _run(options: PrepareOptions, pipeline_options) -> tuple[float, JobMetrics]:
    """Runs the graph; returns the seconds that it took and what it has counted."""
    with heavy_imports():
        from beam_jobs.monitoring.metrics import read_metrics
        from beam_jobs.monitoring.progress_display import shown_progress
        from beam_jobs.prepare.pipeline import prepare
        from beam_jobs.runners.supervision import supervised_pipeline

    start = time.monotonic()
    with supervised_pipeline(pipeline_options, shown_progress(options.staging_dir)) as pipeline:
        prepare(pipeline, options)
    return time.monotonic() - start, read_metrics(pipeline.result.metrics())


def report_outcome(options: PrepareOptions, seconds: float, metrics: JobMetrics | None = None) -> int:
    """Prints what a finished job has published or withheld, and returns the exit code.

    Args:
      options: Of the job.
      seconds: How long its graph ran.
      metrics: What it has counted, if known; it is compared with the published files, and written beside them.
    """
    from beam_jobs.monitoring.metrics import PUBLISHED_BY_ANOTHER
    from beam_jobs.prepare.accounting import settle

    published = read_published(options)
    if metrics and metrics.counters.get(PUBLISHED_BY_ANOTHER):
        print(f"{options.version_dir} was published by another job, with the same content; this one changed nothing.")
    mismatches = settle(options, published, metrics, seconds) if metrics else []
    for mismatch in mismatches:
        print(f"error: the account does not add up: {mismatch}", file=sys.stderr)
    if published is None:
        print_lines(withheld_table(options), sys.stderr)
        return WITHHELD
    print_lines(published_table(published, options.version_dir, seconds, metrics))
    if mismatches:
        print(f"Don't train on {options.version_dir}: see the errors above.", file=sys.stderr)
    return FAILED if mismatches else 0
