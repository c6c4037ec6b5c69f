"""Command line that runs the monitoring job on Google Cloud Dataflow."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable
from typing import NoReturn

from beam_jobs.console import exit_code
from beam_jobs.dataflow.folder_job import FolderJob, run_folder_job
from beam_jobs.monitor import command_line as monitor


def main(arguments: list[str] | None = None) -> int:
    """Runs the job; exit codes and errors are those of `run_folder_job`."""
    return run_folder_job(_JOB, arguments)


def _add_arguments(parser: argparse.ArgumentParser) -> None:
    """Adds the arguments, and says of what only the command of this machine takes where it is done instead."""
    monitor.add_arguments(parser)
    masks = "a job on Dataflow proposes no masks; python -m beam_jobs.monitor does, from here and with the same folders"
    photos = "a job on Dataflow reads logs alone; python -m beam_jobs.dataflow.predict --log answers photos before it"
    for option, words in (("--model", masks), ("--photos", photos)):
        parser.add_argument(option, type=_refused(words), help=argparse.SUPPRESS)


def _refused(words: str) -> Callable[[str], NoReturn]:
    def refuse(_: str) -> NoReturn:
        raise argparse.ArgumentTypeError(words)

    return refuse


_JOB = FolderJob(
    name="monitor",
    description="Compares what a model serves with its answers on photos that it did not learn",
    written="quiet",
    places=("log", "reference", "output"),
    add_arguments=_add_arguments,
    begin=monitor.begin,
    build=monitor.build,
    report=monitor.report,
    after_failure="The same command starts over.",
)


if __name__ == "__main__":
    sys.exit(exit_code(main, "stopped; a job that was submitted continues"))
