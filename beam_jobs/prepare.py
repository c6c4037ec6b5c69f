"""Command line of the preparation job: photos and masks in, a published data set version out."""

from __future__ import annotations

import argparse
import glob
import os
import sys
import time

from beam_jobs.console import be_calm, exit_code
from beam_jobs.options import PrepareOptions, options_sha256
from beam_jobs.summary import changed_options, failure_cause, published_table, withheld_table
from schemas.errors import UserError
from schemas.manifest import MANIFEST_FILE, Manifest, parse_manifest
from schemas.spec import PLACEHOLDER, available_datasets, parse_model

WITHHELD = FAILED = 1


def main(arguments: list[str] | None = None) -> int:
    """Runs the job.

    Returns:
      0 where the version is published, now or before with the same content; 1 where it was withheld or the job failed.

    Raises:
      UserError: The options or the input can't be used; nothing was started.
    """
    known, beam_flags = _parser().parse_known_args(arguments)
    values = {name: value for name, value in vars(known).items() if name != "verbose" and value is not None}
    be_calm(known.verbose)
    options = parse_model(PrepareOptions, values, "command line")
    _check_input(options)
    print(f"Preparing {options.dataset} {options.version} from {options.input}", flush=True)
    pipeline_options = _pipeline_options(beam_flags)
    if published := _read_published(options):
        return _compare_with_published(published, options, pipeline_options)
    try:
        seconds = _run(options, pipeline_options)
    except Exception as error:  # whatever failed in the graph, on any runner
        if known.verbose or isinstance(error, UserError):
            raise
        print(f"error: the job failed: {failure_cause(error)}", file=sys.stderr)
        print("Nothing is published; the same command starts over. --verbose shows where it failed.", file=sys.stderr)
        return FAILED
    return _report(options, seconds)


def _parser() -> argparse.ArgumentParser:
    defaults = {name: field.default for name, field in PrepareOptions.model_fields.items()}
    parser = argparse.ArgumentParser(
        prog="python -m beam_jobs.prepare",
        description="Publishes OUTPUT/DATASET/VERSION from photos and masks: sharded TFRecords, statistics, anomalies, "
        "quarantine and, last, the manifest. Options of Apache Beam are accepted too, such as --direct_num_workers.",
        epilog="exit codes: 0 published, 1 withheld by validation or failed, 2 unusable options or input",
        allow_abbrev=False,
    )
    required = parser.add_argument_group("required")
    required.add_argument("--dataset", required=True, help=f"contract of the data: {', '.join(available_datasets())}")
    required.add_argument("--input", required=True, help="folder in the data set's layout, local or gs://")
    required.add_argument("--output", required=True, help="root of the published versions, local or gs://")
    required.add_argument("--version", required=True, help="such as 1.0.0; a published version is never rewritten")
    content = parser.add_argument_group("content")
    content.add_argument(
        "--image_size", help=f"side in pixels, 0 keeps the size (default {defaults['image_size']}); aspect is not kept"
    )
    content.add_argument("--split", help=f"official lists, or hash of the id (default {defaults['split']})")
    content.add_argument("--eval_fraction", help=f"eval's share with hash (default {defaults['eval_fraction']})")
    content.add_argument("--image_format", help=f"jpeg or png (default {defaults['image_format']})")
    content.add_argument("--jpeg_quality", help=f"50 to 100 (default {defaults['jpeg_quality']})")
    content.add_argument("--shard_bytes", help="target size of a shard (default 64MiB)")
    gate = parser.add_argument_group("gate")
    gate.add_argument(
        "--max_rejected_fraction",
        help=f"more rejected inputs withhold the version (default {defaults['max_rejected_fraction']})",
    )
    parser.add_argument("--verbose", action="store_true", help="show the libraries' own messages")
    return parser


def _check_input(options: PrepareOptions) -> None:
    """Fast checks of a local folder, before anything heavy is imported."""
    if "://" in options.input:
        return
    spec = options.spec
    if not os.path.isdir(options.input):
        raise UserError(f"--input {options.input}: no such folder; give the one that holds {spec.image_path}")
    for path in (spec.image_path, spec.mask_path):
        pattern = os.path.join(glob.escape(options.input), path.replace(PLACEHOLDER, "*"))
        if next(glob.iglob(pattern), None) is None:
            wanted = path.replace(PLACEHOLDER, "*")
            raise UserError(f"--input {options.input}: no file matches {wanted}, the layout of {options.dataset}")
    for path in spec.official_splits.values() if options.split == "official" else ():
        if not os.path.isfile(os.path.join(options.input, path)):
            raise UserError(f"--input {options.input}: --split=official needs {path}; or use --split=hash")


