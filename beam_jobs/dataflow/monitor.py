"""Command line that runs the monitoring job on Google Cloud Dataflow."""

from __future__ import annotations

import sys

from beam_jobs.console import exit_code
from beam_jobs.dataflow.folder_job import FolderJob, run_folder_job
from beam_jobs.monitor import command_line as monitor


def main(arguments: list[str] | None = None) -> int:
    """Runs the job; exit codes and errors are those of `run_folder_job`."""
    return run_folder_job(_JOB, arguments)


_JOB = FolderJob(
    name="monitor",
    description="Compares what a model serves with its answers on photos that it did not learn",
    written="quiet",
    places=("log", "reference", "output"),
    add_arguments=monitor.add_arguments,
    begin=monitor.begin,
    build=monitor.build,
    report=monitor.report,
    after_failure="The same command starts over.",
)


if __name__ == "__main__":
    sys.exit(exit_code(main, "stopped; a job that was submitted continues"))
