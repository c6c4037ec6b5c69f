"""The gate and the publication: a version appears whole, with its manifest last, or not at all."""

from __future__ import annotations

import contextlib
import importlib.metadata
import json
import os
import posixpath
import shutil
from collections import Counter
from collections.abc import Iterator, Sequence
from typing import NamedTuple

import apache_beam as beam
from apache_beam.io.filesystem import BeamIOError
from apache_beam.io.filesystems import FileSystems

from beam_jobs.inputs_digest import inputs_sha256
from beam_jobs.near_duplicates import NEAR_DUPLICATES_FILE
from beam_jobs.options import PrepareOptions, options_sha256
from beam_jobs.rejections import EXCLUDED, FATAL, Rejection
from beam_jobs.report import REPORT_FILE
from beam_jobs.shard_writer import WrittenShard, write_atomically
from beam_jobs.sources import read_file
from beam_jobs.statistics import Validation
from schemas.features import SPLITS, split_folder
from schemas.manifest import (
    ANOMALIES_FILE,
    ANOMALIES_FOLDER,
    MANIFEST_FILE,
    SCHEMA_FILE,
    STATISTICS_FILE,
    STATISTICS_FOLDER,
    Manifest,
    Split,
)

OUTCOME_FILE = "outcome.json"
DISTRIBUTION = "segmentation-pipeline"


class Problem(NamedTuple):
    """One reason to withhold a version, in words."""

    split: str
    subject: str
    description: str


class Decision(NamedTuple):
    """The manifest of what was built, and what speaks against publishing it; empty problems mean: publish.

    `near_duplicates` is the number of pairs across the splits, None where nobody looked.
    """

    manifest: Manifest
    problems: tuple[Problem, ...]
    listed_only: int
    line_files: tuple[str, ...]
    near_duplicates: int | None = None


def make_manifest(
    options: PrepareOptions,
    shards: list[WrittenShard],
    quarantined: dict[str, int],
    inputs_digest: int,
    base: Manifest | None,
) -> Manifest:
    """The manifest of everything written; shards may come in any order.

    Args:
      quarantined: Reason code to number of inputs.
      inputs_digest: Sum of all inputs' fingerprints.
      base: Of the version whose records were all copied, with the repairs that were made to them; None for none.
    """
    splits = {}
    for split in SPLITS:
        own = sorted((one.shard for one in shards if one.split == split), key=lambda shard: shard.path)
        splits[split] = Split(records=sum(shard.records for shard in own), shards=tuple(own))
    published = sum(split.records for split in splits.values())
    repairs: Counter[str] = Counter(base.repairs if base else {})
    for one in shards:
        repairs.update(one.repairs)
    return Manifest(
        dataset=options.dataset,
        version=options.version,
        image_size=options.image_size,
        splits=splits,
        inputs=published + sum(quarantined.values()),
        published=published,
        quarantined=dict(sorted(quarantined.items())),
        repaired=sum(one.repaired for one in shards) + (base.repaired if base else 0),
        repairs=dict(repairs),
        schema_sha256=options.spec.schema_sha256,
        inputs_sha256=inputs_sha256(inputs_digest),
        options=options.content_options,
        options_sha256=options_sha256(options.content_options),
        code_version=importlib.metadata.version(DISTRIBUTION),
    )


def find_problems(
    manifest: Manifest,
    validation: Validation,
    found: int,
    fatal: Sequence[Rejection],
    base: Manifest | None,
    max_rejected: float,
) -> Iterator[Problem]:
    """What speaks against publishing: anomalies, empty splits, too many rejected inputs, an account that differs.

    Args:
      found: Number of ids that the listing found, counted apart from what was written and rejected.
      fatal: The first few rejections for a reason that withholds a version by itself.
      base: Of the version that this one is built upon, so that it has the same inputs; None for none.
      max_rejected: Largest share of rejected inputs that is acceptable, in [0, 1].
    """
    for name, split in manifest.splits.items():
        if not split.records:
            yield Problem(name, "records", "no record; every split needs one")
    for finding in validation.findings:
        if manifest.splits[finding.split].records:
            yield Problem(finding.split, finding.feature, f"{finding.kind}: {finding.description}")
    for reason in FATAL & set(manifest.quarantined):
        named = "; ".join(f"{one.image_id} ({one.detail})" for one in fatal if one.reason == reason)
        yield Problem("", reason, f"{manifest.quarantined[reason]} with more than one file, such as {named}")
    excluded = sum(count for reason, count in manifest.quarantined.items() if reason in EXCLUDED)
    considered = manifest.inputs - excluded
    rejected = considered - manifest.published
    if rejected > max_rejected * considered:
        share = f"{rejected} of {considered} inputs ({rejected / considered:.1%}) rejected"
        yield Problem("", "rejected inputs", f"{share}; --max_rejected_fraction allows {max_rejected:.1%}")
    if found != manifest.inputs:
        yield Problem("", "account", f"{found} inputs found, but {manifest.inputs} published or quarantined")
    if base and found != base.inputs:
        yield Problem("", "account", f"{found} inputs found, but {base.version} accounts for {base.inputs}")


