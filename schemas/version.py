"""A published version in a folder: its manifest, its contract, and whether its files match the manifest.

`beam_jobs.storage.versions` does the same wherever Beam can read.
"""

from __future__ import annotations

import hashlib
import sys
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import BinaryIO, NamedTuple

from schemas.contract import parse_dataset
from schemas.derived_schema import is_schema_of, schema_sha256
from schemas.documents import MAX_YAML_BYTES, read_document
from schemas.errors import UserError
from schemas.manifest import Manifest, Shard, read_manifest
from schemas.regular_files import open_regular
from schemas.shipped import load_spec
from schemas.spec import DatasetSpec
from schemas.version_files import DATASET_FILE, EXAMPLES_FOLDER, SCHEMA_FILE

MAX_SCHEMA_BYTES = 4 << 20  # 4 MiB
REMEDY = "publish the data under a new version"
_PIECE = 1 << 20  # 1 MiB


class PublishedVersion(NamedTuple):
    """What a published version says about itself.

    Attributes:
      manifest: Its manifest.
      spec: The contract that it was published under, not one that happens to be installed.
    """

    manifest: Manifest
    spec: DatasetSpec


def read_version(version_dir: Path) -> PublishedVersion:
    """Reads the manifest of a published version and the contract beside it; UserError where either can't be used."""
    manifest = read_manifest(version_dir)
    schema = _read_side_file(version_dir / SCHEMA_FILE, MAX_SCHEMA_BYTES)
    dataset = _read_side_file(version_dir / DATASET_FILE, MAX_YAML_BYTES) if manifest.dataset_sha256 else None
    return PublishedVersion(manifest, contract_of(manifest, dataset, schema, str(version_dir)))


def verify_version(version_dir: Path) -> PublishedVersion:
    """Reads a version and checks every file that training reads against its manifest.

    Reads every byte of the shards once.

    Raises:
      UserError: Names the first file that is missing, differs, or is not in the manifest.
    """
    version = read_version(version_dir)
    try:
        check_listing(version.manifest, _list_examples(version_dir), str(version_dir))
        for split in version.manifest.splits.values():
            for shard in split.shards:
                _verify_shard(version_dir / shard.path, shard)
    except OSError as error:
        raise UserError(f"{error.filename}: can't be read ({error.strerror})") from None
    return version


def contract_of(manifest: Manifest, dataset: bytes | None, schema: bytes, version_dir: str) -> DatasetSpec:
    """The contract of a version, from the files beside its manifest.

    Args:
      manifest: Its manifest.
      dataset: Content of its `dataset.yaml`; None where the manifest has no digest of one.
      schema: Content of its `schema.pbtxt`.
      version_dir: Names it in messages.

    Raises:
      UserError: A file is not the manifest's, or there is no `dataset.yaml` and the installed contract is another.
    """
    if hashlib.sha256(schema).hexdigest() != manifest.schema_sha256:
        raise UserError(f"{version_dir}/{SCHEMA_FILE}: sha256 differs from the manifest's; {REMEDY}")
    if dataset is None:
        return _installed_contract(manifest.dataset, manifest.schema_sha256, version_dir)
    source = f"{version_dir}/{DATASET_FILE}"
    if hashlib.sha256(dataset).hexdigest() != manifest.dataset_sha256:
        raise UserError(f"{source}: sha256 differs from the manifest's; {REMEDY}")
    spec = parse_dataset(dataset, source)
    if spec.name != manifest.dataset:
        raise UserError(f"{source}: is of {spec.name}, but the manifest is of {manifest.dataset}; {REMEDY}")
    return spec


@cache  # also prints the note only once
def _installed_contract(dataset: str, published_sha256: str, version_dir: str) -> DatasetSpec:
    """The installed contract, for versions that were published before they held their own."""
    spec = load_spec(dataset)
    if not is_schema_of(spec, published_sha256):
        raise UserError(
            f"{version_dir}: has no {DATASET_FILE}, and was checked against another schema (sha256"
            f" {published_sha256[:12]}) than that of the installed schemas/{dataset} ({schema_sha256(spec)[:12]});"
            f" {REMEDY}"
        )
    print(
        f"note: {version_dir} was published without {DATASET_FILE}; its classes are taken from schemas/{dataset}",
        file=sys.stderr,
    )
    return spec


