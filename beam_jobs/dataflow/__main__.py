"""Command line that runs the preparation job on Google Cloud Dataflow."""

from __future__ import annotations

import argparse
import sys
import time
from typing import TYPE_CHECKING, Any

from beam_jobs.console import COMMAND_LINE, CommandLine, exit_code, quiet_libraries
from beam_jobs.dataflow.command_line import add_cloud_arguments, print_network_note, report_failure
from beam_jobs.dataflow.options import (
    default_job_name,
    parse_options,
    plan_table,
    refuse_decided_flags,
    values_of,
)
from beam_jobs.prepare.already_published import check_same_options, read_published
from beam_jobs.prepare.command_line import FAILED, PUBLISHED_MEANWHILE, add_arguments, report_outcome
from beam_jobs.prepare.options import PrepareOptions
from beam_jobs.prepare.place import check_places
from beam_jobs.prepare.retry_options import with_base_options
from beam_jobs.runners.beam_options import parse_beam_flags
from beam_jobs.runners.job_arguments import add_verbose
from schemas.errors import UserError
from schemas.frozen_model import parse_model

if TYPE_CHECKING:
    from beam_jobs.dataflow.submission import DataflowJob
    from beam_jobs.monitoring.metrics import JobMetrics

NOTHING_PUBLISHED = "The job has published nothing."


def main(arguments: list[str] | None = None) -> int:
    """Submits the job and, without --no_wait, waits for its end.

    Returns:
      0 where the version is published, or the job submitted with --no_wait; 1 where it was withheld or the job failed.

    Raises:
      UserError: The options, the input or the credentials can't be used, or Google has refused the job.
    """
    known, beam_flags = _parser().parse_known_args(arguments)
    quiet_libraries(known.verbose)
    values = {name: value for name, value in vars(known).items() if value is not None}
    prepare_options, dataflow_options = parse_options(values)
    refuse_decided_flags(beam_flags)
    flags = [*dataflow_options.beam_flags(default_job_name(prepare_options)), *beam_flags]
    print(plan_table(prepare_options, dataflow_options), flush=True)
    print_network_note(dataflow_options)
    if known.plan:
        print("\n".join(flags))
        return 0
    return report_failure(
        lambda: _run(values_of(PrepareOptions, values), dataflow_options.temporary_dir, flags, known.no_wait),
        known.verbose,
    )


def _parser() -> argparse.ArgumentParser:
    parser = CommandLine(
        prog="python -m beam_jobs.dataflow",
        description="Publishes OUTPUT/DATASET/VERSION like beam_jobs.prepare, on Google Cloud Dataflow. Other options "
        "of Apache Beam are accepted too, such as --min_cpu_platform.",
        epilog="exit codes: 0 published (with --no_wait: submitted), 1 withheld by validation or failed, "
        "2 unusable options or refused by Google, 130 waiting ended by Ctrl-C (the job continues)",
        allow_abbrev=False,
    )
    add_arguments(parser)
    add_cloud_arguments(parser, "prepare-DATASET-VERSION")
    add_verbose(parser)
    return parser


def _run(values: dict[str, Any], temporary_dir: str, flags: list[str], no_wait: bool) -> int:
    """Submits the job; `values` are those of PrepareOptions."""
    from beam_jobs.dataflow.submission import announce, check_credentials, preparation, submit, wait

    pipeline_options = parse_beam_flags(flags)
    check_credentials()
    options = parse_model(PrepareOptions, with_base_options(values), COMMAND_LINE)
    _check_places(options, temporary_dir)
    if published := read_published(options):
        check_same_options(published, options)
        print("Already published with the same options; the job compares the inputs and rewrites nothing.", flush=True)
    else:
        check_places(options)
    start = time.monotonic()
    job = submit(preparation(options), pipeline_options)
    if not announce(job, no_wait, f"It publishes {options.version_dir}, or withholds it."):
        return 0
    if not wait(job, "The same command starts over."):
        now = published is None and read_published(options) is not None
        print(PUBLISHED_MEANWHILE.format(options.version_dir) if now else NOTHING_PUBLISHED, file=sys.stderr)
        return FAILED
    return report_outcome(options, time.monotonic() - start, _counted(job, options))


def _check_places(options: PrepareOptions, temporary_dir: str) -> None:
    """Finds in seconds what would fail after minutes: a missing bucket, photos, masks, lists or baseline."""
    from beam_jobs.prepare.listing import plan_listings
    from beam_jobs.storage.cloud_storage import list_objects
    from beam_jobs.storage.versions import require_baseline

    try:
        next(list_objects(f"{temporary_dir}/"), None)
    except OSError as error:
        raise UserError(f"--bucket: can't be listed ({error}); check its name and your rights") from None
    for own in options.of_sources().values():
        try:
            list(plan_listings(own))
        except OSError as error:
            raise UserError(f"--input {own.input}: can't be listed ({error}); check its name and your rights") from None
    if options.baseline_dir:
        require_baseline(options.baseline_dir, options.dataset)


def _counted(job: DataflowJob, options: PrepareOptions) -> JobMetrics | None:
    """The job's metrics; prints a note and returns None if the service does not return them."""
    from beam_jobs.prepare.accounting import outcome_manifest

    try:
        return job.metrics(outcome_manifest(options).inputs)
    except OSError as error:
        print(f"Note: the counters are not compared, because the service did not return them ({error})", flush=True)
        return None


if __name__ == "__main__":
    sys.exit(exit_code(main, "stopped; a job that was submitted continues"))
