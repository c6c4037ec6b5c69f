"""What planning counts: one small Tally per bundle, so that no count needs a step of its own."""

from __future__ import annotations

import heapq
from collections import Counter
from collections.abc import Iterable, Iterator
from typing import NamedTuple

import apache_beam as beam
from apache_beam.pvalue import TaggedOutput

from beam_jobs.elements import REJECTED, TALLIES, PlannedRecord
from beam_jobs.monitoring.metrics import count_found, count_left_out, count_listed_only, count_rejection
from beam_jobs.packing import at_end_of_bundle
from beam_jobs.prepare.inputs_digest import listed_fingerprint, table_fingerprint, unread_fingerprint
from beam_jobs.records.sharding import SplitSize
from beam_jobs.rejections import FATAL, OF_TABLES, Rejection
from beam_jobs.sources.left_out import LeftOut, add_left_out
from schemas.bounded_text import clipped
from schemas.features import TRAIN

LINES_SHOWN = 20  # of lists, that name no photo
FATAL_SHOWN = 3  # named in the message; the quarantine has all


class Tally(NamedTuple):
    """Counts of planned and rejected inputs.

    Attributes:
      found: Inputs that the listing found.
      listed_only: Ids in an official list that have neither file.
      unread_digest: Sum of the fingerprints of what the record-making step never reads: rejected inputs, and lines of
        official lists.
      quarantined: Reason code to number of inputs that were rejected before they were read.
      fatal: The first few rejections of each reason that alone withholds a version or ends the job, in order.
      sizes: Split to its planned size.
      listed_at: The first few lines of lists that name the ids of `listed_only`.
      weighed: Records of train that no table gives the weight 0.
      left_out: Kind of file that matches no pattern to their number.
    """

    found: int = 0
    listed_only: int = 0
    unread_digest: int = 0
    quarantined: dict[str, int] = {}  # noqa: RUF012  # never changed in place
    fatal: tuple[Rejection, ...] = ()
    sizes: dict[str, SplitSize] = {}  # noqa: RUF012
    left_out: dict[str, LeftOut] = {}  # noqa: RUF012
    listed_at: tuple[str, ...] = ()
    weighed: int = 0


def add_tallies(tallies: Iterable[Tally]) -> Tally:
    """The sum of tallies, independent of their order."""
    found = listed_only = unread_digest = weighed = 0
    quarantined: Counter[str] = Counter()
    fatal: tuple[Rejection, ...] = ()
    sizes: list[dict[str, SplitSize]] = []
    left_out: dict[str, LeftOut] = {}
    listed_at: list[str] = []
    for one in tallies:
        found += one.found
        listed_only += one.listed_only
        unread_digest += one.unread_digest
        weighed += one.weighed
        quarantined.update(one.quarantined)
        fatal = _first_of_each_reason((*fatal, *one.fatal))
        sizes = [add_sizes([*sizes, one.sizes])]
        left_out = add_left_out([left_out, one.left_out])
        listed_at = heapq.nsmallest(LINES_SHOWN, [*listed_at, *one.listed_at])
    counts = found, listed_only, unread_digest, dict(quarantined)
    return Tally(*counts, fatal, add_sizes(sizes), left_out, tuple(listed_at), weighed)


def add_sizes(sizes: Iterable[dict[str, SplitSize]]) -> dict[str, SplitSize]:
    """The sum of the sizes of each split."""
    total: dict[str, SplitSize] = {}
    for one in sizes:
        for split, (records, source_bytes) in one.items():
            before = total.get(split, SplitSize(0, 0))
            total[split] = SplitSize(before.records + records, before.source_bytes + source_bytes)
    return total


def _first_of_each_reason(rejections: Iterable[Rejection]) -> tuple[Rejection, ...]:
    first: dict[str, list[Rejection]] = {}
    for one in sorted(rejections):
        own = first.setdefault(one.reason, [])
        if len(own) < FATAL_SHOWN:
            own.append(one)
    return tuple(sorted(one for own in first.values() for one in own))


class TallyPlans(beam.DoFn):
    """A DoFn that plans. The methods below count what it plans, rejects or leaves out.

    Its output `tallies` has one Tally per bundle.
    """

    def start_bundle(self) -> None:
        self._found = self._listed_only = self._unread_digest = self._weighed = 0
        self._quarantined: Counter[str] = Counter()
        self._fatal: tuple[Rejection, ...] = ()
        self._records: Counter[str] = Counter()
        self._bytes: Counter[str] = Counter()
        self._left_out: dict[str, LeftOut] = {}
        self._listed_at: list[str] = []

    def plan(self, plan: PlannedRecord, listed: bool = False) -> PlannedRecord:
        """Counts a record that is planned; returns it. `listed`: an official list says its split."""
        self._found += 1
        if listed:
            self._unread_digest += listed_fingerprint(plan.image_id, plan.split)
        if plan.group:
            self._unread_digest += table_fingerprint(plan.image_id, "grouped", plan.group)
        if plan.weight is not None:
            self._unread_digest += table_fingerprint(plan.image_id, "weighed", repr(plan.weight))
        self._weighed += plan.split == TRAIN and plan.weight != 0
        self._records[plan.split] += 1
        self._bytes[plan.split] += plan.source_bytes
        return plan

    def reject(self, rejection: Rejection) -> TaggedOutput:
        """Counts an input that is rejected unread; returns it as the output `rejected`."""
        self._found += 1
        self._unread_digest += unread_fingerprint(rejection.image_id, rejection.reason)
        self._quarantined[rejection.reason] += 1
        if rejection.reason in FATAL | OF_TABLES:
            self._fatal = _first_of_each_reason([*self._fatal, rejection])
        count_rejection(rejection.reason)
        return TaggedOutput(REJECTED, rejection)

    def list_only(self, lines: Iterable[str]) -> None:
        """Counts an id that lists name, in `lines`, and that has neither file."""
        self._listed_only += 1
        self._listed_at = heapq.nsmallest(LINES_SHOWN, [*self._listed_at, *map(clipped, lines)])
        count_listed_only()

    def leave_out(self, kinds: Iterable[dict[str, LeftOut]]) -> None:
        """Counts files that match no pattern; they are not inputs."""
        self._left_out = add_left_out([self._left_out, *kinds])

    def finish_bundle(self) -> Iterator:
        count_found(self._found)
        if self._left_out:
            count_left_out(sum(one.count for one in self._left_out.values()))
        sizes = {split: SplitSize(records, self._bytes[split]) for split, records in self._records.items()}
        tally = Tally(
            self._found,
            self._listed_only,
            self._unread_digest,
            dict(self._quarantined),
            self._fatal,
            sizes,
            self._left_out,
            tuple(self._listed_at),
            self._weighed,
        )
        yield at_end_of_bundle(tally, TALLIES)
