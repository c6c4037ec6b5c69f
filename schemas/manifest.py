"""`manifest.json`: the promise of a published data set version.

Readers trust the manifest alone: a folder without one is not published. It holds no time, host or absolute path, so
that the same inputs and options give the same bytes. A manifest that contradicts itself is refused; `schemas.version`
compares one with the files in its folder.
"""

from __future__ import annotations

import hashlib
import json
import math
import re
from pathlib import Path
from typing import Annotated, Any

from pydantic import AfterValidator, Field, model_validator

from schemas.documents import parse_json_object, read_document
from schemas.errors import UserError
from schemas.features import EVAL, SPLITS, TRAINING_SPLITS
from schemas.fitting import LETTERBOX, STRETCH, Fit
from schemas.frozen_model import FrozenModel, parse_model
from schemas.image_size import ImageSize
from schemas.regular_files import open_regular
from schemas.version_files import MANIFEST_FILE, MAX_SHARDS, RELATIVE_PATH, VERSION, parse_shard_path, shard_path

SHA256 = r"^[0-9a-f]{64}$"
DATASET = r"^[a-z][a-z0-9_]*$"
_NUMBER = re.compile(r"v?[0-9]+\.[0-9]")  # how the name of a version's folder starts
MAX_BYTES = 64 << 20  # 64 MiB; a shard takes a quarter of a kilobyte
MAX_NAME = 128  # characters of a data set's, a version's or a reason's name
SOURCE_MASKS = "source_masks"  # the option that keeps masks at the photos' own sizes; other versions lack it
RECORD_FRAME = 16  # bytes of a record's length and checksums: https://www.tensorflow.org/tutorials/load_data/tfrecord

Count = Annotated[int, Field(strict=True, ge=0, le=2**53)]  # up to which all JSON readers agree
Name = Annotated[str, Field(pattern=r"^[A-Za-z0-9_][A-Za-z0-9_.-]*$", max_length=MAX_NAME)]
Digest = Annotated[str, Field(pattern=SHA256)]


def _check_option(value: str | int | float | None) -> str | int | float | None:
    """Checks that a value is a text, null, or a number that is neither negative nor infinite."""
    number = isinstance(value, (int, float)) and not isinstance(value, bool)
    if value is not None and not isinstance(value, str) and not (number and 0 <= value < math.inf):
        raise ValueError("must be a text, a number of at least 0, or null")
    return value


Option = Annotated[Any, AfterValidator(_check_option)]


class Shard(FrozenModel):
    """One TFRecord file; `path` is relative to the version's folder."""

    path: str = Field(pattern=RELATIVE_PATH, max_length=1024)
    bytes: Count
    records: Count
    sha256: Digest

    @model_validator(mode="after")
    def _bytes_hold_the_records(self) -> Shard:
        if self.bytes < RECORD_FRAME * self.records or (self.bytes and not self.records):
            raise ValueError(f"{self.path}: {self.bytes} bytes cannot hold {self.records} records")
        return self


class Split(FrozenModel):
    """The shards of one split, in order."""

    records: Count
    shards: tuple[Shard, ...] = Field(max_length=MAX_SHARDS)

    @model_validator(mode="after")
    def _adds_up(self) -> Split:
        if (found := sum(shard.records for shard in self.shards)) != self.records:
            raise ValueError(f"{self.records} records, but its shards have {found}")
        return self


