"""The files of a published version: every name in its folder is rendered, and read back, here.

    pets/1.0.0/
      manifest.json                       what the version holds; written last
      schema.pbtxt, dataset.yaml          what its records were checked against and made under
      examples/Split-train/pets-train.tfrecord-00000-of-00008
      statistics/Split-train/FeatureStats.pb
      anomalies/Split-train/SchemaDiff.pb
      quarantine/quarantine-00000-of-00001.jsonl
      repairs/repairs-00000-of-00001.jsonl
      near_duplicates.jsonl, report.html, metrics.json

Folders and files of a split have the names that TFX's artifacts give them, so that a pipeline imports them in place.
"""

from __future__ import annotations

import re
from typing import NamedTuple

VERSION = r"[0-9A-Za-z][0-9A-Za-z.-]*"  # a pattern of the whole name

MANIFEST_FILE = "manifest.json"
SCHEMA_FILE = "schema.pbtxt"
DATASET_FILE = "dataset.yaml"
NEAR_DUPLICATES_FILE = "near_duplicates.jsonl"
REPORT_FILE = "report.html"
METRICS_FILE = "metrics.json"  # of the job, not of a model

EXAMPLES_FOLDER = "examples"
STATISTICS_FOLDER = "statistics"
ANOMALIES_FOLDER = "anomalies"
QUARANTINE_FOLDER = "quarantine"
REPAIRS_FOLDER = "repairs"
DERIVED_IDS_FOLDER = "derived_ids"  # only where there are any
LINE_FILE_SUFFIX = ".jsonl"  # of the files in quarantine and repairs
_STATISTICS_FILE = "FeatureStats.pb"
_ANOMALIES_FILE = "SchemaDiff.pb"

# A path inside a version: relative, no hidden or parent part, so that no manifest can lead out of its folder.
RELATIVE_PATH = r"^[A-Za-z0-9_-][A-Za-z0-9_.-]*(/[A-Za-z0-9_-][A-Za-z0-9_.-]*)*$"
MAX_SHARDS = 99_999  # of a split: five digits


class ShardName(NamedTuple):
    """What the path of a shard says."""

    dataset: str
    split: str
    index: int
    count: int


def split_folder(split: str) -> str:
    """Folder of a split in TFX's artifact layout, e.g. `Split-train`."""
    return f"Split-{split}"


_SHARD_PATH = re.compile(
    rf"{EXAMPLES_FOLDER}/{re.escape(split_folder(''))}(?P<folder>[a-z]+)/(?P<dataset>[a-z][a-z0-9_]*)"
    r"-(?P<split>[a-z]+)\.tfrecord-(?P<index>[0-9]{5})-of-(?P<count>[0-9]{5})"
)


def shard_path(dataset: str, split: str, index: int, count: int) -> str:
    """Path of a shard inside a version: `examples/Split-train/pets-train.tfrecord-00000-of-00008`."""
    return f"{EXAMPLES_FOLDER}/{split_folder(split)}/{dataset}-{split}.tfrecord-{index:05d}-of-{count:05d}"


def parse_shard_path(path: str) -> ShardName | None:
    """Reads what `shard_path` returns; None for any other text."""
    match = _SHARD_PATH.fullmatch(path)
    if match is None or match["folder"] != match["split"]:
        return None
    return ShardName(match["dataset"], match["split"], int(match["index"]), int(match["count"]))


def statistics_path(split: str) -> str:
    """Path of a split's statistics inside a version: `statistics/Split-train/FeatureStats.pb`."""
    return f"{STATISTICS_FOLDER}/{split_folder(split)}/{_STATISTICS_FILE}"


def anomalies_path(split: str) -> str:
    """Path of a split's anomalies inside a version: `anomalies/Split-train/SchemaDiff.pb`."""
    return f"{ANOMALIES_FOLDER}/{split_folder(split)}/{_ANOMALIES_FILE}"


def line_file_path(folder: str, index: int, count: int) -> str:
    """Path of one file of a folder of lines: `quarantine/quarantine-00000-of-00001.jsonl`."""
    return f"{folder}/{folder}-{index:05d}-of-{count:05d}{LINE_FILE_SUFFIX}"
