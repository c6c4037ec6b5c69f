"""Published versions, found and read wherever they are: a folder, or a bucket."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping

from google.protobuf.message import DecodeError

from beam_jobs.storage.files import exists, folders_in, read_file, read_part, sizes_below
from beam_jobs.storage.local_paths import check_outside
from beam_jobs.storage.locations import check_location
from schemas.documents import MAX_YAML_BYTES
from schemas.errors import UserError
from schemas.manifest import MAX_BYTES, Manifest, published_manifest
from schemas.spec import DatasetSpec
from schemas.version import MAX_SCHEMA_BYTES, REMEDY, check_listing, contract_of
from schemas.version_files import (
    DATASET_FILE,
    EXAMPLES_FOLDER,
    MANIFEST_FILE,
    SCHEMA_FILE,
    statistics_path,
)


def absolute_folder(folder: str) -> str:
    """Makes a local folder absolute, so that it means the same from any current folder; `gs://` and the like stay.

    Raises:
      UserError: The path is not valid, or nothing here can read it; the message names it.
    """
    check_location(folder)
    if "://" in folder:
        return folder.rstrip("/")
    try:
        return os.path.abspath(os.path.expanduser(folder))
    except FileNotFoundError:
        raise UserError(
            f"{folder}: the current folder is gone; change to another one, or give an absolute path"
        ) from None


def read_bounded(path: str, max_bytes: int) -> bytes:
    """All bytes of a file that must not be larger; UserError where it is, OSError where it can't be read."""
    data = read_part(path, 0, max_bytes + 1)
    if len(data) > max_bytes:
        raise UserError(f"{path}: larger than {max_bytes:,} bytes, too large for such a file of a version")
    return data


def read_manifest(version_dir: str) -> Manifest:
    """Reads the manifest of a published version.

    Args:
      version_dir: Its folder, as `absolute_folder` gives it.

    Raises:
      OSError: There is none, or it can't be read.
      UserError: It contradicts itself or the folder's name.
    """
    path = f"{version_dir}/{MANIFEST_FILE}"
    resolved = version_dir if "://" in version_dir else os.path.realpath(version_dir)
    return published_manifest(read_bounded(path, MAX_BYTES), resolved, path)


def require_version(option: str, version_dir: str) -> Manifest:
    """Reads the manifest of a version that must be published.

    Args:
      option: The option that named it, for the message.
      version_dir: Its folder, as `absolute_folder` gives it.

    Raises:
      UserError: There is no such folder, or no manifest in it, or one that can't be used.
    """
    if "://" not in version_dir and not os.path.isdir(version_dir):
        raise UserError(f"{option} {version_dir}: no such folder; give a published version such as ROOT/pets/1.0.0")
    try:
        return read_manifest(version_dir)
    except FileNotFoundError:
        raise UserError(f"{option} {version_dir}: no {MANIFEST_FILE}, so nothing is published there") from None
    except (OSError, ValueError) as error:  # ValueError: no file system for the scheme
        raise UserError(f"{option} {version_dir}: {MANIFEST_FILE} can't be read ({error})") from None


def published_versions(dataset_dir: str) -> Iterator[str]:
    """Folders of published versions, the highest number first: 1.10.0 is above 1.9.0, and both are above 1.9.0-rc1.

    Args:
      dataset_dir: Folder of all versions of a data set, such as `gs://BUCKET/data/pets`.

    Raises:
      UserError: It can't be listed.
    """
    try:
        for folder in sorted(folders_in(dataset_dir), key=_order, reverse=True):
            if exists(f"{folder}/{MANIFEST_FILE}"):
                yield folder
    except OSError as error:
        raise UserError(f"{dataset_dir}: can't be listed ({error})") from None


def newest_version(dataset_dir: str) -> str:
    """Folder of the published version with the highest number.

    Raises:
      UserError: `dataset_dir` can't be listed, or nothing is published there.
    """
    newest = next(published_versions(dataset_dir), None)
    if newest is None:
        raise UserError(f"{dataset_dir}: no version is published there")
    return newest


