"""The data of a rehearsal: a small published version of drawn photos, and one photo to send to the endpoint."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from schemas import features
from schemas.errors import UserError
from schemas.manifest import read_manifest
from schemas.version_files import MANIFEST_FILE

PROJECT = Path(__file__).parents[3]  # sample data is part of a checkout, not of the installed package
PHOTOS = 24
IMAGE_SIZE = 64  # pixels


def draw_version(dataset: str, folder: Path) -> Path:
    """Draws photos and publishes them as `<folder>/<dataset>/1.0.0`, unless that exists; returns its path.

    Raises:
      UserError: There is no sample data for this data set, or preparing it failed.
    """
    folder = folder.resolve()
    version_dir = folder / dataset / "1.0.0"
    if (version_dir / MANIFEST_FILE).is_file():
        return version_dir
    photos = folder / "photos"
    _run("tests.sample_data", f"--dataset={dataset}", f"--output={photos}", f"--count={PHOTOS}", "--seed=1")
    _run(
        "beam_jobs.prepare",
        *(f"--dataset={dataset}", f"--input={photos}", f"--output={folder}", "--version=1.0.0"),
        *(f"--image_size={IMAGE_SIZE}", "--split=official"),
    )
    return version_dir


def first_photo(version_dir: Path) -> bytes:
    """The encoded photo of the first record of a published version's evaluation split."""
    import tensorflow as tf

    shards = read_manifest(version_dir).splits[features.EVAL].shards
    path = next(version_dir / shard.path for shard in shards if shard.records)
    [record] = tf.data.TFRecordDataset(str(path)).take(1)
    example = tf.train.Example.FromString(record.numpy())
    return example.features.feature[features.IMAGE].bytes_list.value[0]


def _run(module: str, *arguments: str) -> None:
    command = [sys.executable, "-m", module, *arguments]
    result = subprocess.run(command, capture_output=True, text=True, check=False, cwd=PROJECT)
    if result.returncode:
        raise UserError(f"{module}: {' '.join(result.stderr.split())[-400:]}; give a version with --sample=DIR")
