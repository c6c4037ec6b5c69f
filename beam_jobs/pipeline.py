"""The preparation job as one Beam graph: plan by id, write in place, validate, decide, publish."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import apache_beam as beam
from apache_beam.pvalue import AsDict, AsIter, AsSingleton

from beam_jobs.monitoring.metrics import MeterFound, MeterRejections
from beam_jobs.monitoring.progress import tell_planned, tell_publishing
from beam_jobs.near_duplicates.one_side import KEPT, MOVED, KeepOnOneSide
from beam_jobs.near_duplicates.pairs import NearDuplicates, write_pairs
from beam_jobs.options import PrepareOptions
from beam_jobs.publication.decision import Decision, find_problems, make_manifest
from beam_jobs.publication.line_files import REPAIRS_FOLDER, WriteLineFiles, read_repairs
from beam_jobs.publication.publish import MoveFile, conclude, files_to_move, stage_validation
from beam_jobs.rejections import FATAL, Rejection
from beam_jobs.report import REPORT_FILE
from beam_jobs.report.near_duplicates import DrawNearDuplicates, NearDuplicateSheet
from beam_jobs.report.page import report_page
from beam_jobs.report.samples import CountSizes, SampleRecords, SampleRejections, SizeCell
from beam_jobs.report.thumbnails import Sample, Tile
from beam_jobs.retry.planning import plan_records, read_base
from beam_jobs.shards import sharding
from beam_jobs.shards.shard_writer import HASHED_PHOTOS, REPAIRED, STATISTICS_ROWS, WriteShard, WrittenShard
from beam_jobs.shards.sharding import ShardKey, SplitSize
from beam_jobs.sources.inputs_digest import DigestUnread
from beam_jobs.sources.source_files import LISTED_ONLY, REJECTED, PlannedRecord
from beam_jobs.storage.files import write_atomically
from beam_jobs.validation.statistics import Criteria, Validate, Validation
from schemas.manifest import QUARANTINE_FOLDER

FATAL_SHOWN = 3  # named in the message; the quarantine has all


def prepare(pipeline: beam.Pipeline, options: PrepareOptions) -> beam.PCollection:
    """Adds the whole job to a pipeline; its one output element is the folder that the job has written to."""
    plan = pipeline | "PlanRecords" >> plan_records(options)
    planned, moved_photos = _decide_sides(plan.planned, options)
    shards = (
        # (ShardKey, [PlannedRecord])
        planned
        | "GroupByShard" >> _GroupByShard(options)
        | "WriteShards"
        >> beam.ParDo(
            WriteShard(options.staging_dir, options.spec, options.encoding, options.near_duplicates != "ignore")
        ).with_outputs(STATISTICS_ROWS, REJECTED, REPAIRED, HASHED_PHOTOS, main="written")
    )
    validation = shards[STATISTICS_ROWS] | "Validate" >> Validate(_criteria(options))
    rejections = (
        (plan[REJECTED], shards[REJECTED])
        | "GatherRejections" >> beam.Flatten()
        | "MeterRejections" >> beam.ParDo(MeterRejections())
    )
    near_duplicates = _find_near_duplicates(shards, options)
    decision = (
        pipeline
        | "Start" >> beam.Create([options])
        | "Decide"
        >> beam.Map(
            _decide,
            shards=AsIter(shards.written),
            quarantined=AsDict(rejections | "CountByReason" >> _CountByReason()),
            line_files=AsIter(_write_line_files(rejections, shards[REPAIRED], options)),
            validation=AsSingleton(validation),
            found=AsSingleton(
                (plan.planned, plan[REJECTED])
                | "GatherFound" >> beam.Flatten()
                | "MeterFound" >> beam.ParDo(MeterFound())
                | "CountFound" >> beam.combiners.Count.Globally()
            ),
            listed_only=AsSingleton(plan[LISTED_ONLY] | "CountListedOnly" >> beam.combiners.Count.Globally()),
            unread_digest=AsSingleton(plan[REJECTED] | "DigestUnread" >> DigestUnread()),
            fatal=AsSingleton(
                plan[REJECTED]
                | "KeepFatal" >> beam.Filter(lambda one: one.reason in FATAL)
                | "TakeFirstFatal" >> beam.combiners.Top.Smallest(FATAL_SHOWN)
            ),
            near_duplicates=AsSingleton(
                near_duplicates | "WriteNearDuplicates" >> beam.Map(write_pairs, options.staging_dir)
            ),
        )
    )
    reported = decision | "WriteReport" >> beam.Map(
        _write_report,
        options,
        validation=AsSingleton(validation),
        samples=AsDict(shards[STATISTICS_ROWS] | "SampleRecords" >> SampleRecords(options.spec)),
        sheets=AsDict(rejections | "SampleRejections" >> SampleRejections(options.spec)),
        sizes=AsDict(shards[STATISTICS_ROWS] | "CountSizes" >> CountSizes()),
        near_duplicates=AsSingleton(
            planned | "DrawNearDuplicates" >> DrawNearDuplicates(near_duplicates, moved_photos)
        ),
    )
    moved = (
        reported
        | "NameStagedFiles" >> beam.FlatMap(files_to_move, options)
        | "SpreadMoves" >> beam.Reshuffle()
        | "MoveFiles" >> beam.ParDo(MoveFile())
    )
    return decision | "Conclude" >> beam.Map(_conclude, AsIter(moved), options)


def _decide_sides(planned: beam.PCollection, options: PrepareOptions) -> tuple[beam.PCollection, beam.PCollection]:
    """The records with their final splits, and one element: how many photos changed it, None where none may."""
    if options.near_duplicates != "one_side":
        return planned, planned.pipeline | "MoveNothing" >> beam.Create([None])
    sides = planned | "KeepOnOneSide" >> KeepOnOneSide(options.max_missing_fraction)
    return sides[KEPT], sides[MOVED] | "CountMoved" >> beam.combiners.Count.Globally()


def _find_near_duplicates(shards: beam.pvalue.DoOutputsTuple, options: PrepareOptions) -> beam.PCollection:
    """One element: the sorted pairs across the splits, None where they are to be ignored."""
    if options.near_duplicates == "ignore":
        return shards.written.pipeline | "IgnoreNearDuplicates" >> beam.Create([None])
    return shards[HASHED_PHOTOS] | "FindNearDuplicates" >> NearDuplicates()


def _criteria(options: PrepareOptions) -> Criteria:
    return Criteria(options.spec.schema_text, options.spec.rules, options.baseline_dir)


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
            | "TellPlanned" >> beam.Map(_tell_planned, self._options.staging_dir)
            | "CountShards" >> beam.Map(_shard_count, self._options)
        )
        assigned = planned | "AssignShard" >> beam.Map(_assign_shard, AsDict(counts))
        every = counts | "NameEveryShard" >> beam.FlatMap(_every_shard)
        return (
            {"planned": assigned, "every": every}
            | "GroupShards" >> beam.CoGroupByKey()
            | "DropMarkers" >> beam.MapTuple(lambda key, groups: (key, groups["planned"]))
        )


def _tell_planned(element: tuple[str, tuple[int, int]], staging: str) -> tuple[str, tuple[int, int]]:
    tell_planned(staging, split=element[0], inputs=element[1][0])
    return element


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


def _write_line_files(
    rejections: beam.PCollection, repaired: beam.PCollection, options: PrepareOptions
) -> beam.PCollection:
    """Paths, relative to the staging folder, of the files that list what was rejected and what was repaired."""
    if options.base_dir:
        before = repaired.pipeline | "ReadRepairs" >> read_repairs(options.base_dir)
        repaired = (repaired, before) | "GatherRepairs" >> beam.Flatten()
    return (
        rejections | "WriteQuarantine" >> WriteLineFiles(options.staging_dir, QUARANTINE_FOLDER),
        repaired | "WriteRepairs" >> WriteLineFiles(options.staging_dir, REPAIRS_FOLDER),
    ) | "GatherLineFiles" >> beam.Flatten()


class _CountByReason(beam.PTransform):
    """Rejections -> (reason, number of inputs)."""

    def expand(self, rejections: beam.PCollection) -> beam.PCollection:
        return (
            rejections | "TakeReason" >> beam.Map(lambda one: one.reason) | "Count" >> beam.combiners.Count.PerElement()
        )


def _decide(
    options: PrepareOptions,
    shards: Iterable[WrittenShard],
    quarantined: dict[str, int],
    line_files: Iterable[str],
    validation: Validation,
    found: int,
    listed_only: int,
    unread_digest: int,
    fatal: list[Rejection],
    near_duplicates: int | None,
) -> Decision:
    shards = list(shards)
    stage_validation(validation, options.staging_dir, options.spec.schema_text)
    base = read_base(options)
    inputs_digest = unread_digest + sum(one.inputs_digest for one in shards)
    manifest = make_manifest(options, shards, quarantined, inputs_digest, base)
    problems = find_problems(manifest, validation, found, fatal, base, options.max_rejected_fraction)
    return Decision(manifest, tuple(problems), listed_only, tuple(sorted(line_files)), near_duplicates)


def _write_report(
    decision: Decision,
    options: PrepareOptions,
    validation: Validation,
    samples: dict[str, list[Sample]],
    sheets: dict[str, list[Tile]],
    sizes: dict[SizeCell, int],
    near_duplicates: NearDuplicateSheet | None,
) -> Decision:
    page = report_page(options.spec, decision, validation, samples, sheets, sizes, near_duplicates)
    write_atomically(f"{options.staging_dir}/{REPORT_FILE}", page.encode())
    tell_publishing(options.staging_dir)
    return decision


def _conclude(decision: Decision, moved: Iterable[str], options: PrepareOptions) -> str:
    return conclude(decision, list(moved), options)
