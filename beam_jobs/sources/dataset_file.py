"""Finds the `dataset.yaml` that a user names: beside the photos, elsewhere, or of a data set that ships."""

from __future__ import annotations

import os
import posixpath

from schemas.documents import MAX_YAML_BYTES, parse_yaml
from schemas.errors import UserError
from schemas.frozen_model import parse_model
from schemas.shorthand import identifier
from schemas.spec import DatasetSpec, available_datasets, load_spec
from schemas.version_files import DATASET_FILE


def read_dataset(dataset: str) -> DatasetSpec:
    """Reads a data set's description.

    Args:
      dataset: The name of one that ships, or the path of a `dataset.yaml` or of its folder, local or `gs://`.

    Raises:
      UserError: There is none, it can't be read, or something in it is wrong or left to be filled in.
    """
    if dataset in available_datasets():
        return load_spec(dataset)
    path = dataset if dataset.endswith((".yaml", ".yml")) else f"{dataset.rstrip('/')}/{DATASET_FILE}"
    if "://" not in path:
        path = os.path.abspath(os.path.expanduser(path))
    try:
        data = _read(path)
    except (FileNotFoundError, NotADirectoryError):
        raise UserError(
            f"--dataset {dataset}: there is no {path}, and no data set of this name ships (there are"
            f" {', '.join(available_datasets())}); give the path of a {DATASET_FILE};"
            " python -m beam_jobs.describe --input=FOLDER writes one"
        ) from None
    except (OSError, ValueError) as error:  # ValueError: no file system for the scheme
        raise UserError(f"--dataset {path}: can't be read ({error})") from None
    return parse_description(data, path)


def parse_description(data: bytes, path: str) -> DatasetSpec:
    """The description in a file's content; without a `name` it is named after the folder that the file lies in.

    Raises:
      UserError: Something in it is wrong or left to be filled in; names the key.
    """
    values = parse_yaml(data, path)
    if isinstance(values, dict) and "name" not in values:
        values = {"name": identifier(posixpath.basename(posixpath.dirname(path))) or "photos", **values}
    return parse_model(DatasetSpec, values, path)


def _read(path: str) -> bytes:
    if "://" in path:
        from beam_jobs.storage.files import read_part

        return read_part(path, 0, MAX_YAML_BYTES + 1)
    with open(path, "rb") as file:
        return file.read(MAX_YAML_BYTES + 1)
