"""Plans the records: which photos and masks there are, paired by id, with the split that each belongs to."""

from __future__ import annotations

from collections.abc import Iterator

import apache_beam as beam
from apache_beam.pvalue import DoOutputsTuple

from beam_jobs.elements import PLANNED, REJECTED, TALLIES, PlannedRecord
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
from schemas.merge_spec import merged_id
from schemas.spec import DatasetSpec


def plan_records(options: PrepareOptions, digest_lists: bool = True) -> beam.PTransform:
    """The transform that plans the records of the options; `digest_lists` as in PlanRecords."""
    if options.base_dir is not None:
        return PlanRetry(options, options.base_dir)
    if options.description.merge is not None:
        return PlanMerged(options, digest_lists)
    return PlanRecords(options, digest_lists)


class PlanMerged(beam.PTransform):
    """Plans the records of each data set that is merged, as it would be alone, under ids that begin with its name.

    Outputs by tag are those of PlanRecords.
    """

    def __init__(self, options: PrepareOptions, digest_lists: bool):
        super().__init__()
        self._options = options
        self._digest_lists = digest_lists

    def expand(self, pipeline: beam.Pipeline) -> dict[str, beam.PCollection]:
        plans = [
            pipeline | f"Plan[{name}]" >> PlanRecords(own, self._digest_lists, name)
            for name, own in self._options.of_sources().items()
        ]
        return {
            tag: tuple(plan[tag] for plan in plans) | f"Gather[{tag}]" >> beam.Flatten()
            for tag in (PLANNED, REJECTED, TALLIES)
        }


class PlanRecords(beam.PTransform):
    """Lists the photos, masks and official lists that the options name, and pairs them by id.

    Only ids and locations are shuffled. Outputs by tag: `planned` (PlannedRecord), `rejected` (Rejection) and
    `tallies` (Tally of each bundle). `digest_lists`: the split in an official list counts as an input, which it did not
    before 0.2. `source` is the name under which the data set is merged, if it is.
    """

    def __init__(self, options: PrepareOptions, digest_lists: bool = True, source: str = ""):
        super().__init__()
        self._options = options
        self._digest_lists = digest_lists
        self._source = source

    def expand(self, pipeline: beam.Pipeline) -> DoOutputsTuple:
        options = self._options
        pairing = _Pair(options.split or "hash", options.shares, self._digest_lists, options.spec, self._source)
        return (
            (pipeline | "ListInput" >> ListInput(self._options))
            # (id, {IMAGES: [SourceFile], MASKS: [SourceFile], LISTED: [split], GROUPED: [TableRow]})
            | "JoinById" >> JoinById()
            | "Pair" >> beam.ParDo(pairing).with_outputs(REJECTED, TALLIES, main=PLANNED)
        )


class _Pair(TallyPlans):
    """(id, its files and listings) -> PlannedRecord; other outputs: Rejection, Tally."""

    def __init__(
        self, split_mode: str, shares: tuple[float, float], digest_lists: bool, spec: DatasetSpec, source: str
    ):
        super().__init__()
        self._source = source
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
                check_excluded(self._id(image_id), found[EXCLUDED][0], bool(images or masks))
            if self._split_mode == "hash":
                splits = [split_by_hash(group_of(self._spec, image_id, images, found[GROUPED]), *self._shares)]
            plan = with_tables(pair(image_id, images, masks, splits, self._spec), found, self._spec)
            yield self.plan(self._merged(plan) if self._source else plan, self._listed)
        except InputRejected as error:
            yield self.reject(reject(self._id(image_id), images, masks, splits, error))

    def _id(self, image_id: str) -> str:
        """The id in the merged data set, if it is merged."""
        return merged_id(self._source, image_id) if self._source else image_id

    def _merged(self, plan: PlannedRecord) -> PlannedRecord:
        """The plan under the id, and with the group, that it has in the merged data set."""
        group = plan.group
        if self._spec.names_groups:
            group = f"{self._source}/{plan.group or self._spec.group_of(plan.image_id, str(plan.image))}"
        return plan._replace(image_id=self._id(plan.image_id), group=group)
