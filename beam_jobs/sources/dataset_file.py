"""Reads the `dataset.yaml` that a user names, and `origin.yaml`, which says where the photos beside it come from."""

from __future__ import annotations

import os
import posixpath
from functools import partial

from beam_jobs.sources.merged_sources import with_sources
from schemas.documents import MAX_YAML_BYTES, parse_yaml
from schemas.errors import UserError
from schemas.frozen_model import parse_model
from schemas.origin import MAX_ORIGIN_BYTES, ORIGIN_FILE, Origin, with_origin
from schemas.regular_files import read_regular
from schemas.shipped import available_datasets, load_spec
from schemas.shorthand import identifier
from schemas.spec import DatasetSpec
from schemas.version_files import DATASET_FILE


def read_dataset(dataset: str, folder: str | None = None) -> DatasetSpec:
    """Reads a data set's description.

    Args:
      dataset: The name of one that ships, or the path of a `dataset.yaml` or of its folder, local or `gs://`.
      folder: That the data sets lie below which it merges; None for its own.

    Raises:
      UserError: There is none, it can't be read, or something in it is wrong or left to be filled in.
    """
    if dataset in available_datasets():
        return load_spec(dataset)
    path = dataset if dataset.endswith((".yaml", ".yml")) else f"{dataset.rstrip('/')}/{DATASET_FILE}"
    if "://" not in path:
        path = os.path.abspath(os.path.expanduser(path))
    try:
        data = _read(path, MAX_YAML_BYTES)
    except (FileNotFoundError, NotADirectoryError):
        raise UserError(
            f"--dataset {dataset}: there is no {path}, and no data set of this name ships (there are"
            f" {', '.join(available_datasets())}); give the path of a {DATASET_FILE};"
            " python -m beam_jobs.describe --input=FOLDER writes one"
        ) from None
    except (OSError, ValueError) as error:  # ValueError: no file system for the scheme
        raise UserError(f"--dataset {path}: can't be read ({error})") from None
    return parse_description(data, path, folder)


def parse_description(data: bytes, path: str, folder: str | None = None) -> DatasetSpec:
    """The description in a file's content; without a `name` it is named after the folder that the file lies in.

    Raises:
      UserError: Something in it is wrong or left to be filled in, or a data set that it merges can't be read; names the
        key.
    """
    values = parse_yaml(data, path)
    if isinstance(values, dict) and "name" not in values:
        values = {"name": identifier(posixpath.basename(posixpath.dirname(path))) or "photos", **values}
    if isinstance(values, dict) and "merge" in values:
        own = posixpath.dirname(path)
        values = with_sources(values, path, folder or own, partial(read_described, folder=folder or own, output=own))
    return parse_model(DatasetSpec, values, path)


def read_described(dataset: str, folder: str, output: str) -> DatasetSpec:
    """A data set that another one merges, with what the `origin.yaml` beside its photos says.

    Args:
      dataset: The name of one that ships, or the path of a `dataset.yaml`, or of its folder, below `folder`.
      folder: That the photos of all of them lie below.
      output: The folder of the file that merges them. Where it is another one, a description that lies there under the
        same path comes first: photos may lie where nobody can write.

    Raises:
      UserError: There is none, it can't be read, or something in it is wrong or left to be filled in.
    """
    if dataset in available_datasets():
        return read_dataset(dataset)
    is_folder = not dataset.endswith((".yaml", ".yml"))
    beside = f"{output}/{dataset.removeprefix(f'{folder}/')}"
    spec = read_dataset(beside if output != folder and _is_there(beside, is_folder) else dataset)
    return with_origin(spec, read_origin(dataset) if is_folder else None)


def _is_there(dataset: str, is_folder: bool) -> bool:
    path = f"{dataset}/{DATASET_FILE}" if is_folder else dataset
    if "://" in path:
        from beam_jobs.storage.files import exists

        return exists(path)
    return os.path.lexists(path)


def read_origin(folder: str) -> Origin | None:
    """The content of `origin.yaml` in a folder, local or `gs://`; None where there is none.

    Raises:
      UserError: It can't be read, or is invalid; names it.
    """
    path = f"{folder}/{ORIGIN_FILE}"
    try:
        data = _read(path, MAX_ORIGIN_BYTES)
    except (FileNotFoundError, NotADirectoryError):
        return None
    except (OSError, ValueError) as error:  # ValueError: a file system of Beam's that is not set up
        raise UserError(f"{path}: can't be read ({getattr(error, 'strerror', None) or error})") from None
    if len(data) > MAX_ORIGIN_BYTES:
        raise UserError(f"{path}: has more than {MAX_ORIGIN_BYTES} bytes; give title, license and source")
    return parse_model(Origin, parse_yaml(data, path), path)


def _read(path: str, max_bytes: int) -> bytes:
    """The bytes of a file, at most one more than `max_bytes`."""
    if "://" in path:
        from beam_jobs.storage.files import read_part

        return read_part(path, 0, max_bytes + 1)
    return read_regular(path, max_bytes)
