"""`--retry_quarantined`: plans the next version from what a base version published and what it rejected.

Published records are planned as positions in the base's shards: their bytes are copied, not decoded. Rejected ids are
looked up in the input again; those that are missing keep their old reason.
"""

from __future__ import annotations

from collections.abc import Iterator

import apache_beam as beam
from apache_beam.pvalue import DoOutputsTuple, TaggedOutput

from beam_jobs.elements import PLANNED, REJECTED, TALLIES, PlannedRecord, SourceFile
from beam_jobs.line_files import read_quarantine
from beam_jobs.monitoring.metrics import count_copied_repairs, count_not_taken
from beam_jobs.prepare.annotations import masks_of
from beam_jobs.prepare.base import read_unchanged
from beam_jobs.prepare.joining import GROUPED, LEFT_OUT, LISTED, NO_ID, PUBLISHED, QUARANTINED, Found, JoinById
from beam_jobs.prepare.listing import IMAGES
from beam_jobs.prepare.options import PrepareOptions
from beam_jobs.prepare.pairing import ListInput, group_of, pair, reject
from beam_jobs.prepare.tables import lines_of, with_tables
from beam_jobs.prepare.tally import TallyPlans
from beam_jobs.records.published_records import find_records
from beam_jobs.records.sharding import split_by_hash
from beam_jobs.rejections import LEFT_OUT_BY_LIST, InputRejected, Rejection
from schemas.errors import UserError
from schemas.manifest import Shard


class PlanRetry(beam.PTransform):
    """Plans the records of a base version again, and pairs the ids that it rejected with the input's files.

    Only ids and locations are shuffled. Each shard of the base is read once, to find its records and to verify it.
    Outputs by tag are those of `PlanRecords`: `planned`, `rejected` and `tallies`.

    Args:
      base_dir: Folder of the base version, which is `options.base_dir`.
    """

    def __init__(self, options: PrepareOptions, base_dir: str):
        super().__init__()
        self._options = options
        self._base_dir = base_dir

    def expand(self, pipeline: beam.Pipeline) -> DoOutputsTuple:
        base = pipeline | "NameBase" >> beam.Create([self._base_dir])
        published = (
            base
            | "NameShards" >> beam.FlatMap(_name_shards, self._options.base_sha256)
            | "SpreadShards" >> beam.Reshuffle()
            | "FindRecords" >> beam.FlatMap(_find_records, self._base_dir)
        )
        quarantined = (
            pipeline
            | "ReadQuarantine" >> read_quarantine(self._base_dir)
            | "NameFound" >> beam.Map(lambda one: Found(QUARANTINED, one.image_id, one))
        )
        return (
            (published, quarantined, *(pipeline | "ListInput" >> ListInput(self._options)))
            # (id, {PUBLISHED: [PlannedRecord], QUARANTINED: [Rejection], and what ListInput finds})
            | "JoinById" >> JoinById()
            | "PlanAgain" >> beam.ParDo(_PlanAgain(self._options)).with_outputs(REJECTED, TALLIES, main=PLANNED)
        )


def _name_shards(base_dir: str, base_sha256: str | None) -> Iterator[tuple[str, Shard]]:
    base = read_unchanged(base_dir, base_sha256)
    count_copied_repairs(base.repairs)
    for name, split in base.splits.items():
        for shard in split.shards:
            yield name, shard


def _find_records(element: tuple[str, Shard], base_dir: str) -> Iterator[Found]:
    split, shard = element
    for image_id, record in find_records(base_dir, shard):
        yield Found(PUBLISHED, image_id, PlannedRecord(image_id, None, None, split, record))


class _PlanAgain(TallyPlans):
    """(id, its entries in base and input) -> PlannedRecord; other outputs: Rejection, Tally."""

    def __init__(self, options: PrepareOptions):
        super().__init__()
        self._base_dir = options.base_dir
        self._spec = options.spec
        self._shares = options.shares if options.split == "hash" else None

    def process(self, element: tuple[str, dict[str, list]]) -> Iterator:
        image_id, found = element
        if image_id == NO_ID:
            self.leave_out(found[LEFT_OUT])
            return
        images, masks = sorted(found[IMAGES]), masks_of(found, self._spec)
        before = [*found[PUBLISHED], *found[QUARANTINED]]
        if len(before) > 1:
            raise UserError(f"{self._base_dir}: names {image_id} twice; prepare a version from all photos")
        if not before and not images and not masks:
            self.list_only(lines_of(found))
        elif not before:
            count_not_taken()
        elif isinstance(before[0], PlannedRecord):
            yield self.plan(before[0])
        elif (not images and not masks) or before[0].reason == LEFT_OUT_BY_LIST:
            yield self.reject(before[0])
        else:
            yield self._pair(before[0], images, masks, found)

    def _pair(
        self, before: Rejection, images: list[SourceFile], masks: list[SourceFile], found: dict[str, list]
    ) -> PlannedRecord | TaggedOutput:
        if self._spec.names_groups and before.split:  # a folder of fixed files may lack what names their group
            splits = [before.split]
        elif self._shares is not None:
            splits = [split_by_hash(group_of(self._spec, before.image_id, images, found[GROUPED]), *self._shares)]
        else:  # a folder of fixed files has no lists; the base has read them
            splits = [before.split] if before.split else sorted(set(found[LISTED]))
        try:
            plan = pair(before.image_id, images, masks, splits, self._spec)
            return self.plan(with_tables(plan, found, self._spec))
        except InputRejected as error:
            return self.reject(reject(before.image_id, images, masks, splits, error))
