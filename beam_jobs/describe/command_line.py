"""Command line of the describe job: reads a folder of photos and masks; writes its `dataset.yaml` and a page."""

from __future__ import annotations

import argparse
import sys

from beam_jobs.console import CommandLine, heavy_imports, quiet_libraries
from beam_jobs.describe.describing import SAMPLE, describe_one, is_described_by_a_person, page_beside
from beam_jobs.describe.findings import look
from beam_jobs.describe.remarks import say_what_next
from beam_jobs.monitoring.failures import failure_cause
from beam_jobs.runners.job_arguments import add_verbose
from beam_jobs.sources.folders import check_folder, list_folder
from beam_jobs.storage.versions import absolute_folder
from beam_jobs.wrapped_lines import print_lines
from schemas.errors import UserError
from schemas.path_pattern import PathPattern
from schemas.version_files import DATASET_FILE

FAILED = 1
MAX_FILES = 1_000_000  # whose names are read


def main(arguments: list[str] | None = None) -> int:
    """Runs the job.

    Returns:
      0 if `dataset.yaml` was written, even with gaps for a person to fill in; 1 if the job failed.

    Raises:
      UserError: The folder can't be used, no photos and masks in it pair, or a person's `dataset.yaml` would be lost.
    """
    options, beam_flags = _parser().parse_known_args(arguments)
    quiet_libraries(options.verbose)
    folder = absolute_folder(options.input)
    output = absolute_folder(options.output) if options.output else folder
    target = f"{output}/{DATASET_FILE}"
    _check_target(target, options.overwrite)
    paths = _list(folder)
    with heavy_imports():
        from beam_jobs.describe.merging import describe_several
        from beam_jobs.describe.side_by_side import find_side_by_side
    several = None if options.one_data_set else find_side_by_side(folder, paths)
    try:
        if several:
            describe_several(folder, output, several, beam_flags)
            return 0
        asked = describe_one(folder, target, paths, look(folder, paths), beam_flags)
    except Exception as error:  # anything that failed in the graph, on any runner
        if options.verbose or isinstance(error, UserError):
            raise
        print_lines(f"error: the job failed: {failure_cause(error)}; --verbose shows where", sys.stderr)
        return FAILED
    say_what_next(folder, target, page_beside(target), asked)
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = CommandLine(
        prog="python -m beam_jobs.describe",
        description="Examines a folder of photos and masks. Writes a draft of its dataset.yaml, with the reason for "
        "each guess, and a page that shows photos and masks. Reads up to "
        f"{SAMPLE} masks. Options of Apache Beam are accepted too, such as --direct_num_workers.",
        epilog="exit codes: 0 written, 1 the job failed, 2 unusable options or input",
        allow_abbrev=False,
    )
    parser.add_argument("--input", required=True, help="folder with photos and masks, local or gs://")
    parser.add_argument("--output", help="folder for both files, where the photos may only be read (default: --input)")
    parser.add_argument("--overwrite", action="store_true", help="replace dataset.yaml even if a person has edited it")
    parser.add_argument(
        "--one_data_set",
        action="store_true",
        help="describe all as one, even where folders side by side seem to be data sets that differ",
    )
    add_verbose(parser)
    return parser


def _check_target(target: str, overwrite: bool) -> None:
    """Raises UserError if a person's `dataset.yaml` would be lost."""
    if not overwrite and is_described_by_a_person(target):
        raise UserError(f"{target}: was written or edited by a person; move it away, or give --overwrite to replace it")


def _list(folder: str) -> dict[str, int]:
    """Relative path of each file below a folder, to its bytes."""
    check_folder("--input", folder)
    paths = {}
    try:
        for path, _, size in list_folder(folder, PathPattern("{id:path}")):
            if path.endswith("/"):  # not entered: hidden, or a link back
                continue
            paths[path] = size
            if len(paths) == MAX_FILES:
                print_lines(f"Note: only the first {MAX_FILES:,} files are examined")
                break
    except OSError as error:
        raise UserError(f"--input {folder}: can't be listed ({error})") from None
    return paths
