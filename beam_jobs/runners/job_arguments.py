"""What the command lines of the jobs have in common: the parser, and the arguments that mean the same in each."""

from __future__ import annotations

import argparse
from collections.abc import Callable

from beam_jobs.console import CommandLine
from beam_jobs.served.window import WHEN

AddArguments = Callable[[argparse.ArgumentParser], None]


def job_parser(job: str, description: str, exit_codes: str, add_arguments: AddArguments) -> argparse.ArgumentParser:
    """The parser of a job that also takes options of Apache Beam.

    Args:
      job: Name of its package in `beam_jobs`.
      description: Sentences, with the period.
      exit_codes: Such as `0 compared, 1 the job failed`.
      add_arguments: Adds its own arguments.
    """
    parser = CommandLine(
        prog=f"python -m beam_jobs.{job}",
        description=f"{description} Options of Apache Beam are accepted too, such as --direct_num_workers.",
        epilog=f"exit codes: {exit_codes}",
        allow_abbrev=False,
    )
    add_arguments(parser)
    return parser


def add_window(parser: argparse.ArgumentParser, of: str = "", start: str = "its start") -> None:
    """Adds `--from` and `--to` (`start` and `end`), which `beam_jobs.served.window` reads.

    Args:
      parser: To add them to.
      of: Begins their help, where they belong to one of several inputs.
      start: Where the window begins without `--from`.
    """
    add = parser.add_argument
    add("--from", dest="start", metavar="TIME", help=f"{of}start of the window, {WHEN} (default: {start})")
    add("--to", dest="end", metavar="TIME", help=f"{of}end of the window, {WHEN} (default: the end of the log)")


def add_output(parser: argparse.ArgumentParser, files: str) -> None:
    """Adds `--output`, of which `beam_jobs.storage.ownership.claim_folder` makes sure that a run may replace it.

    Args:
      parser: To add it to.
      files: What goes there, as the subject of a sentence.
    """
    text = f"where {files} go; a new or empty folder, or one of an earlier run, which is replaced"
    parser.add_argument("--output", required=True, metavar="DIR", help=text)


def add_verbose(parser: argparse.ArgumentParser) -> None:
    """Adds `--verbose`, which `beam_jobs.console.quiet_libraries` takes."""
    parser.add_argument("--verbose", action="store_true", help="show the libraries' own messages")