class Manifest(FrozenModel):
    """What one version holds and what it was made of.

    Attributes:
      image_size: Of its records: pixels of a square's side, "WIDTHxHEIGHT", or 0 where they keep their sizes.
      fit: How photos were fitted into that size, see `schemas.fitting`.
      inputs: Number of ids found, each a photo, a mask or a pair.
      published: Number of records in all splits; `inputs == published + sum(quarantined.values())`.
      quarantined: Reason code to number of ids.
      repaired: Number of published ids whose photo needed a repair; `repairs` counts them by kind.
      derived_ids: Number of published ids that are not the names of their photos (`schemas.image_ids`).
      schema_sha256, dataset_sha256: Digests of the version's `schema.pbtxt` and `dataset.yaml`; versions from
        before 0.2 have no `dataset.yaml`.
      inputs_sha256: Digest of every source file's content and id, independent of order.
      options: The options that decide the content; `options_sha256` is their digest.
    """

    dataset: str = Field(pattern=DATASET, max_length=MAX_NAME)
    version: str = Field(pattern=rf"^{VERSION}$", max_length=MAX_NAME)
    image_size: ImageSize
    fit: Fit = STRETCH
    splits: dict[str, Split]
    inputs: Count
    published: Count
    quarantined: dict[Name, Count] = Field(max_length=MAX_NAME)
    repaired: Count
    repairs: dict[Name, Count] = Field(max_length=MAX_NAME)
    derived_ids: Count = 0
    schema_sha256: Digest
    dataset_sha256: Digest | None = None
    inputs_sha256: Digest
    options: dict[Name, Option] = Field(max_length=MAX_NAME)
    options_sha256: Digest
    code_version: str = Field(max_length=MAX_NAME)

    @model_validator(mode="after")
    def _consistent(self) -> Manifest:
        if not set(TRAINING_SPLITS) <= set(self.splits) <= set(SPLITS):
            found = ", ".join(map(repr, self.splits)) or "none"
            raise ValueError(f"splits: must be {' and '.join(TRAINING_SPLITS)}, with or without test, got {found}")
        for name, split in self.splits.items():
            self._check_shards(name, split)
        self._check_sums()
        if self.options_sha256 != options_sha256(self.options):
            raise ValueError("options_sha256: is not the digest of options")
        if self.options.get("image_size", self.image_size) != self.image_size:
            raise ValueError(f"image_size: {self.image_size}, but options.image_size is {self.options['image_size']}")
        if self.options.get("fit", STRETCH) != self.fit:
            raise ValueError(f"fit: {self.fit}, but options.fit is {self.options.get('fit', 'missing')}")
        if self.fit == LETTERBOX and not self.image_size:
            raise ValueError(f"fit: {self.fit}, but image_size is 0: nothing to fit photos into")
        return self

    def _check_shards(self, name: str, split: Split) -> None:
        """Checks that each shard of the split is there once and in order, and none of another split or data set."""
        count = len(split.shards)
        for index, shard in enumerate(split.shards):
            if parse_shard_path(shard.path) != (self.dataset, name, index, count):
                expected = shard_path(self.dataset, name, index, count)
                raise ValueError(f"splits.{name}.shards.{index}.path: must be {expected}, got {shard.path}")

    def _check_sums(self) -> None:
        records = sum(split.records for split in self.splits.values())
        if self.published != records:
            raise ValueError(f"published: {self.published}, but the splits have {records} records")
        if self.inputs != self.published + sum(self.quarantined.values()):
            rejected = sum(self.quarantined.values())
            raise ValueError(f"inputs: {self.inputs}, but {self.published} published and {rejected} quarantined")
        if not max(self.repairs.values(), default=0) <= self.repaired <= sum(self.repairs.values()):
            raise ValueError(f"repaired: {self.repaired}, which the counts in repairs can't add up to")
        for name, count in (("repaired", self.repaired), ("derived_ids", self.derived_ids)):
            if count > self.published:
                raise ValueError(f"{name}: {count} of {self.published} published records")
        digests: dict[str, str] = {}
        for shard in (one for split in self.splits.values() for one in split.shards if one.records):
            if (other := digests.setdefault(shard.sha256, shard.path)) != shard.path:
                raise ValueError(f"{shard.path}: the same sha256 as {other}; no record is published twice")

    @property
    def split_names(self) -> tuple[str, ...]:
        """The splits that the version has, in the order of SPLITS."""
        return tuple(split for split in SPLITS if split in self.splits)

    @property
    def has_source_masks(self) -> bool:
        """Whether the records of eval and test hold their masks at the photos' own sizes, beside `image_size`."""
        return self.options.get(SOURCE_MASKS) == EVAL

    def to_json(self) -> str:
        """The manifest as it is written: sorted keys, two spaces, a newline at the end."""
        values = self.model_dump(mode="json")
        if self.dataset_sha256 is None:  # as it was written before there was one: its digest names the version
            del values["dataset_sha256"]
        if self.fit == STRETCH:  # likewise
            del values["fit"]
        if not self.derived_ids:  # ordinary names give the bytes that they always gave
            del values["derived_ids"]
        return json.dumps(values, indent=2, sort_keys=True) + "\n"

    @property
    def sha256(self) -> str:
        """Digest of the bytes of `manifest.json`: the identity of the version's content."""
        return hashlib.sha256(self.to_json().encode()).hexdigest()


def options_sha256(options: dict[str, str | int | float | None]) -> str:
    """Digest of content options, independent of their order."""
    return hashlib.sha256(json.dumps(options, sort_keys=True).encode()).hexdigest()


def parse_manifest(data: bytes, source: str) -> Manifest:
    """Parses the bytes of a `manifest.json`; `source` names it in the UserError that wrong content raises."""
    return parse_model(Manifest, parse_json_object(data, source, MAX_BYTES), source)


def read_manifest(version_dir: Path) -> Manifest:
    """Reads the manifest of a published version.

    Raises:
      UserError: The folder or its manifest is missing or unreadable, or contradicts itself or the folder's name.
    """
    path = version_dir / MANIFEST_FILE
    if not version_dir.is_dir():
        raise UserError(f"{version_dir}: no such folder; give a published version such as ROOT/pets/1.0.0")
    if not path.is_file():
        raise UserError(f"{path}: no manifest, so nothing is published there; run python -m beam_jobs.prepare")
    try:
        data = read_document(path, MAX_BYTES)
    except OSError as error:
        raise UserError(f"{path}: can't be read ({error.strerror})") from None
    return published_manifest(data, str(version_dir.resolve()), str(path))


def published_manifest(data: bytes, version_dir: str, source: str) -> Manifest:
    """The manifest of a version in its folder: every reader of published versions gets it here.

    A folder whose name is not a version number, such as a mount at `/data`, can hold any version.

    Args:
      data: Content of its `manifest.json`.
      version_dir: Its folder, with symbolic links resolved.
      source: Names the file in messages.

    Raises:
      UserError: It contradicts itself, or the folder is named after another version, so that whoever refers to a
        version by name would get the wrong one.
    """
    manifest = parse_manifest(data, source)
    name = version_dir.rstrip("/").rpartition("/")[2]
    if name != manifest.version and _NUMBER.match(name):
        raise UserError(
            f"{source}: is the manifest of {manifest.dataset} {manifest.version}, but lies in a folder called {name!r};"
            f" give the folder its name back, .../{manifest.dataset}/{manifest.version}"
        )
    return manifest


def file_sha256(path: Path) -> str:
    """SHA-256 of a file's bytes, read in pieces of 1 MiB."""
    digest = hashlib.sha256()
    with open_regular(path) as file:
        while piece := file.read(1 << 20):
            digest.update(piece)
    return digest.hexdigest()
