"""`manifest.json`: the promise of a published data set version, and the check that the files keep it.

Readers trust the manifest alone: a folder without one is not published. It holds no time, host or absolute path, so
that the same inputs and options give the same bytes.
"""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

from pydantic import Field

from schemas.errors import UserError
from schemas.features import split_folder
from schemas.spec import FrozenModel, load_spec, parse_model

MANIFEST_FILE = "manifest.json"
SCHEMA_FILE = "schema.pbtxt"
EXAMPLES_FOLDER = "examples"
STATISTICS_FOLDER = "statistics"
ANOMALIES_FOLDER = "anomalies"
QUARANTINE_FOLDER = "quarantine"
STATISTICS_FILE = "FeatureStats.pb"  # names of TFX's ExampleStatistics and ExampleAnomalies artifacts
ANOMALIES_FILE = "SchemaDiff.pb"

SHA256 = r"^[0-9a-f]{64}$"
# A path inside a version: relative, no hidden or parent part, so that no manifest can lead out of its folder.
RELATIVE_PATH = r"^[A-Za-z0-9_-][A-Za-z0-9_.-]*(/[A-Za-z0-9_-][A-Za-z0-9_.-]*)*$"


class Shard(FrozenModel):
    """One TFRecord file; `path` is relative to the version's folder."""

    path: str = Field(pattern=RELATIVE_PATH)
    bytes: int = Field(ge=0)
    records: int = Field(ge=0)
    sha256: str = Field(pattern=SHA256)


class Split(FrozenModel):
    """The shards of one split, in order."""

    records: int = Field(ge=0)
    shards: tuple[Shard, ...]


class Manifest(FrozenModel):
    """What one version holds and what it was made of.

    Attributes:
      inputs: Number of ids found, each a photo, a mask or a pair.
      published: Number of records in all splits; `inputs == published + sum(quarantined.values())`.
      quarantined: Reason code to number of ids.
      repaired: Number of published ids whose photo needed a repair; `repairs` counts them by kind.
      inputs_sha256: Digest of every source file's content and id, independent of order.
      options: The options that decide the content; `options_sha256` is their digest.
    """

    dataset: str
    version: str
    image_size: int = Field(ge=0)
    splits: dict[str, Split]
    inputs: int = Field(ge=0)
    published: int = Field(ge=0)
    quarantined: dict[str, int]
    repaired: int = Field(ge=0)
    repairs: dict[str, int]
    schema_sha256: str = Field(pattern=SHA256)
    inputs_sha256: str = Field(pattern=SHA256)
    options: dict[str, str | int | float | None]
    options_sha256: str = Field(pattern=SHA256)
    code_version: str

    def to_json(self) -> str:
        """The manifest as it is written: sorted keys, two spaces, a newline at the end."""
        return json.dumps(self.model_dump(mode="json"), indent=2, sort_keys=True) + "\n"

    @property
    def sha256(self) -> str:
        """Digest of the bytes of `manifest.json`: the identity of the version's content."""
        return hashlib.sha256(self.to_json().encode()).hexdigest()


def shard_path(dataset: str, split: str, index: int, count: int) -> str:
    """Path of a shard inside a version: `examples/Split-train/pets-train.tfrecord-00000-of-00008`."""
    return f"{EXAMPLES_FOLDER}/{split_folder(split)}/{dataset}-{split}.tfrecord-{index:05d}-of-{count:05d}"


def read_manifest(version_dir: Path) -> Manifest:
    """Reads the manifest of a published version.

    Raises:
      UserError: The folder or its manifest is missing or unreadable.
    """
    path = version_dir / MANIFEST_FILE
    if not version_dir.is_dir():
        raise UserError(f"{version_dir}: no such folder; give a published version such as ROOT/pets/1.0.0")
    if not path.is_file():
        raise UserError(f"{path}: no manifest, so nothing is published there; run python -m beam_jobs.prepare")
    return parse_manifest(path.read_bytes(), str(path))


def parse_manifest(data: bytes, source: str) -> Manifest:
    """Parses the bytes of a `manifest.json`; `source` names it in the UserError that wrong content raises."""
    try:
        values = json.loads(data)
    except ValueError as error:
        raise UserError(f"{source}: no JSON ({error}); publish the data under a new version") from None
    return parse_model(Manifest, values, source)


def verify_version(version_dir: Path) -> Manifest:
    """Reads a version's manifest and checks the schema and every shard against it.

    Reads every byte of the shards once.

    Raises:
      UserError: Names the first file that is missing, or whose size or checksum differs, or a schema that differs.
    """
    manifest = read_manifest(version_dir)
    remedy = "publish the data under a new version"
    spec = load_spec(manifest.dataset)
    if manifest.schema_sha256 != spec.schema_sha256:
        raise UserError(
            f"{version_dir}: was checked against another schema (sha256 {manifest.schema_sha256[:12]}) than the"
            f" installed schemas/{manifest.dataset}/{SCHEMA_FILE} ({spec.schema_sha256[:12]}); {remedy}"
        )
    schema_path = version_dir / SCHEMA_FILE
    if not schema_path.is_file() or file_sha256(schema_path) != manifest.schema_sha256:
        raise UserError(f"{schema_path}: missing, or not the schema of the manifest; {remedy}")
    for split in manifest.splits.values():
        for shard in split.shards:
            path = version_dir / shard.path
            if not path.is_file():
                raise UserError(f"{path}: shard is missing; {remedy}")
            if path.stat().st_size != shard.bytes:
                raise UserError(f"{path}: has {path.stat().st_size} bytes, manifest says {shard.bytes}; {remedy}")
            if file_sha256(path) != shard.sha256:
                raise UserError(f"{path}: sha256 differs from the manifest's; {remedy}")
    return manifest


def file_sha256(path: Path) -> str:
    """SHA-256 of a file's bytes, read in pieces of 1 MiB."""
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while piece := file.read(1 << 20):
            digest.update(piece)
    return digest.hexdigest()
