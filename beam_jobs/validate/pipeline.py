"""The validation job as one Beam graph: read each shard of a published version once, measure, compare, conclude."""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import NamedTuple

import apache_beam as beam
from apache_beam.pvalue import AsIter, AsSingleton

from beam_jobs.near_duplicates.pairs import Leak, NearDuplicates
from beam_jobs.once import FlatMapOnce, MapOnce
from beam_jobs.statistics.validation import FILE, Criteria, Finding, ValidateStatistics, Validation
from beam_jobs.storage.files import write_atomically
from beam_jobs.validate.integrity import PHOTOS, ROWS, CheckShard, PublishedShard, check_side_files
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


class Outcome(NamedTuple):
    """What was found: anomalies, then notes.

    Attributes:
      findings: Anomalies of files and statistics.
      not_compared: Comparisons that were left out, in words.
      near_duplicates: (id in train, id in eval) of photos that are nearly the same, the nearest.
      eval_photos_leaked: How many photos of eval have a near-duplicate in train.
      leak_is_complete: Whether that number is exact, not a lower bound.
    """

    findings: tuple[Finding, ...]
    not_compared: tuple[str, ...]
    near_duplicates: tuple[tuple[str, str], ...]
    eval_photos_leaked: int
    leak_is_complete: bool

    def to_json(self) -> str:
        """Serializes the outcome; `outcome_from_json` reads it."""
        fields = self._asdict() | {"findings": [finding._asdict() for finding in self.findings]}
        return json.dumps(fields, indent=2) + "\n"


def outcome_from_json(data: bytes) -> Outcome:
    """Reads what `Outcome.to_json` wrote."""
    fields = json.loads(data)
    findings = tuple(Finding(**one) for one in fields.pop("findings"))
    pairs = tuple(map(tuple, fields.pop("near_duplicates")))
    return Outcome(findings, tuple(fields.pop("not_compared")), pairs, **fields)


def validate(pipeline: beam.Pipeline, request: Request) -> beam.PCollection:
    """Adds the whole job to a pipeline; its only output element is the Outcome, which is also written."""
    shards = [PublishedShard(name, shard) for name, split in request.manifest.splits.items() for shard in split.shards]
    checked = (
        pipeline
        | "NameShards" >> beam.Create(shards)
        | "SpreadShards" >> beam.Reshuffle()
        | "CheckShards"
        >> beam.ParDo(CheckShard(request.version_dir, request.progress_dir)).with_outputs(ROWS, PHOTOS, main="findings")
    )
    side_files = pipeline | "CheckSideFiles" >> FlatMapOnce(check_side_files, request.version_dir, request.manifest)
    return pipeline | "Conclude" >> MapOnce(
        _conclude,
        request,
        files=AsIter((checked.findings, side_files) | "GatherFindings" >> beam.Flatten()),
        validation=AsSingleton(checked[ROWS] | "Validate" >> ValidateStatistics(request.criteria)),
        leak=AsSingleton(checked[PHOTOS] | "FindNearDuplicates" >> NearDuplicates()),
    )


def _conclude(request: Request, files: Iterable[Finding], validation: Validation, leak: Leak) -> Outcome:
    empty = {name for name, split in request.manifest.splits.items() if not split.records}
    findings = [
        *sorted(files),
        *(Finding(split, "(all)", FILE, "no record") for split in sorted(empty)),
        *(finding for finding in validation.findings if finding.split not in empty),
    ]
    pairs = tuple((pair.train_id, pair.eval_id) for pair in leak.pairs)
    outcome = Outcome(tuple(findings), validation.not_compared, pairs, leak.eval_photos, leak.is_complete)
    for split, anomalies in validation.anomalies.items():
        write_atomically(f"{request.output}/{anomalies_path(split)}", anomalies)
    write_atomically(f"{request.output}/{OUTCOME_FILE}", outcome.to_json().encode())
    return outcome
