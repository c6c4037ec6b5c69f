"""The preparation job as one Beam graph: plan by id, write in place, validate, decide, publish."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import apache_beam as beam
from apache_beam.pvalue import AsDict, AsIter, AsSingleton

from beam_jobs import sharding
from beam_jobs.inputs_digest import DigestUnread
from beam_jobs.options import PrepareOptions
from beam_jobs.publication import (
    Decision,
    MoveFile,
    conclude,
    files_to_move,
    find_problems,
    make_manifest,
    stage_validation,
)
from beam_jobs.rejections import Rejection
from beam_jobs.report import REPORT_FILE
from beam_jobs.report.page import report_page
from beam_jobs.report.samples import CountSizes, SampleRecords, SampleRejections, SizeCell
from beam_jobs.report.thumbnails import Sample, Tile
from beam_jobs.shard_writer import STATISTICS_ROWS, WriteShard, WrittenShard, write_atomically
from beam_jobs.sharding import ShardKey, SplitSize
from beam_jobs.sources import LISTED_ONLY, REJECTED, PlannedRecord, PlanRecords
from beam_jobs.statistics import SplitStatistics, Statistics, Validation, validate_splits
from schemas.features import EVAL, SPLITS, TRAIN
from schemas.manifest import QUARANTINE_FOLDER

REJECTIONS_PER_FILE = 100_000


def prepare(pipeline: beam.Pipeline, options: PrepareOptions) -> beam.PCollection:
    """Adds the whole job to a pipeline; its one output element is the folder that the job has written to."""
    plan = pipeline | "PlanRecords" >> PlanRecords(options)
    shards = (
        # (ShardKey, [PlannedRecord])
        plan.planned
        | "GroupByShard" >> _GroupByShard(options)
        | "WriteShards"
        >> beam.ParDo(WriteShard(options.staging_dir, options.spec, options.encoding)).with_outputs(
            STATISTICS_ROWS, REJECTED, main="written"
        )
    )
    validation = shards[STATISTICS_ROWS] | "Validate" >> _Validate(options.spec.schema_text)
    rejections = (plan[REJECTED], shards[REJECTED]) | "GatherRejections" >> beam.Flatten()
    decision = (
        pipeline
        | "Start" >> beam.Create([options])
        | "Decide"
        >> beam.Map(
            _decide,
            shards=AsIter(shards.written),
            quarantined=AsDict(rejections | "CountByReason" >> _CountByReason()),
            quarantine_files=AsIter(rejections | "WriteQuarantine" >> _WriteQuarantine(options.staging_dir)),
            validation=AsSingleton(validation),
            found=AsSingleton(
                (plan.planned, plan[REJECTED])
                | "GatherFound" >> beam.Flatten()
                | "CountFound" >> beam.combiners.Count.Globally()
            ),
            listed_only=AsSingleton(plan[LISTED_ONLY] | "CountListedOnly" >> beam.combiners.Count.Globally()),
            unread_digest=AsSingleton(plan[REJECTED] | "DigestUnread" >> DigestUnread()),
        )
    )
    reported = decision | "WriteReport" >> beam.Map(
        _write_report,
        options,
        validation=AsSingleton(validation),
        samples=AsDict(shards[STATISTICS_ROWS] | "SampleRecords" >> SampleRecords(options.spec)),
        sheets=AsDict(rejections | "SampleRejections" >> SampleRejections(options.spec)),
        sizes=AsDict(shards[STATISTICS_ROWS] | "CountSizes" >> CountSizes()),
    )
    moved = (
        reported
        | "NameStagedFiles" >> beam.FlatMap(files_to_move, options)
        | "SpreadMoves" >> beam.Reshuffle()
        | "MoveFiles" >> beam.ParDo(MoveFile())
    )
    return decision | "Conclude" >> beam.Map(_conclude, AsIter(moved), options)


class _GroupByShard(beam.PTransform):
    """PlannedRecords -> (ShardKey, [PlannedRecord]), with an empty list for a shard that no id falls into."""

    def __init__(self, options: PrepareOptions):
        super().__init__()
        self._options = options

    def expand(self, planned: beam.PCollection) -> beam.PCollection:
        # {split: number of shards}
        counts = (
            planned
            | "KeyBySplit" >> beam.Map(lambda plan: (plan.split, (1, plan.source_bytes)))
            | "SumSizes" >> beam.CombinePerKey(beam.combiners.TupleCombineFn(sum, sum))
            | "CountShards" >> beam.Map(_shard_count, self._options)
        )
        assigned = planned | "AssignShard" >> beam.Map(_assign_shard, AsDict(counts))
        every = counts | "NameEveryShard" >> beam.FlatMap(_every_shard)
        return (
            {"planned": assigned, "every": every}
            | "GroupShards" >> beam.CoGroupByKey()
            | "DropMarkers" >> beam.MapTuple(lambda key, groups: (key, groups["planned"]))
        )


def _shard_count(element: tuple[str, tuple[int, int]], options: PrepareOptions) -> tuple[str, int]:
    split, size = element[0], SplitSize(*element[1])
    record_bytes = sharding.expected_record_bytes(options.image_size, options.image_format, size)
    return split, sharding.shard_count(size, record_bytes, options.shard_bytes)


def _assign_shard(plan: PlannedRecord, counts: dict[str, int]) -> tuple[ShardKey, PlannedRecord]:
    count = counts[plan.split]
    return ShardKey(plan.split, sharding.shard_index(plan.image_id, count), count), plan


def _every_shard(element: tuple[str, int]) -> Iterator[tuple[ShardKey, None]]:
    split, count = element
    for index in range(count):
        yield ShardKey(split, index, count), None


class _Validate(beam.PTransform):
    """(split, RecordBatch) -> the one Validation of all splits."""

    def __init__(self, schema_text: str):
        super().__init__()
        self._schema_text = schema_text

    def expand(self, rows: beam.PCollection) -> beam.PCollection:
        statistics = {}
        for split in SPLITS:
            batches = rows | f"Take_{split}" >> beam.FlatMap(
                lambda element, split: [element[1]] if element[0] == split else [], split
            )
            statistics[split] = batches | f"Statistics_{split}" >> SplitStatistics(self._schema_text)
        return (
            rows.pipeline
            | "StartValidation" >> beam.Create([self._schema_text])
            | "CompareWithSchema"
            >> beam.Map(_validate, train=AsSingleton(statistics[TRAIN]), eval=AsSingleton(statistics[EVAL]))
        )


def _validate(schema_text: str, train: Statistics, eval: Statistics) -> Validation:
    return validate_splits({TRAIN: train, EVAL: eval}, schema_text)


class _CountByReason(beam.PTransform):
    """Rejections -> (reason, number of inputs)."""

    def expand(self, rejections: beam.PCollection) -> beam.PCollection:
        return (
            rejections | "TakeReason" >> beam.Map(lambda one: one.reason) | "Count" >> beam.combiners.Count.PerElement()
        )


class _WriteQuarantine(beam.PTransform):
    """Rejections -> names of the JSON Lines files that were written; one file at least, so that none means lost."""

    def __init__(self, staging: str):
        super().__init__()
        self._staging = staging

    def expand(self, rejections: beam.PCollection) -> beam.PCollection:
        file_count = (
            rejections
            | "CountRejections" >> beam.combiners.Count.Globally()
            | "CountFiles" >> beam.Map(lambda total: 1 + total // REJECTIONS_PER_FILE)
        )
        keyed = rejections | "AssignFile" >> beam.Map(
            lambda one, count: (sharding.shard_index(one.image_id, count), one), AsSingleton(file_count)
        )
        every = file_count | "NameEveryFile" >> beam.FlatMap(lambda count: [(index, count) for index in range(count)])
        return (
            {"rejections": keyed, "count": every}
            | "GroupFiles" >> beam.CoGroupByKey()
            | "WriteFiles" >> beam.Map(_write_quarantine_file, self._staging)
        )


def _write_quarantine_file(element: tuple[int, dict[str, Iterable]], staging: str) -> str:
    index, groups = element
    (count,) = groups["count"]
    rejections: list[Rejection] = sorted(groups["rejections"])
    name = f"quarantine-{index:05d}-of-{count:05d}.jsonl"
    lines = "".join(rejection.to_json() + "\n" for rejection in rejections)
    write_atomically(f"{staging}/{QUARANTINE_FOLDER}/{name}", lines.encode())
    return name


def _decide(
    options: PrepareOptions,
    shards: Iterable[WrittenShard],
    quarantined: dict[str, int],
    quarantine_files: Iterable[str],
    validation: Validation,
    found: int,
    listed_only: int,
    unread_digest: int,
) -> Decision:
    shards = list(shards)
    stage_validation(validation, options.staging_dir, options.spec.schema_text)
    manifest = make_manifest(options, shards, quarantined, unread_digest + sum(one.inputs_digest for one in shards))
    problems = find_problems(manifest, validation, found, options.max_rejected_fraction)
    return Decision(manifest, tuple(problems), listed_only, tuple(sorted(quarantine_files)))


def _write_report(
    decision: Decision,
    options: PrepareOptions,
    validation: Validation,
    samples: dict[str, list[Sample]],
    sheets: dict[str, list[Tile]],
    sizes: dict[SizeCell, int],
) -> Decision:
    page = report_page(options.spec, decision, validation, samples, sheets, sizes)
    write_atomically(f"{options.staging_dir}/{REPORT_FILE}", page.encode())
    return decision


def _conclude(decision: Decision, moved: Iterable[str], options: PrepareOptions) -> str:
    return conclude(decision, list(moved), options)
