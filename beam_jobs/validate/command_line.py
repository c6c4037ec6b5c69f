"""Command line of the validation job: a published version in, a table of anomalies and an exit code out."""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from typing import TYPE_CHECKING

from beam_jobs.console import quiet_libraries
from beam_jobs.monitoring.failures import report_failure
from beam_jobs.runners.beam_options import local_output, parse_beam_flags
from beam_jobs.runners.job_arguments import add_verbose, job_parser
from beam_jobs.storage.files import read_file
from beam_jobs.storage.versions import absolute_folder
from beam_jobs.validate.request import make_request, read_checked
from beam_jobs.wrapped_lines import print_lines
from schemas.bounded_text import bounded_lines

if TYPE_CHECKING:
    from apache_beam.options.pipeline_options import PipelineOptions

    from beam_jobs.validate.pipeline import Leaked, Outcome, Request

ANOMALIES = FAILED = 1
_SHOWN_PAIRS, _SHOWN_FINDINGS = 8, 40


def main(arguments: list[str] | None = None) -> int:
    """Runs the job.

    Returns:
      0 where nothing is wrong; 1 where there are anomalies, or the job failed.

    Raises:
      UserError: The options can't be used; nothing was started.
    """
    options, beam_flags = _parser().parse_known_args(arguments)
    quiet_libraries(options.verbose)
    version_dir = absolute_folder(options.version_dir)
    baseline_dir = absolute_folder(options.baseline) if options.baseline else None
    manifest = read_checked(version_dir, baseline_dir, absolute_folder(options.output) if options.output else None)
    print_lines(f"Validating {manifest.dataset} {manifest.version} in {version_dir}")
    pipeline_options = parse_beam_flags(beam_flags)
    with tempfile.TemporaryDirectory() as local:
        output = absolute_folder(options.output) if options.output else local_output(local, pipeline_options, "outcome")
        request = make_request(version_dir, manifest, options.schema, baseline_dir, output, local)
        start = time.monotonic()
        try:
            outcome = _run(request, pipeline_options)
        except Exception as error:  # anything that failed in the graph, on any runner
            report_failure(error, options.verbose)
            print_lines("--verbose shows where it failed.", sys.stderr)
            return FAILED
    _report(request, outcome, time.monotonic() - start, written_to=options.output)
    return ANOMALIES if outcome.findings else 0


def _parser() -> argparse.ArgumentParser:
    return job_parser(
        "validate",
        "Reads a published version again. Are its files as the manifest says? Are its records as the "
        "schema and the data set's rules say? Do its splits differ, has it drifted from a baseline, are photos of two "
        "splits nearly the same?",
        "0 nothing is wrong, 1 anomalies or a failed job, 2 unusable options",
        _add_arguments,
    )


def _add_arguments(parser: argparse.ArgumentParser) -> None:
    add = parser.add_argument
    add("--version_dir", required=True, help="published version such as ROOT/pets/1.1.0, local or gs://")
    add("--baseline", metavar="VERSION_DIR", help="published version of the same data set to measure drift against")
    add("--schema", metavar="FILE", help="schema in text format (default: the version's own schema.pbtxt)")
    add(
        "--output", metavar="DIR", help="where to write SchemaDiff.pb and validation.json (default: nothing is written)"
    )
    add_verbose(parser)


def _run(request: Request, options: PipelineOptions) -> Outcome:
    from beam_jobs.monitoring.progress import report_planned
    from beam_jobs.monitoring.progress_display import READING, shown_progress
    from beam_jobs.runners.supervision import supervised_pipeline
    from beam_jobs.validate.pipeline import OUTCOME_FILE, outcome_from_json, validate

    with supervised_pipeline(options, shown_progress(request.progress_dir, READING)) as pipeline:
        for split, published in request.manifest.splits.items():
            report_planned(request.progress_dir, split, published.records)
        validate(pipeline, request)
    return outcome_from_json(read_file(f"{request.output}/{OUTCOME_FILE}"))


def _report(request: Request, outcome: Outcome, seconds: float, written_to: str | None) -> None:
    from beam_jobs.statistics.validation import by_cause

    counts = ", ".join(f"{split} {request.manifest.splits[split].records}" for split in request.manifest.split_names)
    shards = sum(len(split.shards) for split in request.manifest.splits.values())
    print_lines(f"  {request.manifest.published} records ({counts}) in {shards} shards, {seconds:.1f} seconds")
    if outcome.findings:
        rows = [("split", "feature", "kind", "anomaly")]
        rows += [(one.split or "(all)", one.feature, one.kind, one.description) for one in by_cause(outcome.findings)]
        widths = [max(len(row[column]) for row in rows) for column in range(3)]
        lines = ["  ".join(cell.ljust(width) for cell, width in zip(row, [*widths, 0])) for row in rows]
        for line in bounded_lines(lines, _SHOWN_FINDINGS):
            print_lines(f"  {line}")
    for comparison in outcome.not_compared:
        print_lines(f"Not checked: {comparison}")
    for difference in outcome.differences[:_SHOWN_FINDINGS]:
        print_lines(f"Note: {difference}")
    for leak in outcome.leaks:
        if leak.photos or not leak.is_complete:
            _report_leak(leak, request.manifest.splits[leak.held_out].records)
    if written_to:
        print_lines(f"Written to {request.output}")
    count = len(outcome.findings)
    print_lines({0: "No anomaly", 1: "One anomaly"}.get(count, f"{count} anomalies"))


def _report_leak(leak: Leaked, records: int) -> None:
    count = f"{'' if leak.is_complete else 'at least '}{leak.photos}"
    pairs = [f"{seen}/{held_out}" for seen, held_out in leak.pairs[:_SHOWN_PAIRS]]
    nearest = f"; the nearest ({leak.seen}/{leak.held_out}): {', '.join(pairs)}" if pairs else ""
    same = f"are the same as photos of {leak.seen}, or nearly so"
    print_lines(f"Note: {count} of {records} photos of {leak.held_out} {same}{nearest}")
