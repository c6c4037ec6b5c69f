"""The options of a preparation on Dataflow: those of both, from one command line, and what will be submitted."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

from beam_jobs.console import COMMAND_LINE
from beam_jobs.google_cloud.dataflow_options import SETUP_FILE, DataflowOptions
from beam_jobs.prepare.options import PrepareOptions
from schemas.errors import UserError
from schemas.frozen_model import FrozenModel, parse_model

# Beam's options that this command decides, under all their names.
DECIDED = (
    *("runner", "streaming", "save_main_session", "no_save_main_session", "setup_file", "requirements_file"),
    *("temp_location", "staging_location", "sdk_location", "labels", "no_use_public_ips"),
    *("machine_type", "worker_harness_container_image", "update", "prebuild_sdk_container_engine"),
)


def parse_options(values: dict[str, Any]) -> tuple[PrepareOptions, DataflowOptions]:
    """Makes both kinds of options from the command line's values.

    Raises:
      UserError: One line for every wrong option of either kind.
    """
    problems: list[str] = []
    options: list[Any] = []
    for model in (PrepareOptions, DataflowOptions):
        try:
            options.append(parse_model(model, values_of(model, values), COMMAND_LINE))
        except UserError as error:
            problems.append(str(error))
    problems += local_places(values)
    if problems:
        raise UserError("\n".join(problems))
    return options[0], options[1]


def values_of(model: type[FrozenModel], values: dict[str, Any]) -> dict[str, Any]:
    """The values of a command line that belong to one kind of options."""
    return {name: value for name, value in values.items() if name in model.model_fields}


def local_places(values: dict[str, Any], names: Sequence[str] = ("input", "output")) -> list[str]:
    """One line for each named path that a worker could not reach."""
    return [
        f"{COMMAND_LINE}: {name}: workers see Cloud Storage alone, give gs://..., got {values[name]!r}"
        for name in names
        if values.get(name) and not values[name].startswith("gs://")
    ]


def refuse_decided_flags(flags: list[str]) -> None:
    """Raises a UserError where one of Beam's own flags would contradict what this command decides."""
    for flag in flags:
        name = flag.removeprefix("--").partition("=")[0]
        if name in DECIDED:
            raise UserError(f"{COMMAND_LINE}: --{name}: this command decides it; leave it out (--plan shows its value)")


def default_job_name(options: PrepareOptions) -> str:
    """Name of the job that publishes a version, such as `prepare-pets-1-0-0`; a second one can't run beside it."""
    name = re.sub("[^a-z0-9]+", "-", f"prepare-{options.dataset}-{options.version}".lower())
    return name[:63].rstrip("-")


def plan_table(prepare: PrepareOptions, dataflow: DataflowOptions) -> str:
    """Describes what will be submitted."""
    return job_table(dataflow, default_job_name(prepare), {"input": prepare.input, "output": prepare.version_dir})


def job_table(dataflow: DataflowOptions, name: str, places: dict[str, str]) -> str:
    """The same for any job, from its default name and what it reads and writes."""
    count = f"{dataflow.num_workers or 'up'} to {dataflow.max_num_workers}"
    addresses = "public" if dataflow.use_public_ips else "private"
    rows = {
        "job": dataflow.job_name or name,
        "project": f"{dataflow.project}, {dataflow.region}",
        "workers": f"{count} {dataflow.worker_machine_type}, {dataflow.disk_size_gb} GB, {addresses} addresses",
        "code": dataflow.sdk_container_image or f"{SETUP_FILE}, installed by each worker when it starts",
        **places,
        "temporary": dataflow.temporary_dir,
    }
    return "\n".join(f"  {name:<10} {value}" for name, value in rows.items())
