"""The account of a job that has ended: its counters, its manifest and its files must agree."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator

from beam_jobs.line_files import list_line_files
from beam_jobs.monitoring.metrics import (
    BYTES_WRITTEN,
    INPUTS_FOUND,
    INPUTS_REJECTED,
    RECORDS_WRITTEN,
    REJECTED_PREFIX,
    REPAIRED_PREFIX,
    JobMetrics,
)
from beam_jobs.prepare.options import PrepareOptions
from beam_jobs.prepare.place import OUTCOME_FILE
from beam_jobs.storage.files import exists, open_file, write_atomically
from beam_jobs.storage.versions import read_bounded, read_manifest
from schemas.documents import parse_json_object
from schemas.frozen_model import parse_model
from schemas.manifest import MAX_BYTES, Manifest
from schemas.version_files import MANIFEST_FILE, METRICS_FILE, QUARANTINE_FOLDER


def settle(options: PrepareOptions, published: Manifest | None, metrics: JobMetrics, seconds: float) -> list[str]:
    """Compares a job's counters with what it has written, and writes `metrics.json` beside it.

    Args:
      options: Of the job.
      published: The manifest, or None where the version was withheld.
      metrics: What the job has counted.
      seconds: How long its graph ran.

    Returns:
      One sentence per difference; empty if there is none.
    """
    folder = options.version_dir if published else options.rejected_dir
    manifest = published or _withheld_manifest(options)
    mismatches = find_mismatches(manifest, metrics, folder)
    path = f"{folder}/{METRICS_FILE}"
    if not exists(path):  # another job may have published the same content meanwhile
        write_atomically(path, metrics_json(manifest, metrics, seconds, mismatches).encode())
    return mismatches


def restore_metrics(published: Manifest, version_dir: str) -> bool:
    """Writes `metrics.json` of a published version that has none, as far as its manifest knows what the job counted.

    There is none if the job was killed after its manifest, or if it outlived its launcher.

    Returns:
      Whether it was missing.
    """
    path = f"{version_dir}/{METRICS_FILE}"
    if exists(path):
        return False
    counters = {name: count for name, count in _promised_counters(published).items() if count}
    account = _account(published, JobMetrics(counters, {}, exact=True), None, [])
    write_atomically(path, _to_json(account | {"restored_from_manifest": True}).encode())
    return True


def outcome_manifest(options: PrepareOptions) -> Manifest:
    """The manifest of the version that a job published or withheld."""
    published = exists(f"{options.version_dir}/{MANIFEST_FILE}")
    return read_manifest(options.version_dir) if published else _withheld_manifest(options)


def _withheld_manifest(options: PrepareOptions) -> Manifest:
    path = f"{options.rejected_dir}/{OUTCOME_FILE}"
    return parse_model(Manifest, parse_json_object(read_bounded(path, MAX_BYTES), path, MAX_BYTES)["manifest"], path)


def find_mismatches(manifest: Manifest, metrics: JobMetrics, folder: str) -> list[str]:
    """Compares a manifest with Beam's counters and with the lines of the quarantine; one sentence per difference.

    The sizes of the shards were compared in the graph, before the manifest was written.

    Args:
      manifest: Of the version that was published or withheld.
      metrics: What the job has counted. If the runner only counts attempts, a counter may be larger than in the
        manifest, because a bundle was retried, but never smaller.
      folder: Of the version, or of the files of a withheld one.
    """
    counted = _promised_counters(manifest)
    prefixes = (REJECTED_PREFIX, REPAIRED_PREFIX)
    unexpected = {name: 0 for name in metrics.counters if name.startswith(prefixes) and name not in counted}
    mismatches = []
    for name, expected in {**counted, **unexpected}.items():
        count = metrics.counters.get(name, 0)
        if count < expected or (metrics.exact and count > expected):
            mismatches.append(f"Beam counted {name} {count}, the manifest says {expected}")
    lines = quarantined_lines(folder)
    for reason in sorted(lines.keys() | manifest.quarantined.keys()):
        expected = manifest.quarantined.get(reason, 0)
        if lines[reason] != expected:
            mismatches.append(f"{folder}: {lines[reason]} quarantined lines of {reason}, the manifest says {expected}")
    return mismatches


def _promised_counters(manifest: Manifest) -> dict[str, int]:
    """What a job that made this manifest must have counted, by the names of its counters."""
    return {
        INPUTS_FOUND: manifest.inputs,
        RECORDS_WRITTEN: manifest.published,
        INPUTS_REJECTED: sum(manifest.quarantined.values()),
        BYTES_WRITTEN: sum(shard.bytes for split in manifest.splits.values() for shard in split.shards),
        **{REJECTED_PREFIX + reason: count for reason, count in manifest.quarantined.items()},
        **{REPAIRED_PREFIX + kind: count for kind, count in manifest.repairs.items()},
    }


def quarantined_lines(folder: str) -> Counter[str]:
    """Reason code to number of lines in all quarantine files below a folder; holds one line at a time."""
    return Counter(json.loads(line)["reason"] for line in _quarantine(folder))


def _quarantine(folder: str) -> Iterator[bytes]:
    for path in list_line_files(f"{folder}/{QUARANTINE_FOLDER}"):
        with open_file(path) as file:
            yield from file


def metrics_json(manifest: Manifest, metrics: JobMetrics, seconds: float, mismatches: list[str]) -> str:
    """`metrics.json`: times and counts of one run, which differ from run to run.

    Times are wall-clock microseconds of one worker, sizes are bytes.
    """
    return _to_json(_account(manifest, metrics, seconds, mismatches))


def _account(manifest: Manifest, metrics: JobMetrics, seconds: float | None, mismatches: list[str]) -> dict:
    distributions = {name: {**one._asdict(), "mean": round(one.mean, 1)} for name, one in metrics.distributions.items()}
    return {
        "manifest_sha256": manifest.sha256,
        "seconds": None if seconds is None else round(seconds, 1),
        "images_per_second": None if seconds is None else round(manifest.inputs / seconds, 1),
        "counters": metrics.counters,
        "distributions": distributions,
        "mismatches": mismatches,
    }


def _to_json(account: dict) -> str:
    return json.dumps(account, indent=2, sort_keys=True) + "\n"