def stray_files(manifest: Manifest, paths: Mapping[str, int]) -> list[str]:
    """Paths under `examples/` that the manifest does not name: TFX reads every file of a split's folder.

    Args:
      manifest: Of the version.
      paths: Relative to the version's folder, of what a listing of `examples/` has found.
    """
    known = {shard.path for split in manifest.splits.values() for shard in split.shards}
    return sorted(paths.keys() - known)


def check_listing(manifest: Manifest, sizes: Mapping[str, int], version_dir: str) -> None:
    """Checks a listing of a version's `examples/` against its manifest.

    Args:
      manifest: Of the version.
      sizes: Path, relative to the version's folder, to size in bytes; -1 for what is no regular file.
      version_dir: Names it in messages.

    Raises:
      UserError: Names the first file that is missing, has another size, or is not in the manifest.
    """
    for shard in (one for split in manifest.splits.values() for one in split.shards):
        path = f"{version_dir}/{shard.path}"
        if shard.path not in sizes:
            raise UserError(f"{path}: shard is missing; {REMEDY}")
        if sizes[shard.path] < 0:
            raise UserError(f"{path}: not a regular file; {REMEDY}")
        if sizes[shard.path] != shard.bytes:
            raise UserError(f"{path}: has {sizes[shard.path]} bytes, manifest says {shard.bytes}; {REMEDY}")
    if strays := stray_files(manifest, sizes):
        more = f" (and {len(strays) - 1} more)" if len(strays) > 1 else ""
        raise UserError(
            f"{version_dir}/{strays[0]}: not in the manifest, but training would read it{more}; move it away"
        )


def _list_examples(version_dir: Path) -> dict[str, int]:
    """Path, relative to the version's folder, to size in bytes, of everything that lies where TFX looks for records."""
    sizes = {}
    examples = version_dir / EXAMPLES_FOLDER
    for folder in sorted(examples.iterdir()) if examples.is_dir() else ():
        for path in sorted(folder.iterdir()) if folder.is_dir() else (folder,):
            sizes[path.relative_to(version_dir).as_posix()] = path.stat().st_size if path.is_file() else -1
    return sizes


def _read_side_file(path: Path, max_bytes: int) -> bytes:
    try:
        if path.exists() and not path.is_file():
            raise UserError(f"{path}: not a regular file; {REMEDY}")
        return read_document(path, max_bytes)
    except OSError as error:
        reason = "missing" if isinstance(error, FileNotFoundError) else f"can't be read ({error.strerror})"
        raise UserError(f"{path}: {reason}; {REMEDY}") from None


def _verify_shard(path: Path, shard: Shard) -> None:
    with open_regular(path) as file:
        digest, records = _digest_and_records(file)
    if digest != shard.sha256:
        raise UserError(f"{path}: sha256 differs from the manifest's; {REMEDY}")
    if records != shard.records:
        raise UserError(f"{path}: has {records} records, manifest says {shard.records}; {REMEDY}")


def _digest_and_records(file: BinaryIO) -> tuple[str, int]:
    """SHA-256 of a TFRecord file, and how many records begin in it; its checksums are checked by its readers."""
    digest, records = hashlib.sha256(), 0
    begins = start = 0  # positions in the file, of the next record and of the piece
    header = b""
    while piece := file.read(_PIECE):
        digest.update(piece)
        end = start + len(piece)
        while begins < end:
            place = begins - start + len(header)
            header += piece[place : place + 8 - len(header)]
            if len(header) < 8:
                break  # the rest of the length is in the next piece
            records += 1
            begins += 16 + int.from_bytes(header, "little")
            header = b""
        start = end
    return digest.hexdigest(), records
