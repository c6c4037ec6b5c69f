"""The summary of all changes: counted in the graph, and printed."""

from __future__ import annotations

import heapq
import json
from collections import Counter
from collections.abc import Iterable
from typing import Any

import apache_beam as beam
from google.protobuf.message import DecodeError

from beam_jobs.compare.changes import ADDED, KINDS, MASKED, PHOTO, REMOVED, RENAMED, Change
from beam_jobs.compare.page import PAGE_FILE, Shown, changes_page
from beam_jobs.compare.request import Request, Version
from beam_jobs.statistics.split_summary import SplitSummary, summarise
from beam_jobs.storage.files import read_file, write_atomically
from schemas.features import fraction_feature
from schemas.version_files import statistics_path

SUMMARY_FILE = "summary.json"
UNCHANGED = "unchanged"
EXAMPLES = 5  # of each kind, named in the summary

Totals = dict[str, Any]


class SumUp(beam.CombineFn):
    """Changes -> one dictionary: counts by kind, moves and reasons, pixels by class, and examples of each kind."""

    def create_accumulator(self) -> Totals:
        return {"changes": 0, "kinds": {}, "moves": {}, "rejected": {}, "class_pixels": {}, "examples": {}}

    def add_input(self, totals: Totals, change: Change) -> Totals:
        moved = change.split_before and change.split_after and change.split_before != change.split_after
        one = {
            "changes": 1,
            "kinds": dict.fromkeys(change.kinds, 1),
            "moves": {f"{change.split_before} to {change.split_after}": 1} if moved else {},
            "rejected": {f"{change.kinds[0]} {change.rejected}": 1} if change.rejected else {},
            "class_pixels": change.class_pixels,
            "examples": {kind: [(*_example(kind, change), change.records)] for kind in change.kinds},
        }
        return self.merge_accumulators([totals, one])

    def merge_accumulators(self, accumulators: Iterable[Totals]) -> Totals:
        total = self.create_accumulator()
        for one in accumulators:
            total["changes"] += one["changes"]
            for name in ("kinds", "moves", "rejected", "class_pixels"):
                counts = Counter(total[name])
                counts.update(one[name])
                total[name] = dict(counts)
            for kind, examples in one["examples"].items():
                total["examples"][kind] = heapq.nsmallest(EXAMPLES, [*total["examples"].get(kind, []), *examples])
        return total

    def extract_output(self, totals: Totals) -> Totals:
        return totals


def _example(kind: str, change: Change) -> tuple[float, str, str]:
    """Sort key, id, and detail: the masks and photos that have changed most come first."""
    if kind == MASKED:
        share = change.changed_pixels
        return (-2.0, change.image_id, "other size") if share is None else (-share, change.image_id, f"{share:.1%}")
    if kind == PHOTO:
        levels = change.photo_difference
        in_words = "other size" if levels is None else f"{levels:.1f} levels"
        return -256.0 if levels is None else -levels, change.image_id, in_words
    return 0.0, change.image_id, f"from {change.id_before}" if kind == RENAMED else change.rejected


def write_summary(request: Request, totals: Totals, files: Iterable[str]) -> dict:
    """Writes the page and the summary of a comparison, and returns the summary.

    Args:
      request: What was compared.
      totals: What SumUp counted.
      files: Paths of the lists of changes, relative to the output.

    Raises:
      RuntimeError: The counts do not add up.
    """
    kinds = {kind: totals["kinds"].get(kind, 0) for kind in KINDS}
    both = totals["changes"] - kinds[ADDED] - kinds[REMOVED]
    before, after = (one.manifest.published for one in request.versions)
    unchanged = before - kinds[REMOVED] - both
    if unchanged != after - kinds[ADDED] - both or unchanged < 0:
        raise RuntimeError(f"the account does not add up: {before} and {after} records, {totals['kinds']}")
    shares, notes = _class_shares(request)
    summary = {
        "dataset": request.after.manifest.dataset,
        "from": _version(request.before),
        "to": _version(request.after),
        "records": {UNCHANGED: unchanged, **kinds},
        "moves": dict(sorted(totals["moves"].items())),
        "rejected": dict(sorted(totals["rejected"].items())),
        "class_pixels": {name: count for name, count in sorted(totals["class_pixels"].items()) if count},
        "class_shares": shares,
        "examples": {
            kind: [{"id": image_id, "detail": detail} for _, image_id, detail, _ in found]
            for kind, found in sorted(totals["examples"].items())
        },
        "notes": [*request.notes, *notes],
        "files": sorted(files),
    }
    text = json.dumps(summary, indent=2, allow_nan=False) + "\n"
    shown = {kind: [Shown(*one[2:]) for one in found] for kind, found in totals["examples"].items()}
    write_atomically(f"{request.output}/{PAGE_FILE}", changes_page(request, summary, shown).encode())
    write_atomically(f"{request.output}/{SUMMARY_FILE}", text.encode())
    return summary


def _version(version: Version) -> dict:
    splits = {name: version.manifest.splits[name].records for name in version.manifest.split_names}
    return {
        "version": version.manifest.version,
        "folder": version.folder,
        "manifest_sha256": version.manifest.sha256,
        "records": version.manifest.published,
        "splits": splits,
    }


def _class_shares(request: Request) -> tuple[dict[str, list[float]], list[str]]:
    """Class to its mean share of a photo's labelled pixels before and after; a note where that is unknown."""
    summaries = []
    for version in request.versions:
        splits = []
        for split in version.manifest.split_names:
            path = f"{version.folder}/{statistics_path(split)}"
            try:
                splits.append(summarise(read_file(path)))
            except (OSError, DecodeError):
                return {}, [f"class shares are not compared: no statistics in {path}"]
        summaries.append(splits)
    earlier = {new: old for old, new in request.classes.renamed}
    shares = {}
    for name in request.classes.names:
        old = _mean_share(summaries[0], earlier.get(name, name))
        shares[name] = [old, _mean_share(summaries[1], name)]
    for name in request.classes.removed:
        shares[name] = [_mean_share(summaries[0], name), 0.0]
    return shares, []


def _mean_share(splits: list[SplitSummary], name: str) -> float:
    """Over the photos of all splits; 0 where the version has no such class."""
    numbers = [one.numbers[fraction_feature(name)] for one in splits if fraction_feature(name) in one.numbers]
    present = sum(one.present for one in numbers)
    return round(sum(one.mean * one.present for one in numbers) / present, 6) if present else 0.0
