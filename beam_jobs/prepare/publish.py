"""The publication: a version appears whole, with its manifest last, or not at all."""

from __future__ import annotations

import contextlib
import json
import posixpath
from collections.abc import Iterable, Iterator
from typing import NamedTuple

import apache_beam as beam
from apache_beam.io.filesystem import BeamIOError
from apache_beam.io.filesystems import FileSystems

from beam_jobs.monitoring.metrics import count_published_by_another
from beam_jobs.prepare.claim import (
    TAKEN,
    ClaimLost,
    Moved,
    claim_uri,
    list_claimed,
    move_claimed,
    needs_claim,
    publish_claim,
    release_claim,
    take_claim,
)
from beam_jobs.prepare.contract import Contract
from beam_jobs.prepare.decision import Decision
from beam_jobs.prepare.options import PrepareOptions
from beam_jobs.prepare.place import (
    OUTCOME_FILE,
    check_place,
    delete_left,
    delete_staging,
    record_moves,
    refuse_foreign,
)
from beam_jobs.statistics.validation import Validation
from beam_jobs.storage.cloud_storage import delete_if
from beam_jobs.storage.files import delete_files, exists, sizes_below, write_atomically
from beam_jobs.storage.versions import read_contract, read_manifest
from schemas.contract import contract_changes, parse_dataset
from schemas.manifest import Manifest
from schemas.version_files import (
    DATASET_FILE,
    MANIFEST_FILE,
    NEAR_DUPLICATES_FILE,
    REPORT_FILE,
    SCHEMA_FILE,
    anomalies_path,
    statistics_path,
)


def stage_validation(validation: Validation, staging: str, contract: Contract) -> None:
    """Writes contract, statistics and anomalies to the staging folder, in the layout of TFX's artifacts."""
    write_atomically(f"{staging}/{SCHEMA_FILE}", contract.schema_text.encode())
    write_atomically(f"{staging}/{DATASET_FILE}", contract.dataset_text.encode())
    for split in validation.statistics:
        write_atomically(f"{staging}/{statistics_path(split)}", validation.statistics[split])
        write_atomically(f"{staging}/{anomalies_path(split)}", validation.anomalies[split])


def _side_files(decision: Decision) -> list[str]:
    """Relative paths of all files beside shards and manifest."""
    return [
        SCHEMA_FILE,
        DATASET_FILE,
        *map(statistics_path, decision.manifest.split_names),
        *map(anomalies_path, decision.manifest.split_names),
        *decision.line_files,
        *([NEAR_DUPLICATES_FILE] if decision.near_duplicates else []),
        REPORT_FILE,
    ]


class Move(NamedTuple):
    """A staged file and where it goes.

    Attributes:
      source: Its path or URI.
      destination: The path or URI that it is to have.
      claim: Generation of the claim that the job holds on a version in a bucket; 0 where there is none.
    """

    source: str
    destination: str
    claim: int = 0


def files_to_move(decision: Decision, options: PrepareOptions) -> Iterator[Move]:
    """Each staged file: in the version or, if withheld, under the rejected versions.

    Raises:
      UserError: The folder has a file that is not ours; nothing was moved.
      RuntimeError: Another job has published other content meanwhile; a version is never rewritten.
    """
    if _is_published(decision, options):
        return
    relative = _side_files(decision)
    destination = options.version_dir
    if decision.problems:
        destination = options.rejected_dir
    else:
        relative += [shard.path for split in decision.manifest.splits.values() for shard in split.shards]
    check_place(options, destination)
    record_moves(options, destination, relative)
    claim = 0
    if needs_claim(options) and not decision.problems:
        claim = take_claim(options, decision.manifest.to_json().encode())
        if exists(f"{options.version_dir}/{MANIFEST_FILE}"):  # another job has published it while it held the claim
            release_claim(options, claim)
            _is_published(decision, options)
            return
    for path in relative:
        yield Move(f"{options.staging_dir}/{path}", f"{destination}/{path}", claim)


def _is_published(decision: Decision, options: PrepareOptions) -> bool:
    """Whether the same content is published already; RuntimeError where the version has other content."""
    if not exists(f"{options.version_dir}/{MANIFEST_FILE}"):
        return False
    if decision.problems or not _is_same(decision, options):
        raise RuntimeError(
            f"{options.version_dir} was published by another job, with other content; choose another --version"
        )
    return True


