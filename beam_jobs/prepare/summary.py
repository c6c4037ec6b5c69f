"""What the preparation job prints when it ends."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from beam_jobs.near_duplicates import PHOTOS_MOVED, SEARCH_CUT, pairs_of
from beam_jobs.prepare.options import PrepareOptions
from schemas.bounded_text import bounded_lines, clipped, enumerated
from schemas.manifest import Manifest
from schemas.version_files import (
    ANOMALIES_FOLDER,
    DATASET_FILE,
    DERIVED_IDS_FOLDER,
    NEAR_DUPLICATES_FILE,
    QUARANTINE_FOLDER,
    REPORT_FILE,
    STATISTICS_FOLDER,
    statistics_path,
)

if TYPE_CHECKING:
    from beam_jobs.monitoring.metrics import JobMetrics

PROBLEMS_SHOWN, DIFFERENCES_SHOWN = 40, 4
_LISTS = "lists_of_"  # of counters, see `beam_jobs.monitoring.metrics`
_LIMITED = ("skew: ", "drift: ")  # how problems begin that a threshold finds
COUNTS_SHOWN = 20  # reasons and repairs; there are some twenty of each


def published_table(manifest: Manifest, version_dir: str, seconds: float, metrics: JobMetrics | None = None) -> str:
    """The summary of a published version.

    Args:
      manifest: Its manifest.
      version_dir: Its folder.
      seconds: How long the graph ran.
      metrics: What the job has counted, where that is known.
    """
    splits = {name: split.records for name, split in manifest.splits.items()}
    rows = [
        ("inputs", manifest.inputs, ""),
        ("published", manifest.published, _counts(splits)),
        ("repaired", manifest.repaired, _counts(manifest.repairs)),
        ("quarantined", sum(manifest.quarantined.values()), _counts(manifest.quarantined)),
    ]
    if manifest.derived_ids:
        rows.append(("derived ids", manifest.derived_ids, f"for names that are not safe as ids: {DERIVED_IDS_FOLDER}/"))
    counters = metrics.counters if metrics else {}
    if left_out := counters.get("files_left_out"):
        rows.append(("left out", left_out, f"files that match no pattern; {REPORT_FILE} names some"))
    if forms := {name.removeprefix(_LISTS): count for name, count in counters.items() if name.startswith(_LISTS)}:
        rows.append(("lists", sum(forms.values()), f"of {_counts(forms)}".replace("_", " ")))
    if listed_only := counters.get("listed_only"):
        rows.append(("not there", listed_only, f"named by lists, without a file; {REPORT_FILE} has their lines"))
    if not_taken := counters.get("ids_not_taken"):
        rows.append(("not taken", not_taken, "found in the input, but unknown to the base version"))
    if groups := counters.get("groups"):
        spanning = counters.get("groups_in_several_splits", 0)
        words = f"{spanning} of them in several splits, which makes the evaluation too optimistic: {REPORT_FILE}"
        rows.append(("groups", groups, words if spanning else "each in one split"))
    rows += _measured(manifest, version_dir)
    lines = [f"Published {version_dir}"]
    lines += [f"  {name:<12}{count:>8}  {detail}".rstrip() for name, count, detail in rows]
    lines.append(f"  {'seconds':<12}{seconds:>8.1f}  {manifest.inputs / seconds:.0f} images/s")
    if metrics:
        lines += _cost_lines(metrics)
    lines += _near_duplicates(manifest, version_dir, metrics)
    if manifest.quarantined:
        lines.append(f"What was not published, and why: {version_dir}/{QUARANTINE_FOLDER}/")
    lines.append(f"Look at it before training on it: {version_dir}/{REPORT_FILE}")
    return "\n".join(lines)


def _measured(manifest: Manifest, version_dir: str) -> list[tuple[str, int | str, str]]:
    """Rows on weights, and on how splits differ from train; none without weights, or where splits are alike."""
    from beam_jobs.statistics.differences import differences_of_splits
    from beam_jobs.statistics.split_summary import summarise, weights_in_words
    from beam_jobs.storage.files import read_file
    from beam_jobs.storage.versions import read_contract

    summaries = {split: summarise(read_file(f"{version_dir}/{statistics_path(split)}")) for split in manifest.splits}
    found = differences_of_splits(summaries, read_contract(version_dir, manifest).fraction_titles)
    shown = [clipped(one.text) for one in found[:DIFFERENCES_SHOWN]]
    if len(found) > len(shown):
        shown.append(f"and {len(found) - len(shown)} more: {REPORT_FILE}")
    weights = weights_in_words(summaries)
    return [
        *([("weights", "", weights)] if weights else []),
        *(("" if index else "differences", "" if index else len(found), text) for index, text in enumerate(shown)),
    ]


def _near_duplicates(manifest: Manifest, folder: str, metrics: JobMetrics | None) -> list[str]:
    """A line on near-duplicates between eval and train, and between test and these; none without a search."""
    from beam_jobs.storage.files import read_file

    try:
        pairs = [json.loads(line) for line in read_file(f"{folder}/{NEAR_DUPLICATES_FILE}").splitlines()]
    except FileNotFoundError:
        return []
    reassigned = metrics.counters.get(PHOTOS_MOVED) if metrics else None
    kept = (
        f"; {reassigned} {'photo' if reassigned == 1 else 'photos'} moved to keep others together" if reassigned else ""
    )
    lines = []
    for splits in pairs_of(manifest.split_names):
        held_out, seen = splits
        named = len({pair[held_out] for pair in pairs if pair.keys() >= {held_out, seen}})
        count = max(named, metrics.counters.get(splits.counter, 0)) if metrics else named
        records = manifest.splits[held_out].records
        words = f"of {records} {held_out} photos {'has' if count == 1 else 'have'} a near-duplicate in {seen}"
        is_least = metrics is None or SEARCH_CUT in metrics.counters
        if count or is_least:
            least = "at least, " if is_least else ""
            words = f"{words} ({least}{count / max(1, records):.1%}): {NEAR_DUPLICATES_FILE}"
        lines.append(f"  near-duplicates {count:>4}  {words}{'' if lines else kept}")
    return lines


def _cost_lines(metrics: JobMetrics) -> list[str]:
    """Mean time of each step of a record, and its mean size; omits what no record has."""
    lines = []
    means = {step: metrics.distributions.get(f"{step}_microseconds") for step in ("decode", "resize", "encode")}
    milliseconds = {step: one.mean / 1000 for step, one in means.items() if one}
    if milliseconds:
        detail = ", ".join(f"{step} {mean:.2f}" for step, mean in milliseconds.items())
        lines.append(f"  {'ms/record':<12}{sum(milliseconds.values()):>8.2f}  {detail}")
    written, read = (metrics.distributions.get(name) for name in ("record_bytes", "source_bytes"))
    if written and read:
        lines.append(f"  {'bytes/record':<12}{written.mean:>8.0f}  from {read.mean:.0f} read")
    return lines


def withheld_table(options: PrepareOptions) -> str:
    """The problems of a withheld version."""
    from beam_jobs.prepare.place import OUTCOME_FILE
    from beam_jobs.storage.files import read_file

    outcome = json.loads(read_file(f"{options.rejected_dir}/{OUTCOME_FILE}"))
    rows = [("split", "what", "problem")]
    rows += [(one["split"] or "(all)", one["subject"], one["description"]) for one in outcome["problems"]]
    widths = [max(len(row[column]) for row in rows) for column in (0, 1)]
    lines = [f"Withheld: {options.version_dir} is not published, because"]
    table = [f"  {split:<{widths[0]}}  {what:<{widths[1]}}  {problem}" for split, what, problem in rows]
    lines += bounded_lines(table, PROBLEMS_SHOWN)
    if any(one["description"].startswith(_LIMITED) for one in outcome["problems"]):
        lines.append(f"Accept a difference that you expect with a higher limit: thresholds in {DATASET_FILE}")
    quarantined = outcome["manifest"]["quarantined"]
    if quarantined:
        lines.append(f"Quarantined: {_counts(quarantined)}")
    for kind, (count, examples) in outcome["left_out"].items():
        lines.append(f"Left out, matching no pattern: {count} {kind}, such as {examples[0]}")
    beside = ", ".join(f"{folder}/" for folder in (QUARANTINE_FOLDER, ANOMALIES_FOLDER, STATISTICS_FOLDER))
    lines.append(f"Look at {options.rejected_dir}/{REPORT_FILE}; beside it: {beside}")
    return "\n".join(lines)


def changed_options(before: dict, now: dict) -> str:
    """The options that differ, such as `image_size=128 (now 256)`."""
    names = sorted(name for name in before.keys() | now.keys() if before.get(name) != now.get(name))
    return enumerated([f"{name}={before.get(name)} (now {now.get(name)})" for name in names])


def _counts(counts: dict[str, int]) -> str:
    by_count = sorted(counts.items(), key=lambda item: (-item[1], item[0]))
    return enumerated([f"{name} {count}" for name, count in by_count], most=COUNTS_SHOWN)
