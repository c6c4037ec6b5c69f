"""Command line of the preparation job: photos and masks in, a published data set version out."""

from __future__ import annotations

import argparse
import contextlib
import os
import sys
import time
from collections.abc import Iterator
from typing import TYPE_CHECKING

from beam_jobs.console import COMMAND_LINE, CommandLine, heavy_imports, quiet_libraries
from beam_jobs.monitoring.failures import failure_cause, user_mistake
from beam_jobs.prepare.listing import plan_listings
from beam_jobs.prepare.options import PrepareOptions
from beam_jobs.prepare.retry_options import with_base_options
from beam_jobs.prepare.summary import changed_options, published_table, withheld_table
from beam_jobs.runners.beam_options import parse_beam_flags
from beam_jobs.sources.folders import check_folder
from beam_jobs.storage.files import exists, read_file, remove_if_empty
from beam_jobs.storage.sole_use import sole_use
from beam_jobs.storage.versions import read_contract, require_baseline
from schemas.contract import contract_changes
from schemas.derived_schema import is_schema_of
from schemas.errors import UserError
from schemas.frozen_model import parse_model
from schemas.manifest import Manifest, options_sha256
from schemas.shipped import available_datasets
from schemas.version_files import MANIFEST_FILE, METRICS_FILE

if TYPE_CHECKING:
    from apache_beam.options.pipeline_options import PipelineOptions

    from beam_jobs.monitoring.metrics import JobMetrics

WITHHELD = FAILED = 1
OTHER_VERSION = "choose another --version"
PUBLISHED_MEANWHILE = "{} is published anyway: by another job, or by this one before it failed."


class AlreadyPublished(UserError):
    """The version is published with another content."""


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
        return _compare_with_published(published, options, pipeline_options)
    check_places(options)
    with _alone(options):
        return _publish(options, pipeline_options, known.verbose)


def _publish(options: PrepareOptions, pipeline_options: PipelineOptions, verbose: bool) -> int:
    try:
        seconds, metrics = _run(options, pipeline_options)
    except Exception as error:  # anything that failed in the graph, on any runner
        if mistake := user_mistake(error):
            clear_own_staging(options)
            raise (error if verbose else mistake) from None
        if verbose:
            raise
        print(f"error: the job failed: {failure_cause(error)}", file=sys.stderr)
        if published := read_published(options):
            print(PUBLISHED_MEANWHILE.format(options.version_dir), file=sys.stderr)
            return _compare_with_published(published, options, pipeline_options)
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
    parser.add_argument("--verbose", action="store_true", help="show the libraries' own messages")
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


@contextlib.contextmanager
def _alone(options: PrepareOptions) -> Iterator[None]:
    """Keeps a second job of this version from running on this machine; UserError where there is one.

    A bucket has no such lock: the first job to publish wins, and the other one finds out when it ends.
    """
    if "://" in options.output:
        yield
        return
    from beam_jobs.prepare.place import free_interrupted, mark_staging

    refusal = f"{options.version_dir}: another job is preparing this version; wait for its end, or {OTHER_VERSION}"
    all_staging = os.path.dirname(options.staging_root)
    with contextlib.ExitStack() as stack:
        stack.callback(remove_if_empty, all_staging)
        try:
            os.makedirs(all_staging, exist_ok=True)
            stack.enter_context(sole_use(_lock(options), refusal))
            free_interrupted(options)
            mark_staging(options)
        except OSError as error:
            raise UserError(f"--output {options.output}: can't be written to ({error.strerror})") from None
        yield


def _lock(options: PrepareOptions) -> str:
    return f"{options.staging_root}.lock"


def _clear_staging(options: PrepareOptions) -> None:
    """Deletes what killed jobs left behind of a version that is published."""
    from beam_jobs.prepare.place import delete_staging

    if "://" not in options.output and exists(_lock(options)):
        with (
            contextlib.suppress(UserError),
            sole_use(_lock(options), "a job that can no longer publish is still running"),
        ):
            pass  # removes it
    delete_staging(options, published=True)