def _is_same(decision: Decision, options: PrepareOptions) -> bool:
    """Whether the published version has the same content; titles and colours may have changed since."""
    published = read_manifest(options.version_dir)
    without_contract = {"dataset_sha256": None}
    if published.model_copy(update=without_contract) != decision.manifest.model_copy(update=without_contract):
        return False
    now = parse_dataset(decision.dataset_text.encode(), DATASET_FILE)
    return not contract_changes(read_contract(options.version_dir, published), now)


class MoveFile(beam.DoFn):
    """Move -> Moved; moving again what was moved already changes nothing."""

    def __init__(self, options: PrepareOptions):
        self._options = options

    def process(self, move: Move | tuple[str, str, int]) -> Iterator[Moved]:
        manifest = f"{self._options.version_dir}/{MANIFEST_FILE}"
        if exists(manifest):
            raise RuntimeError(f"another job has published this version meanwhile: {manifest} is there")
        source, destination, claim = move
        if claim:
            yield move_claimed(claim_uri(self._options), claim, source, destination)
            return
        if exists(source) or not exists(destination):
            with contextlib.suppress(BeamIOError, OSError):  # it may exist; if it can't be made, the rename fails
                FileSystems.mkdirs(posixpath.dirname(destination))
            FileSystems.rename([source], [destination])
        yield Moved(destination)


def conclude(decision: Decision, moved: list[Moved], options: PrepareOptions) -> str:
    """Writes, after every move, the manifest or the reasons why there is none. Returns the folder.

    Raises:
      RuntimeError: A moved file is missing, a shard's size differs from the manifest, or another job publishes, or has
        published, other content.
      UserError: The folder has a file that is not ours.
    """
    published = not decision.problems
    folder = options.version_dir if published else options.rejected_dir
    if _is_published(decision, options):
        if not moved:  # else this job has published it, before an earlier attempt at this step failed
            count_published_by_another()
    elif published and needs_claim(options):
        _publish_claimed(decision, moved, options)
    else:
        found = sizes_below(folder)
        paths = [one.path for one in moved]
        if published:
            check_moved(found, paths, folder, decision.manifest)
        delete_files(_strays(options, folder, found, paths))
        if published:
            write_atomically(f"{folder}/{MANIFEST_FILE}", decision.manifest.to_json().encode())
        else:
            write_atomically(f"{folder}/{OUTCOME_FILE}", _account(decision, paths, folder).encode())
    if published:
        delete_left(options)
    delete_staging(options, published)
    return folder


def _publish_claimed(decision: Decision, moved: list[Moved], options: PrepareOptions) -> None:
    """Publishes a version in a bucket, as far as this job still holds the claim."""
    uri, folder = claim_uri(options), options.version_dir
    found = list_claimed(uri, folder, moved)
    paths = [one.path for one in moved]
    check_moved({path: size for path, (size, _) in found.items()}, paths, folder, decision.manifest)
    for path in _strays(options, folder, found, paths):
        delete_if(path, found[path][1])
    if not publish_claim(uri, moved[0].claim, f"{folder}/{MANIFEST_FILE}") and not _is_published(decision, options):
        raise ClaimLost(f"{folder}: {TAKEN}")


def _strays(options: PrepareOptions, folder: str, found: Iterable[str], moved: list[str]) -> list[str]:
    """Files that an earlier, interrupted job left in the folder; UserError if one of them is not ours."""
    strays = sorted(set(found) - set(moved))
    refuse_foreign(options, folder, strays)
    return strays


def _account(decision: Decision, moved: list[str], folder: str) -> str:
    """Why a version was withheld, and which files it has."""
    account = {
        "problems": [problem._asdict() for problem in decision.problems],
        "listed_only": decision.listed_only,
        "left_out": decision.left_out,
        "manifest": decision.manifest.model_dump(mode="json"),
        "files": sorted(path.removeprefix(f"{folder}/") for path in moved),
    }
    return json.dumps(account, indent=2) + "\n"


def check_moved(found: dict[str, int], moved: list[str], folder: str, manifest: Manifest) -> None:
    """Compares a listing with the files that were moved and the shards in the manifest.

    Args:
      found: Path to size in bytes of each file below the version's folder.
      moved: Path of each moved file.
      folder: The version's folder.
      manifest: The manifest that is to be written.

    Raises:
      RuntimeError: Names the first file that is missing or has another size.
    """
    shards = {f"{folder}/{one.path}": one.bytes for split in manifest.splits.values() for one in split.shards}
    for path in sorted({*moved, *shards}):
        if path not in found:
            raise RuntimeError(f"{path}: was moved, but is missing from a listing")
        if found[path] != shards.get(path, found[path]):
            raise RuntimeError(f"{path}: has {found[path]} bytes, but {shards[path]} were written")