def _pipeline_options(flags: list[str]):
    from apache_beam.options.pipeline_options import PipelineOptions, StandardOptions

    class AllFlags(argparse.ArgumentParser):
        """Every option that Beam knows; its own parser silently drops the others."""

        add_value_provider_argument = argparse.ArgumentParser.add_argument

    parser = AllFlags(conflict_handler="resolve", allow_abbrev=False, add_help=False)
    for group in PipelineOptions.__subclasses__():
        group._add_argparse_args(parser)
    unknown = parser.parse_known_args(flags)[1]
    if unknown:
        raise UserError(f"{unknown[0]}: neither this job nor Beam has such an option; --help lists this job's")
    options = PipelineOptions(flags)
    standard = options.view_as(StandardOptions)
    if standard.runner in (None, "DirectRunner"):
        standard.runner = "FnApiRunner"  # DirectRunner first looks for Prism, a download; this one needs none
    return options


def _read_published(options: PrepareOptions) -> Manifest | None:
    from apache_beam.io.filesystems import FileSystems

    from beam_jobs.sources import read_file

    path = f"{options.version_dir}/{MANIFEST_FILE}"
    return parse_manifest(read_file(path), path) if FileSystems.exists(path) else None


def _compare_with_published(published: Manifest, options: PrepareOptions, pipeline_options) -> int:
    """The same inputs and options again are no error and no work; anything else must not touch the version."""
    remedy = "choose another --version"
    if published.options_sha256 != options_sha256(options.content_options):
        changed = changed_options(published.options, options.content_options)
        raise UserError(f"{options.version_dir} is already published with {changed}; {remedy}")
    if published.schema_sha256 != options.spec.schema_sha256:
        raise UserError(f"{options.version_dir} is already published, checked against another schema; {remedy}")
    if _digest_of_inputs(options, pipeline_options) != published.inputs_sha256:
        raise UserError(f"{options.version_dir} is already published from other inputs; {remedy}")
    print(f"Already published from the same inputs and options: {options.version_dir}")
    return 0


def _digest_of_inputs(options: PrepareOptions, pipeline_options) -> str:
    import tempfile

    import apache_beam as beam

    from beam_jobs.inputs_digest import DigestInputs
    from beam_jobs.shard_writer import write_atomically
    from beam_jobs.sources import PlanRecords, read_file

    with tempfile.TemporaryDirectory() as local:
        folder = options.staging_dir if "://" in options.output else local
        path = f"{folder}/inputs_sha256"
        with beam.Pipeline(options=pipeline_options) as pipeline:
            (
                pipeline
                | "DigestInputs" >> DigestInputs(PlanRecords(options))
                | "WriteDigest" >> beam.Map(lambda digest: write_atomically(path, digest.encode()))
            )
        return read_file(path).decode()


def _run(options: PrepareOptions, pipeline_options) -> float:
    """Runs the graph and returns the seconds that it took."""
    import apache_beam as beam

    from beam_jobs.pipeline import prepare

    _make_staging(options)
    start = time.monotonic()
    with beam.Pipeline(options=pipeline_options) as pipeline:
        prepare(pipeline, options)
    return time.monotonic() - start


def _make_staging(options: PrepareOptions) -> None:
    if "://" not in options.output:
        try:
            os.makedirs(options.staging_dir, exist_ok=True)
        except OSError as error:
            raise UserError(f"--output {options.output}: can't be written to ({error.strerror})") from None


def _report(options: PrepareOptions, seconds: float) -> int:
    if published := _read_published(options):
        print(published_table(published, options.version_dir, seconds))
        return 0
    print(withheld_table(options), file=sys.stderr)
    return WITHHELD


if __name__ == "__main__":
    sys.exit(exit_code(main, "interrupted; nothing is published, the same command starts over"))
