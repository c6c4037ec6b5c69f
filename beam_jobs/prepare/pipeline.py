"""The preparation job as one Beam graph: plan by id, write in place, validate, decide, publish.

On one machine every step costs 20 to 40 ms to set up, however little it does. So existing steps count what they see:
planning emits a Tally per bundle, writing a WrittenShard per shard.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator

import apache_beam as beam
from apache_beam.pvalue import AsDict, AsIter, AsSingleton, DoOutputsTuple

from beam_jobs.elements import PLANNED, REJECTED, TALLIES, PlannedRecord
from beam_jobs.line_files import Listed, WriteLineFiles, read_derived_ids, read_repairs
from beam_jobs.monitoring.progress import report_planned, report_publishing
from beam_jobs.near_duplicates import pairs_of
from beam_jobs.near_duplicates.pairs import FindLeaks, Leak, write_leaks
from beam_jobs.once import MapOnce
from beam_jobs.packing import Pack, pack_plans, unpack_plans
from beam_jobs.prepare.base import read_base
from beam_jobs.prepare.claim import Moved
from beam_jobs.prepare.contract import Contract, contract_of
from beam_jobs.prepare.decision import Decision, Problem, find_problems, make_manifest
from beam_jobs.prepare.group_split import KEPT, REASSIGNED, SplitByGroup
from beam_jobs.prepare.options import PrepareOptions
from beam_jobs.prepare.place import mark_staging
from beam_jobs.prepare.planning import plan_records
from beam_jobs.prepare.publish import MoveFile, conclude, files_to_move, stage_validation
from beam_jobs.prepare.report.mask_shapes import find_odd_masks
from beam_jobs.prepare.report.near_duplicates import draw_near_duplicates
from beam_jobs.prepare.report.page import report_page
from beam_jobs.prepare.report.samples import LookOver, Overview, SampleRejections, draw_samples
from beam_jobs.prepare.report.thumbnails import Tile
from beam_jobs.prepare.shard_writer import HASHED_PHOTOS, NOTED, STATISTICS_ROWS, WriteShard, WrittenShard
from beam_jobs.prepare.spanning_groups import FindSpanningGroups, SpanningGroups
from beam_jobs.prepare.tables import check_tables
from beam_jobs.prepare.tally import Tally, add_sizes, add_tallies
from beam_jobs.records import sharding
from beam_jobs.records.sharding import ShardKey, SplitSize
from beam_jobs.rejections import DerivedId, Rejection, Repaired
from beam_jobs.statistics.validation import Criteria, ValidateStatistics, Validation
from beam_jobs.storage.files import write_atomically
from schemas.derived_schema import derive_schema
from schemas.errors import UserError
from schemas.version_files import DERIVED_IDS_FOLDER, MAX_SHARDS, QUARANTINE_FOLDER, REPAIRS_FOLDER, REPORT_FILE

Assigned = tuple[ShardKey, bytes]  # the shard of some records, and these as packed PlannedRecords


def prepare(pipeline: beam.Pipeline, options: PrepareOptions) -> beam.PCollection:
    """Adds the whole job to a pipeline; its only output element is the folder that the job has written."""
    plan = pipeline | "PlanRecords" >> plan_records(options)
    options = options.without_ids()
    planned, sizes, reassigned = _decide_splits(plan, options)
    shards = (
        # (ShardKey, [packed PlannedRecords])
        planned
        | "GroupByShard" >> GroupByShard(sizes, plan[TALLIES], options)
        | "WriteShards"
        >> beam.ParDo(
            WriteShard(options.staging_dir, options.spec, options.encoding, options.near_duplicates != "ignore")
        ).with_outputs(STATISTICS_ROWS, REJECTED, NOTED, HASHED_PHOTOS, main="written")
    )
    validation = shards[STATISTICS_ROWS] | "Validate" >> ValidateStatistics(_criteria(options))
    near_duplicates = None  # no search
    if options.near_duplicates != "ignore":
        near_duplicates = AsIter(shards[HASHED_PHOTOS] | "FindLeaks" >> FindLeaks(pairs_of(options.splits)))
    groups = None  # not named
    if options.spec.names_groups:
        groups = AsSingleton(shards[STATISTICS_ROWS] | "FindSpanningGroups" >> FindSpanningGroups())
    decision = pipeline | "Decide" >> MapOnce(
        _decide,
        options,
        contract_of(options),
        shards=AsIter(shards.written),
        tallies=AsIter(plan[TALLIES]),
        line_files=AsIter(_write_line_files(plan, shards, options)),
        validation=AsSingleton(validation),
        near_duplicates=near_duplicates,
        groups=groups,
    )
    reported = decision | "WriteReport" >> beam.Map(
        _write_report,
        options,
        validation=AsSingleton(validation),
        overview=AsIter(shards[STATISTICS_ROWS] | "LookOver" >> LookOver(options.encoding.fit)),
        sheets=AsDict(
            (plan[REJECTED], shards[REJECTED])
            | "GatherRejections" >> beam.Flatten()
            | "SampleRejections" >> SampleRejections(options.spec)
        ),
        near_duplicates=near_duplicates,
        reassigned=reassigned,
    )
    moved = (
        reported
        | "NameStagedFiles" >> beam.FlatMap(files_to_move, options).with_output_types(tuple[str, str, int])
        | "SpreadMoves" >> beam.Reshuffle()
        | "MoveFiles" >> beam.ParDo(MoveFile(options))
    )
    return decision | "Conclude" >> beam.Map(_conclude, AsIter(moved), options)


def _decide_splits(
    plan: DoOutputsTuple, options: PrepareOptions
) -> tuple[beam.PCollection, beam.PCollection, AsIter | None]:
    """The packed records with their final splits, the splits' sizes, and how many changed theirs (None: can't)."""
    packed = plan[PLANNED] | "PackPlans" >> beam.ParDo(Pack()).with_output_types(bytes)
    if options.near_duplicates != "one_side":
        return packed, plan[TALLIES] | "TakeSizes" >> beam.Map(lambda tally: tally.sizes), None
    split_by_group = packed | "SplitByGroup" >> SplitByGroup(options.encoding)
    sizes = split_by_group[REASSIGNED] | "TakeSizes" >> beam.Map(lambda reassigned: reassigned.sizes)
    return (
        split_by_group[KEPT],
        sizes,
        AsIter(split_by_group[REASSIGNED] | "CountReassigned" >> beam.Map(lambda reassigned: reassigned.photos)),
    )


def _criteria(options: PrepareOptions) -> Criteria:
    spec = options.spec
    schema_text = derive_schema(spec, options.keeps_source_masks)
    return Criteria(schema_text, spec.rules, options.baseline_dir, options.splits, spec.fraction_titles)


class GroupByShard(beam.PTransform):
    """Packed PlannedRecords -> (ShardKey, [packed PlannedRecords]), also for shards without any record.

    Args:
      sizes: {split: SplitSize} of each bundle that the records came from.
      tallies: Of the plan; no shard is written where they say that tables are wrong.
    """

    def __init__(self, sizes: beam.PCollection, tallies: beam.PCollection, options: PrepareOptions):
        super().__init__()
        self._sizes = sizes
        self._tallies = AsIter(tallies) if options.spec.tables else ()
        self._options = options

    def expand(self, planned: beam.PCollection) -> beam.PCollection:
        # {split: number of shards}
        counts = planned.pipeline | "CountShards" >> MapOnce(
            _count_shards, AsIter(self._sizes), self._tallies, self._options
        )
        assigned = planned | "AssignShard" >> beam.FlatMap(assign_shards, AsSingleton(counts)).with_output_types(
            Assigned
        )
        every = counts | "NameEveryShard" >> beam.FlatMap(_every_shard).with_output_types(Assigned)
        return (assigned, every) | "Gather" >> beam.Flatten() | "GroupShards" >> beam.GroupByKey()


def _count_shards(
    sizes: Iterable[dict[str, SplitSize]], tallies: Iterable[Tally], options: PrepareOptions
) -> dict[str, int]:
    for own in options.of_sources().values():
        check_tables(tallies, own)
    mark_staging(options)  # no shard is written before there are counts
    counts = {}
    for split, size in sorted(add_sizes(sizes).items()):
        report_planned(options.staging_dir, split=split, inputs=size.records)
        own_masks = options.encoding.keeps_source_mask(split)
        record_bytes = sharding.expected_record_bytes(options.image_size, options.image_format, size, own_masks)
        counts[split] = sharding.shard_count(size, record_bytes, options.shard_bytes)
        if counts[split] > MAX_SHARDS:
            raise UserError(
                f"shard_bytes: {options.shard_bytes} cuts {split} into {counts[split]:,} shards, and a version has"
                f" {MAX_SHARDS:,} at most; give larger ones"
            )
    return counts


def assign_shards(packed: bytes, counts: dict[str, int]) -> Iterator[Assigned]:
    """Groups packed PlannedRecords by shard, in the order of the shards.

    Args:
      packed: PlannedRecords of any shards.
      counts: Split to its number of shards.
    """
    plans: dict[ShardKey, list[PlannedRecord]] = defaultdict(list)
    for plan in unpack_plans(packed):
        count = counts[plan.split]
        plans[ShardKey(plan.split, sharding.shard_index(plan.image_id, count), count)].append(plan)
    # Beam's local runner assigns keys to workers in order of appearance: each gets as many shards of each split
    for key in sorted(plans):
        yield key, pack_plans(plans[key])


def _every_shard(counts: dict[str, int]) -> Iterator[Assigned]:
    for split, count in counts.items():
        for index in range(count):
            yield ShardKey(split, index, count), pack_plans([])


def _write_line_files(plan: DoOutputsTuple, shards: DoOutputsTuple, options: PrepareOptions) -> beam.PCollection:
    """Paths, relative to the staging folder, of the files that list what was rejected, repaired, or named anew."""
    listed = [plan[REJECTED], shards[REJECTED], shards[NOTED]]
    if options.base_dir:
        listed.append(shards.written.pipeline | "ReadRepairs" >> read_repairs(options.base_dir))
        listed.append(shards.written.pipeline | "ReadDerivedIds" >> read_derived_ids(options.base_dir))
    counts = shards.written.pipeline | "CountLines" >> MapOnce(
        _count_lines, AsIter(shards.written), AsIter(plan[TALLIES]), options
    )
    return (
        listed
        | "GatherListed" >> beam.Flatten()
        | "NameFolder" >> beam.Map(_name_folder)
        | "WriteLines" >> WriteLineFiles(options.staging_dir, counts)
    )


_FOLDERS = {Rejection: QUARANTINE_FOLDER, Repaired: REPAIRS_FOLDER, DerivedId: DERIVED_IDS_FOLDER}


def _name_folder(one: Listed) -> tuple[str, Listed]:
    return _FOLDERS[type(one)], one


def _count_lines(shards: Iterable[WrittenShard], tallies: Iterable[Tally], options: PrepareOptions) -> dict[str, int]:
    rejected = sum(add_tallies(tallies).quarantined.values())
    base = read_base(options)
    repaired, derived_ids = (base.repaired, base.derived_ids) if base else (0, 0)
    for one in shards:
        rejected += sum(one.quarantined.values())
        repaired += one.repaired
        derived_ids += one.derived_ids
    listed = {QUARANTINE_FOLDER: rejected, REPAIRS_FOLDER: repaired}
    return listed | ({DERIVED_IDS_FOLDER: derived_ids} if derived_ids else {})


def _decide(
    options: PrepareOptions,
    contract: Contract,
    shards: Iterable[WrittenShard],
    tallies: Iterable[Tally],
    line_files: Iterable[str],
    validation: Validation,
    near_duplicates: Iterable[Leak] | None,
    groups: SpanningGroups | None,
) -> Decision:
    shards, tally = list(shards), add_tallies(tallies)
    stage_validation(validation, options.staging_dir, contract)
    base = read_base(options)
    manifest = make_manifest(options, contract, shards, tally, base)
    problems = list(find_problems(manifest, validation, tally, base, options.max_rejected_fraction, shards))
    if groups and groups.spanning and options.spec.group and options.spec.group.whole:
        problems.append(Problem("", "group", groups.text))
    if near_duplicates is not None:
        write_leaks(sorted(near_duplicates, key=lambda leak: leak.splits), options.staging_dir)
    listed, searched = tuple(sorted(line_files)), near_duplicates is not None
    notes = contract.dataset_text, tally.left_out, groups, tally.listed_at
    return Decision(manifest, tuple(problems), tally.listed_only, listed, searched, *notes)


def _write_report(
    decision: Decision,
    options: PrepareOptions,
    validation: Validation,
    overview: Iterable[Overview],
    sheets: dict[str, list[Tile]],
    near_duplicates: Iterable[Leak] | None,
    reassigned: Iterable[int] | None,
) -> Decision:
    look = next(iter(overview), Overview({}, {}))
    samples = draw_samples(look, options.spec, decision.manifest.fit)
    reassigned_photos = None if reassigned is None else sum(reassigned)
    sheet = (
        None
        if near_duplicates is None
        else draw_near_duplicates(near_duplicates, reassigned_photos, options.spec.photo_range)
    )
    odd_masks = find_odd_masks(look.shapes, options.spec)
    outliers = look.outliers
    page = report_page(options.spec, decision, validation, samples, sheets, look.sizes, sheet, odd_masks, outliers)
    write_atomically(f"{options.staging_dir}/{REPORT_FILE}", page.encode())
    report_publishing(options.staging_dir)
    return decision


def _conclude(decision: Decision, moved: Iterable[Moved], options: PrepareOptions) -> str:
    return conclude(decision, list(moved), options)
