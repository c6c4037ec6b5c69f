"""The data sets that ship with the project, each a folder beside this file."""

from __future__ import annotations

from functools import cache
from importlib import resources

from schemas.documents import parse_yaml
from schemas.errors import UserError
from schemas.frozen_model import parse_model
from schemas.spec import DatasetSpec
from schemas.version_files import DATASET_FILE


def available_datasets() -> list[str]:
    """Names of the data sets that have a folder here."""
    root = resources.files("schemas")
    return sorted(folder.name for folder in root.iterdir() if (folder / DATASET_FILE).is_file())


@cache  # reading YAML takes 30 ms, and a job needs the spec a dozen times
def load_spec(name: str) -> DatasetSpec:
    """Reads and checks `schemas/<name>/dataset.yaml`, once in each process.

    Raises:
      UserError: There is no such data set, or its file is wrong; names the key.
    """
    if name not in available_datasets():
        raise UserError(f"no data set {name!r} under schemas/; there are: {', '.join(available_datasets())}")
    source = resources.files("schemas") / name / DATASET_FILE
    place = f"schemas/{name}/{DATASET_FILE}"
    spec = parse_model(DatasetSpec, parse_yaml(source.read_bytes(), place), place)
    if spec.name != name:
        raise UserError(f"{place}: name must be {name!r}, got {spec.name!r}")
    return spec
