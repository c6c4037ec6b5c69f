"""Command line that runs the prediction job on Google Cloud Dataflow."""

from __future__ import annotations

import sys

from beam_jobs.console import exit_code
from beam_jobs.dataflow.folder_job import FolderJob, run_folder_job
from beam_jobs.predict import command_line as predict


def main(arguments: list[str] | None = None) -> int:
    """Runs the job; exit codes and errors are those of `run_folder_job`."""
    return run_folder_job(_JOB, arguments)


_JOB = FolderJob(
    name="predict",
    description="Writes masks and a table",
    written="written",
    places=("model", "photos", "version_dir", "output", "log"),
    add_arguments=predict.add_arguments,
    begin=predict.request_of,
    build=predict.build,
    report=predict.report,
    after_failure="The same command starts over; masks that were written stay.",
)


if __name__ == "__main__":
    sys.exit(exit_code(main, "stopped; a job that was submitted continues"))
