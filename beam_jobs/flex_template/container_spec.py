"""The template's file: Dataflow's ContainerSpec (v1b3), with a parameter for each option of the preparation job.

The parameters are made of PrepareOptions and its command line, so that they can't drift from them.
"""

from __future__ import annotations

import argparse
from typing import Any

from pydantic import ByteSize

from beam_jobs.google_cloud.dataflow_options import DataflowOptions
from beam_jobs.prepare.command_line import add_arguments
from beam_jobs.prepare.options import PrepareOptions
from schemas.shipped import available_datasets

INTEGER, NUMBER, BYTES = r"^[0-9]+$", r"^[0-9]*\.?[0-9]+$", r"^[0-9]+(\.[0-9]+)? ?([KMGT]i?)?B?$"
FOLDER = r"^gs://[^/\s]+(/[^\s]*)?$"

Json = dict[str, Any]


def container_spec(image: str) -> Json:
    """The content of the template's file.

    Args:
      image: Holds this package, Beam's worker and the template launcher; serves launcher and workers.
    """
    defaults = {name: field.default for name, field in DataflowOptions.model_fields.items()}
    return {
        "image": image,
        "sdkInfo": {"language": "PYTHON"},
        "defaultEnvironment": {
            "sdkContainerImage": image,
            "machineType": defaults["worker_machine_type"],
            "maxWorkers": defaults["max_num_workers"],
            "diskSizeGb": defaults["disk_size_gb"],
            "ipConfiguration": "WORKER_IP_PRIVATE",
        },
        "metadata": {
            "name": "Prepare a segmentation data set",
            "description": "Checks, repairs, resizes, shards, measures and validates photos and masks, and publishes "
            "them as a data set version, or withholds it.",
            "streaming": False,
            "parameters": [*(_parameter(*option) for option in _options()), _image_parameter(image)],
        },
    }


def _options() -> list[tuple[str, str]]:
    """Name and help text of each option of the preparation job's command line."""
    parser = argparse.ArgumentParser(add_help=False)
    add_arguments(parser)
    return [(action.dest, action.help or "") for action in parser._actions]


def _parameter(name: str, help_text: str) -> Json:
    """The ParameterMetadata of one option."""
    field = PrepareOptions.model_fields[name]
    parameter: Json = {
        "name": name,
        "label": name.replace("_", " ").capitalize(),
        "helpText": help_text,
        "isOptional": not field.is_required(),
        **_form(name),
    }
    if field.default not in (None, "") and not field.is_required():
        parameter["defaultValue"] = str(field.default)
    return parameter


def _form(name: str) -> Json:
    """The kind of input field, and the pattern that its text must match."""
    if name in ("input", "output"):
        return {"paramType": "GCS_READ_FOLDER" if name == "input" else "GCS_WRITE_FOLDER", "regexes": [FOLDER]}
    if name == "dataset":
        return {"paramType": "TEXT", "regexes": [f"^({'|'.join(available_datasets())}|gs://\\S+)$"]}
    if PrepareOptions.model_fields[name].annotation is ByteSize:
        return {"paramType": "TEXT", "regexes": [BYTES]}
    schema = PrepareOptions.model_json_schema()["properties"][name]
    schema = next((one for one in schema.get("anyOf", []) if one != {"type": "null"}), schema)
    if "enum" in schema:
        return _choice(schema["enum"])
    if schema["type"] == "boolean":
        return {"paramType": "BOOLEAN", "regexes": ["^(true|false)$"]}
    if schema["type"] == "string":
        return {"paramType": "TEXT", "regexes": [schema.get("pattern", r"^\S+$")]}
    return {"paramType": "NUMBER", "regexes": [INTEGER if schema["type"] == "integer" else NUMBER]}


def _choice(values: list[str]) -> Json:
    return {
        "paramType": "ENUM",
        "enumOptions": [{"value": value, "label": value} for value in values],
        "regexes": [f"^({'|'.join(values)})$"],
    }


def _image_parameter(image: str) -> Json:
    """Beam's own option, which names the workers' image; without it they would start one without this package."""
    return {
        "name": "sdk_container_image",
        "label": "Container image of the workers",
        "helpText": "give the template's own image",
        "isOptional": False,
        "paramType": "TEXT",
        "defaultValue": image,
        "regexes": [r"^\S+(:|@sha256:)\S+$"],
    }
