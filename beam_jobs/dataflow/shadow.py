"""Command line that runs a shadow run on Google Cloud Dataflow."""

from __future__ import annotations

import sys

from beam_jobs.console import exit_code
from beam_jobs.dataflow.folder_job import FolderJob, run_folder_job
from beam_jobs.shadow import command_line as shadow


def main(arguments: list[str] | None = None) -> int:
    """Runs the job; exit codes and errors are those of `run_folder_job`."""
    return run_folder_job(_JOB, arguments)


_JOB = FolderJob(
    name="shadow",
    description="Compares a candidate with the served model",
    written="compared",
    places=("model", "candidate", "photos", "log", "output"),
    add_arguments=shadow.add_arguments,
    begin=shadow.begin,
    build=shadow.build,
    report=shadow.report,
    after_failure="The same command starts over.",
)


if __name__ == "__main__":
    sys.exit(exit_code(main, "stopped; a job that was submitted continues"))
