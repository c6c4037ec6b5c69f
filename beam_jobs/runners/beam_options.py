"""Apache Beam's options on the jobs' command lines: checked by name, with a runner that needs no download."""

from __future__ import annotations

import argparse
import os
from typing import TYPE_CHECKING, NoReturn

from beam_jobs.console import heavy_imports
from schemas.errors import UserError
from schemas.secrets import redacted

if TYPE_CHECKING:
    from apache_beam.options.pipeline_options import DirectOptions, PipelineOptions


def parse_beam_flags(flags: list[str]) -> PipelineOptions:
    """Makes Beam's options from the arguments that a job's own parser left over; imports Beam, which takes seconds.

    Raises:
      UserError: Names the first flag that Beam does not know, which Beam itself drops silently, or that has a value of
        another kind.
    """
    with heavy_imports():
        from apache_beam.options.pipeline_options import DirectOptions, PipelineOptions, StandardOptions

    class AllFlags(argparse.ArgumentParser):
        """Every option that Beam knows."""

        add_value_provider_argument = argparse.ArgumentParser.add_argument

        def error(self, message: str) -> NoReturn:
            raise UserError(redacted(message))  # without the hundred options of Beam

    parser = AllFlags(conflict_handler="resolve", allow_abbrev=False, add_help=False)
    for group in PipelineOptions.__subclasses__():
        group._add_argparse_args(parser)  # pyright: ignore[reportArgumentType]  # has all that Beam's own has
    unknown = parser.parse_known_args(flags)[1]
    if unknown:
        raise UserError(f"{unknown[0]}: not an option of this job or of Beam; --help lists this job's")
    options = PipelineOptions(flags)
    if (workers := options.view_as(DirectOptions).direct_num_workers) < 0:
        raise UserError(f"--direct_num_workers={workers}: must be 0 (one for each processor) or more")
    standard = options.view_as(StandardOptions)
    if standard.runner in (None, "DirectRunner"):
        standard.runner = "FnApiRunner"  # DirectRunner first tries to download Prism
    else:
        _check_runner(standard.runner)
    return options


def threads_of_worker(options: PipelineOptions) -> int:
    """How many threads a worker process may use: on this machine, its share of the processors; elsewhere one."""
    from apache_beam.options.pipeline_options import DirectOptions, StandardOptions

    if options.view_as(StandardOptions).runner not in (None, "DirectRunner", "FnApiRunner"):
        return 1
    return max(1, (os.cpu_count() or 1) // worker_processes(options.view_as(DirectOptions)))


def worker_processes(direct: DirectOptions) -> int:
    """How many worker processes a job on this machine has: those asked for, or for 0 one for each processor."""
    return direct.direct_num_workers or os.cpu_count() or 1


def local_output(folder: str, options: PipelineOptions, what: str) -> str:
    """The folder of this machine that a job may use where --output is left out; UserError where workers are elsewhere.

    Args:
      folder: The folder.
      options: Of the job.
      what: What its workers leave there.
    """
    from apache_beam.options.pipeline_options import StandardOptions

    runner = options.view_as(StandardOptions).runner
    if runner == "DataflowRunner":
        raise UserError(f"--runner={runner} needs --output, a gs:// folder that its workers leave the {what} in")
    return folder


def _check_runner(name: str) -> None:
    from apache_beam.runners import create_runner

    try:
        create_runner(name)
    except (ValueError, ImportError, AttributeError, TypeError) as error:
        reason = "Beam knows no such runner" if isinstance(error, ValueError) else f"can't be made ({error})"
        raise UserError(
            f"--runner={name}: {reason}; leave it out to run here, use python -m beam_jobs.dataflow for Dataflow, or"
            " give a runner of Beam's, such as FlinkRunner"
        ) from None
