"""Published versions, found and read wherever they are: a folder, or a bucket."""

from __future__ import annotations

import os

from google.protobuf.message import DecodeError

from beam_jobs.storage.files import read_file
from schemas.errors import UserError
from schemas.features import SPLITS, split_folder
from schemas.manifest import MANIFEST_FILE, STATISTICS_FILE, STATISTICS_FOLDER, Manifest, parse_manifest


def absolute_folder(folder: str) -> str:
    """A folder as every machine and every current folder understands it; `gs://` and the like stay as they are."""
    return folder.rstrip("/") if "://" in folder else os.path.abspath(os.path.expanduser(folder))


def statistics_path(version_dir: str, split: str) -> str:
    """Where a version keeps the statistics of a split."""
    return f"{version_dir}/{STATISTICS_FOLDER}/{split_folder(split)}/{STATISTICS_FILE}"


def require_version(option: str, version_dir: str) -> Manifest:
    """Reads the manifest of a version that must be published.

    Args:
      option: The option that named it, for the message.
      version_dir: Its folder, as `absolute_folder` gives it.

    Raises:
      UserError: There is no such folder, or no manifest in it, or one that can't be read.
    """
    if "://" not in version_dir and not os.path.isdir(version_dir):
        raise UserError(f"{option} {version_dir}: no such folder; give a published version such as ROOT/pets/1.0.0")
    path = f"{version_dir}/{MANIFEST_FILE}"
    try:
        data = read_file(path)
    except FileNotFoundError:
        raise UserError(f"{option} {version_dir}: no {MANIFEST_FILE}, so nothing is published there") from None
    except (OSError, ValueError) as error:  # ValueError: no file system for the scheme
        raise UserError(f"{option} {version_dir}: {MANIFEST_FILE} can't be read ({error})") from None
    return parse_manifest(data, path)


def require_baseline(baseline_dir: str, dataset: str) -> Manifest:
    """Reads the manifest of the version that drift is to be measured against, and makes sure of its statistics.

    Raises:
      UserError: It is not published, holds another data set, or has lost its statistics.
    """
    from tensorflow_metadata.proto.v0.statistics_pb2 import DatasetFeatureStatisticsList

    manifest = require_version("--baseline", baseline_dir)
    if manifest.dataset != dataset:
        raise UserError(
            f"--baseline {baseline_dir}: holds {manifest.dataset}, not {dataset}; drift needs the same data set"
        )
    for path in (statistics_path(baseline_dir, split) for split in SPLITS):
        try:
            DatasetFeatureStatisticsList.FromString(read_file(path))
        except (OSError, DecodeError):
            raise UserError(f"--baseline {baseline_dir}: no statistics in {path}; give a whole version") from None
    return manifest