def stage_validation(validation: Validation, staging: str, schema_text: str) -> None:
    """Writes schema, statistics and anomalies to the staging folder, in the layout of TFX's artifacts."""
    write_atomically(f"{staging}/{SCHEMA_FILE}", schema_text.encode())
    for split in SPLITS:
        folder = split_folder(split)
        write_atomically(f"{staging}/{STATISTICS_FOLDER}/{folder}/{STATISTICS_FILE}", validation.statistics[split])
        write_atomically(f"{staging}/{ANOMALIES_FOLDER}/{folder}/{ANOMALIES_FILE}", validation.anomalies[split])


def _side_files(decision: Decision) -> list[str]:
    """Relative paths of all files beside shards and manifest."""
    folders = [split_folder(split) for split in SPLITS]
    return [
        SCHEMA_FILE,
        *(f"{STATISTICS_FOLDER}/{folder}/{STATISTICS_FILE}" for folder in folders),
        *(f"{ANOMALIES_FOLDER}/{folder}/{ANOMALIES_FILE}" for folder in folders),
        *decision.line_files,
        *([NEAR_DUPLICATES_FILE] if decision.near_duplicates is not None else []),
        REPORT_FILE,
    ]


def files_to_move(decision: Decision, options: PrepareOptions) -> Iterator[tuple[str, str]]:
    """(source, destination) of each staged file: into the version, or for a withheld one to the rejected versions.

    Raises:
      RuntimeError: The version was published meanwhile with other content; it is never rewritten.
    """
    relative = _side_files(decision)
    if decision.problems:
        destination = options.rejected_dir
        delete_folder(destination)  # what an earlier attempt left
    else:
        destination = options.version_dir
        published = f"{destination}/{MANIFEST_FILE}"
        if FileSystems.exists(published):
            if read_file(published) != decision.manifest.to_json().encode():
                raise RuntimeError(f"{destination} is already published with other content; choose another --version")
            return
        relative += [shard.path for split in decision.manifest.splits.values() for shard in split.shards]
    for path in relative:
        yield f"{options.staging_dir}/{path}", f"{destination}/{path}"


class MoveFile(beam.DoFn):
    """(source, destination) -> destination; moving again what was moved already changes nothing."""

    def process(self, element: tuple[str, str]) -> Iterator[str]:
        source, destination = element
        if FileSystems.exists(source) or not FileSystems.exists(destination):
            with contextlib.suppress(BeamIOError, OSError):  # it may be there; if it can't be, the rename says so
                FileSystems.mkdirs(posixpath.dirname(destination))
            FileSystems.rename([source], [destination])
        yield destination


def conclude(decision: Decision, moved: list[str], options: PrepareOptions) -> str:
    """After every move: the manifest, or the account of why there is none. Returns the folder written to.

    Raises:
      RuntimeError: A file is not where it was moved, or a shard has another size than the manifest states.
    """
    if decision.problems:
        account = {
            "problems": [problem._asdict() for problem in decision.problems],
            "listed_only": decision.listed_only,
            "manifest": decision.manifest.model_dump(mode="json"),
        }
        write_atomically(f"{options.rejected_dir}/{OUTCOME_FILE}", (json.dumps(account, indent=2) + "\n").encode())
        folder = options.rejected_dir
    else:
        folder = options.version_dir
        if moved:  # nothing is moved where the same content is published already
            found = _sizes_below(folder)
            check_moved(found, moved, folder, decision.manifest)
            if strays := sorted(found.keys() - set(moved)):  # an earlier, interrupted job left them
                FileSystems.delete(strays)
            write_atomically(f"{folder}/{MANIFEST_FILE}", decision.manifest.to_json().encode())
        delete_folder(options.rejected_dir)
    delete_folder(options.staging_dir)
    return folder


def check_moved(found: dict[str, int], moved: list[str], folder: str, manifest: Manifest) -> None:
    """Compares what a listing has found with what was moved and what the manifest is about to promise.

    Args:
      found: Path to size in bytes of each file below the version's folder.
      moved: Path of each file that was moved there.
      folder: The version's folder.
      manifest: The manifest that is to be written.

    Raises:
      RuntimeError: Names the first file that is missing or has another size.
    """
    shards = {f"{folder}/{one.path}": one.bytes for split in manifest.splits.values() for one in split.shards}
    for path in sorted({*moved, *shards}):
        if path not in found:
            raise RuntimeError(f"{path}: was moved there, but a listing does not find it")
        if found[path] != shards.get(path, found[path]):
            raise RuntimeError(f"{path}: has {found[path]} bytes, but {shards[path]} were written")


def delete_folder(folder: str) -> None:
    """Deletes a folder with all its files, and its parent where that is empty then; no error where there is none."""
    if "://" not in folder:
        shutil.rmtree(folder, ignore_errors=True)
        with contextlib.suppress(OSError):  # its parent holds other versions
            os.rmdir(posixpath.dirname(folder))
    elif files := _sizes_below(folder):
        FileSystems.delete(list(files))


def _sizes_below(folder: str) -> dict[str, int]:
    return {file.path: file.size_in_bytes for file in FileSystems.match([f"{folder}/**"])[0].metadata_list}
