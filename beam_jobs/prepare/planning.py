"""Plans the records: which photos and masks there are, paired by id, with the split that each belongs to."""

from __future__ import annotations

from collections.abc import Iterator

import apache_beam as beam
from apache_beam.pvalue import DoOutputsTuple

from beam_jobs.elements import PLANNED, REJECTED, TALLIES
from beam_jobs.prepare.annotations import masks_of
from beam_jobs.prepare.joining import EXCLUDED, GROUPED, LEFT_OUT, LISTED, NO_ID, JoinById
from beam_jobs.prepare.listing import IMAGES
from beam_jobs.prepare.options import PrepareOptions
from beam_jobs.prepare.pairing import ListInput, check_excluded, group_of, pair, reject
from beam_jobs.prepare.retry import PlanRetry
from beam_jobs.prepare.tables import lines_of, with_tables
from beam_jobs.prepare.tally import TallyPlans
from beam_jobs.records.sharding import split_by_hash
from beam_jobs.rejections import InputRejected
from schemas.spec import DatasetSpec


def plan_records(options: PrepareOptions, digest_lists: bool = True) -> beam.PTransform:
    """The transform that plans the records of the options; `digest_lists` as in PlanRecords."""
    if options.base_dir is None:
        return PlanRecords(options, digest_lists)
    return PlanRetry(options, options.base_dir)


class PlanRecords(beam.PTransform):
    """Lists the photos, masks and official lists that the options name, and pairs them by id.

    Only ids and locations are shuffled. Outputs by tag: `planned` (PlannedRecord), `rejected` (Rejection) and
    `tallies` (Tally of each bundle). `digest_lists`: the split in an official list counts as an input, which it did not
    before 0.2.
    """

    def __init__(self, options: PrepareOptions, digest_lists: bool = True):
        super().__init__()
        self._options = options
        self._digest_lists = digest_lists

    def expand(self, pipeline: beam.Pipeline) -> DoOutputsTuple:
        options = self._options
        pairing = _Pair(options.split or "hash", options.shares, self._digest_lists, options.spec)
        return (
            (pipeline | "ListInput" >> ListInput(self._options))
            # (id, {IMAGES: [SourceFile], MASKS: [SourceFile], LISTED: [split], GROUPED: [TableRow]})
            | "JoinById" >> JoinById()
            | "Pair" >> beam.ParDo(pairing).with_outputs(REJECTED, TALLIES, main=PLANNED)
        )


class _Pair(TallyPlans):
    """(id, its files and listings) -> PlannedRecord; other outputs: Rejection, Tally."""

    def __init__(self, split_mode: str, shares: tuple[float, float], digest_lists: bool, spec: DatasetSpec):
        super().__init__()
        self._spec = spec
        self._split_mode = split_mode
        self._listed = digest_lists and split_mode == "official"
        self._shares = shares

    def process(self, element: tuple[str, dict[str, list]]) -> Iterator:
        image_id, found = element
        if image_id == NO_ID:
            self.leave_out(found[LEFT_OUT])
            return
        images, masks = sorted(found[IMAGES]), masks_of(found, self._spec)
        if not images and not masks and not found[EXCLUDED]:
            self.list_only(lines_of(found))
            return
        splits = sorted(set(found[LISTED]))
        try:
            if found[EXCLUDED]:
                check_excluded(image_id, found[EXCLUDED][0], bool(images or masks))
            if self._split_mode == "hash":
                splits = [split_by_hash(group_of(self._spec, image_id, images, found[GROUPED]), *self._shares)]
            plan = pair(image_id, images, masks, splits, self._spec)
            yield self.plan(with_tables(plan, found, self._spec), self._listed)
        except InputRejected as error:
            yield self.reject(reject(image_id, images, masks, splits, error))
