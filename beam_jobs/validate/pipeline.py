"""The validation job as one Beam graph: read each shard of a published version once, measure, compare, conclude."""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import NamedTuple

import apache_beam as beam
from apache_beam.pvalue import AsIter, AsSingleton

from beam_jobs.near_duplicates import pairs_of
from beam_jobs.near_duplicates.pairs import FindLeaks, Leak
from beam_jobs.once import FlatMapOnce, MapOnce
from beam_jobs.statistics.differences import differences_of_splits
from beam_jobs.statistics.split_summary import summarise
from beam_jobs.statistics.validation import FILE, SKEW, Criteria, Finding, ValidateStatistics, Validation
from beam_jobs.storage.files import write_atomically
from beam_jobs.validate.integrity import PHOTOS, ROWS, CheckShard, PublishedShard, check_side_files
from schemas.features import TRAIN
from schemas.manifest import Manifest
from schemas.version_files import anomalies_path

OUTCOME_FILE = "validation.json"


class Request(NamedTuple):
    """What to validate, against what, and where to.

    Attributes:
      version_dir: Folder of the published version; nothing is written there.
      manifest: Its manifest.
      criteria: What its statistics are checked against.
      output: Folder for anomalies and outcome.
      progress_dir: Local folder for the progress files, if it exists.
    """

    version_dir: str
    manifest: Manifest
    criteria: Criteria
    output: str
    progress_dir: str


class Leaked(NamedTuple):
    """Photos of the split `held_out` that have near-duplicates in the split `seen`.

    Attributes:
      photos: How many.
      is_complete: Whether that number is exact, not a lower bound.
      pairs: (id in `seen`, id in `held_out`), the nearest.
    """

    held_out: str
    seen: str
    photos: int
    is_complete: bool
    pairs: tuple[tuple[str, str], ...]


class Outcome(NamedTuple):
    """What was found: anomalies, then notes.

    Attributes:
      findings: Anomalies of files and statistics.
      not_compared: Comparisons that were left out, in words.
      leaks: Photos that are nearly the same in two splits.
      differences: How splits differ from train, in words, where no threshold forbids it.
    """

    findings: tuple[Finding, ...]
    not_compared: tuple[str, ...]
    leaks: tuple[Leaked, ...]
    differences: tuple[str, ...] = ()

    def to_json(self) -> str:
        """Serializes the outcome; `outcome_from_json` reads it."""
        rows = {name: [one._asdict() for one in getattr(self, name)] for name in ("findings", "leaks")}
        fields = self._asdict() | rows
        return json.dumps(fields, indent=2) + "\n"


def outcome_from_json(data: bytes) -> Outcome:
    """Reads what `Outcome.to_json` wrote."""
    fields = json.loads(data)
    findings = tuple(Finding(**one) for one in fields.pop("findings"))
    leaks = tuple(Leaked(**one | {"pairs": tuple(map(tuple, one["pairs"]))}) for one in fields.pop("leaks"))
    return Outcome(findings, tuple(fields.pop("not_compared")), leaks, tuple(fields.pop("differences")))


def validate(pipeline: beam.Pipeline, request: Request) -> beam.PCollection:
    """Adds the whole job to a pipeline; its only output element is the Outcome, which is also written."""
    manifest = request.manifest
    shards = [PublishedShard(name, shard) for name, split in manifest.splits.items() for shard in split.shards]
    checked = (
        pipeline
        | "NameShards" >> beam.Create(shards)
        | "SpreadShards" >> beam.Reshuffle()
        | "CheckShards"
        >> beam.ParDo(
            CheckShard(request.version_dir, request.progress_dir, manifest.fit, manifest.has_source_masks)
        ).with_outputs(ROWS, PHOTOS, main="findings")
    )
    side_files = pipeline | "CheckSideFiles" >> FlatMapOnce(check_side_files, request.version_dir, manifest)
    return pipeline | "Conclude" >> MapOnce(
        _conclude,
        request,
        files=AsIter((checked.findings, side_files) | "GatherFindings" >> beam.Flatten()),
        validation=AsSingleton(checked[ROWS] | "Validate" >> ValidateStatistics(request.criteria)),
        leaks=AsIter(checked[PHOTOS] | "FindLeaks" >> FindLeaks(pairs_of(manifest.split_names))),
    )


def _leaked(leak: Leak) -> Leaked:
    pairs = tuple((pair.seen_id, pair.held_out_id) for pair in leak.pairs)
    return Leaked(*leak.splits, leak.photos, leak.is_complete, pairs)


def _conclude(request: Request, files: Iterable[Finding], validation: Validation, leaks: Iterable[Leak]) -> Outcome:
    empty = {name for name, split in request.manifest.splits.items() if not split.records}
    findings = [
        *sorted(files),
        *(Finding(split, "(all)", FILE, "no record") for split in sorted(empty)),
        *(finding for finding in validation.findings if finding.split not in empty),
    ]
    leaked = tuple(sorted(map(_leaked, leaks)))
    summaries = {split: summarise(one) for split, one in validation.statistics.items()}
    limited = {(one.split, one.feature) for one in findings if one.kind == SKEW}
    differences = tuple(
        one.text
        for one in differences_of_splits(summaries, request.criteria.titles)
        if not limited & {(split, name) for split in (TRAIN, one.split) for name in one.features}
    )
    outcome = Outcome(tuple(findings), validation.not_compared, leaked, differences)
    for split, anomalies in validation.anomalies.items():
        write_atomically(f"{request.output}/{anomalies_path(split)}", anomalies)
    write_atomically(f"{request.output}/{OUTCOME_FILE}", outcome.to_json().encode())
    return outcome
