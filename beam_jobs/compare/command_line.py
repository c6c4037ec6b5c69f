"""Command line of the comparison: two published versions in, what changed between them out."""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
import time
from typing import TYPE_CHECKING

from beam_jobs.compare.request import check_output, make_request
from beam_jobs.console import heavy_imports, quiet_libraries
from beam_jobs.monitoring.failures import report_failure
from beam_jobs.runners.beam_options import local_output, parse_beam_flags
from beam_jobs.runners.job_arguments import add_verbose, job_parser
from beam_jobs.storage.files import delete_files, files_below, read_file
from beam_jobs.storage.ownership import claim_folder
from beam_jobs.storage.versions import absolute_folder
from beam_jobs.wrapped_lines import print_lines
from schemas.bounded_text import printable

if TYPE_CHECKING:
    from apache_beam.options.pipeline_options import PipelineOptions

    from beam_jobs.compare.request import Request

FAILED = 1
OWNER = "beam_jobs.compare"


def main(arguments: list[str] | None = None) -> int:
    """Runs the job.

    Returns:
      0 where both versions were compared, whatever differs; 1 where the job failed.

    Raises:
      UserError: The options, or a version, can't be used.
    """
    options, beam_flags = _parser().parse_known_args(arguments)
    quiet_libraries(options.verbose)
    request = make_request(options.before, options.after)
    before, after = (one.manifest for one in request.versions)
    print_lines(f"Comparing {after.dataset} {before.version} with {after.version}")
    pipeline_options = parse_beam_flags(beam_flags)
    with tempfile.TemporaryDirectory() as local:
        output = (
            _claim_output(request, options.output)
            if options.output
            else local_output(local, pipeline_options, "changes")
        )
        request = request._replace(output=output, progress_dir=local)
        start = time.monotonic()
        try:
            summary = _run(request, pipeline_options)
        except Exception as error:  # anything that failed in the graph, on any runner
            report_failure(error, options.verbose)
            print_lines("--verbose shows where it failed.", sys.stderr)
            return FAILED
    _report(summary, time.monotonic() - start)
    if options.output:
        print_lines(f"Every change: {output}/changes; the largest in pictures: {output}/changes.html")
    return 0


def _parser() -> argparse.ArgumentParser:
    return job_parser(
        "compare",
        "Compares two published versions of a data set, record by record: added, removed, renamed (the "
        "same photo under another id), moved to another split, or with another photo, mask, slice or group.",
        "0 compared, 1 the job failed, 2 unusable options or versions",
        _add_arguments,
    )


def _add_arguments(parser: argparse.ArgumentParser) -> None:
    add = parser.add_argument
    add(
        "--from", dest="before", required=True, metavar="DIR", help="earlier version, such as ROOT/pets/1.0.0, or gs://"
    )
    add("--to", dest="after", required=True, metavar="DIR", help="later version, such as ROOT/pets/1.1.0, or gs://")
    add(
        "--output",
        metavar="DIR",
        help="where changes/, with a JSON line for each record that differs, changes.html and summary.json go; a new or"
        " empty folder, or one of an earlier comparison (default: nothing is written)",
    )
    add_verbose(parser)


def _claim_output(request: Request, folder: str) -> str:
    """The folder to write to, marked as ours and without the changes of an earlier comparison."""
    from beam_jobs.compare.pipeline import CHANGES_FOLDER

    output = absolute_folder(folder)
    check_output(request, output)
    claim_folder("--output", output, OWNER)
    delete_files([one.path for one in files_below(f"{output}/{CHANGES_FOLDER}")])
    return output


def _run(request: Request, options: PipelineOptions) -> dict:
    with heavy_imports():
        from beam_jobs.compare.pipeline import compare
        from beam_jobs.compare.summary import SUMMARY_FILE
        from beam_jobs.monitoring.progress import report_planned
        from beam_jobs.monitoring.progress_display import READING_BOTH, shown_progress
        from beam_jobs.runners.supervision import supervised_pipeline

    with supervised_pipeline(options, shown_progress(request.progress_dir, READING_BOTH)) as pipeline:
        for name, version in zip(("before", "after"), request.versions):
            report_planned(request.progress_dir, name, version.manifest.published)
        compare(pipeline, request)
    return json.loads(read_file(f"{request.output}/{SUMMARY_FILE}"))


def _report(summary: dict, seconds: float) -> None:
    from beam_jobs.compare.terminal import summary_lines

    for line in summary_lines(summary, seconds):
        print_lines(printable(line))