def clear_own_staging(options: PrepareOptions) -> None:
    """Deletes what this job has staged, apart from the record of what it has moved, which the next job needs."""
    from beam_jobs.prepare.place import free_staging

    free_staging(options, options.staging_dir)


def check_places(options: PrepareOptions) -> None:
    """Raises a UserError if files that are not ours are where a version, or a withheld one, will go."""
    from beam_jobs.prepare.place import check_place

    for place in (options.version_dir, options.rejected_dir):
        try:
            check_place(options, place)
        except OSError as error:
            raise UserError(f"--output {options.output}: {place} can't be read ({error})") from None


def read_published(options: PrepareOptions) -> Manifest | None:
    """The manifest of the version that the options name, or None where it is not published."""
    from beam_jobs.storage.versions import read_manifest

    try:
        return read_manifest(options.version_dir) if exists(f"{options.version_dir}/{MANIFEST_FILE}") else None
    except (OSError, ValueError) as error:  # ValueError: a file system of Beam's that is not set up
        raise UserError(f"--output {options.output}: {MANIFEST_FILE} can't be read ({error})") from None


def _compare_with_published(published: Manifest, options: PrepareOptions, pipeline_options) -> int:
    """Repeating the same inputs and options is no error and no work; anything else must not touch the version."""
    from beam_jobs.prepare.accounting import restore_metrics

    check_same_options(published, options)
    digest_lists = published.dataset_sha256 is not None
    if _digest_of_inputs(options, pipeline_options, digest_lists) != published.inputs_sha256:
        raise AlreadyPublished(f"{options.version_dir} is already published from other inputs; {OTHER_VERSION}")
    _clear_staging(options)
    print(f"Already published from the same inputs and options: {options.version_dir}")
    if restore_metrics(published, options.version_dir):
        print(f"Its {METRICS_FILE} was missing: counts are restored from the manifest, times are lost.")
    return 0


def check_same_options(published: Manifest, options: PrepareOptions) -> None:
    """Raises a UserError if a published version was made with other options or under another contract."""
    if published.options_sha256 != options_sha256(options.content_options):
        changed = changed_options(published.options, options.content_options)
        raise AlreadyPublished(f"{options.version_dir} is already published with {changed}; {OTHER_VERSION}")
    if not is_schema_of(options.description, published.schema_sha256):
        raise AlreadyPublished(
            f"{options.version_dir} is already published, checked against another schema; {OTHER_VERSION}"
        )
    if changes := contract_changes(read_contract(options.version_dir, published), options.description):
        raise AlreadyPublished(f"{options.version_dir} is already published with {'; '.join(changes)}; {OTHER_VERSION}")


def _digest_of_inputs(options: PrepareOptions, pipeline_options, digest_lists: bool) -> str:
    import tempfile

    import apache_beam as beam

    from beam_jobs.prepare.inputs_digest import DigestInputs
    from beam_jobs.prepare.planning import plan_records
    from beam_jobs.runners.supervision import supervised_pipeline
    from beam_jobs.storage.files import write_atomically

    with tempfile.TemporaryDirectory() as local:
        folder = options.staging_dir if "://" in options.output else local
        path = f"{folder}/inputs_sha256"
        with supervised_pipeline(pipeline_options) as pipeline:
            _ = (
                pipeline
                | "DigestInputs" >> DigestInputs(plan_records(options, digest_lists))
                | "WriteDigest" >> beam.Map(lambda digest: write_atomically(path, digest.encode()))
            )
        return read_file(path).decode()


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
        print(withheld_table(options), file=sys.stderr)
        return WITHHELD
    print(published_table(published, options.version_dir, seconds, metrics))
    if mismatches:
        print(f"Don't train on {options.version_dir}: see the errors above.", file=sys.stderr)
    return FAILED if mismatches else 0
