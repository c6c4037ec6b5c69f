"""Command line that compares two models of a log on Google Cloud Dataflow."""

from __future__ import annotations

import sys

from beam_jobs.console import exit_code
from beam_jobs.dataflow.folder_job import FolderJob, run_folder_job
from beam_jobs.traffic import command_line as traffic


def main(arguments: list[str] | None = None) -> int:
    """Runs the job; exit codes and errors are those of `run_folder_job`."""
    return run_folder_job(_JOB, arguments)


_JOB = FolderJob(
    name="traffic",
    description="Compares two models that share the traffic of an endpoint",
    written="compared",
    places=("log", "output"),
    add_arguments=traffic.add_arguments,
    begin=traffic.begin,
    build=traffic.build,
    report=traffic.report,
    after_failure="The same command starts over.",
)


if __name__ == "__main__":
    sys.exit(exit_code(main, "stopped; a job that was submitted continues"))