def _order(version_dir: str) -> tuple:
    """A key that orders versions as Semantic Versioning does (https://semver.org/#spec-item-11)."""
    core, dash, rest = version_dir.rpartition("/")[2].partition("-")
    return _numbers(core), not dash, _numbers(rest)


def _numbers(text: str) -> tuple[tuple[bool, int, str], ...]:
    """Numbers sort as numbers, before words."""
    return tuple((not one.isdecimal(), int(one) if one.isdecimal() else 0, one) for one in text.split("."))


def read_contract(version_dir: str, manifest: Manifest) -> DatasetSpec:
    """The contract that a version was published under; UserError where it is not the manifest's or can't be read."""
    schema = _read_side_file(f"{version_dir}/{SCHEMA_FILE}", MAX_SCHEMA_BYTES)
    dataset = None
    if manifest.dataset_sha256 is not None:
        dataset = _read_side_file(f"{version_dir}/{DATASET_FILE}", MAX_YAML_BYTES)
    return contract_of(manifest, dataset, schema, version_dir)


def require_shards(version_dir: str, manifest: Manifest) -> None:
    """Checks by a listing that exactly the shards are there, with their sizes; else raises a UserError."""
    try:
        found = sizes_below(f"{version_dir}/{EXAMPLES_FOLDER}")
    except OSError as error:
        raise UserError(f"{version_dir}: can't be listed ({error})") from None
    sizes = {path.removeprefix(f"{version_dir}/"): size for path, size in found.items()}
    check_listing(manifest, sizes, version_dir)


def refuse_published(option: str, folder: str, published: list[str]) -> None:
    """Checks that a folder to write to is no published version, and lies in none.

    Args:
      option: The option that named it, for the message.
      folder: The folder, as `absolute_folder` gives it.
      published: Folders of the versions that the job reads.

    Raises:
      UserError: It is one, or lies in one of `published`.
    """
    resolved = {one: one if "://" in one else os.path.realpath(one) for one in [folder, *published]}
    for version_dir in published:
        if f"{resolved[folder]}/".startswith(f"{resolved[version_dir]}/"):
            raise UserError(
                f"{option} {folder}: lies in the published version {version_dir}; give a folder outside of it"
            )
    if exists(f"{folder}/{MANIFEST_FILE}"):
        raise UserError(f"{option} {folder}: is a published version; give another folder")


def check_output(output: str, inputs: Mapping[str, str]) -> None:
    """Checks the `--output` of a job that reads folders; `claim_folder` then makes sure that what is there is ours.

    Args:
      output: The folder, as `absolute_folder` gives it.
      inputs: Option to a folder that is read, or to nothing.

    Raises:
      UserError: It lies in one of them, or is a published version.
    """
    check_outside("--output", output, inputs)
    refuse_published("--output", output, [])


def _read_side_file(path: str, max_bytes: int) -> bytes:
    try:
        return read_bounded(path, max_bytes)
    except FileNotFoundError:
        raise UserError(f"{path}: missing; {REMEDY}") from None
    except OSError as error:
        raise UserError(f"{path}: can't be read ({error.strerror or error}); {REMEDY}") from None


def require_baseline(baseline_dir: str, dataset: str) -> Manifest:
    """Reads the manifest of the version that drift is measured against, and checks that its statistics exist.

    Raises:
      UserError: It is not published, is of another data set, or has no statistics.
    """
    from tensorflow_metadata.proto.v0.statistics_pb2 import DatasetFeatureStatisticsList

    manifest = require_version("--baseline", baseline_dir)
    if manifest.dataset != dataset:
        raise UserError(
            f"--baseline {baseline_dir}: holds {manifest.dataset}, not {dataset}; drift needs the same data set"
        )
    for path in (f"{baseline_dir}/{statistics_path(split)}" for split in manifest.split_names):
        try:
            DatasetFeatureStatisticsList.FromString(read_file(path))
        except (OSError, DecodeError):
            raise UserError(f"--baseline {baseline_dir}: no statistics in {path}; give a whole version") from None
    return manifest
