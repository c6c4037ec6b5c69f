"""Groups that several splits share, as official lists may have them: photos of one video in train and in eval."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import NamedTuple

import apache_beam as beam
import pyarrow as pa
from apache_beam.pvalue import AsIter

from beam_jobs.monitoring.metrics import NAMESPACE
from beam_jobs.once import MapOnce
from schemas.bounded_text import enumerated
from schemas.features import GROUP, SPLITS

GROUPS, GROUPS_IN_SEVERAL = "groups", "groups_in_several_splits"  # counters
_NAMED = 5


class SpanningGroups(NamedTuple):
    """The groups of a version.

    Attributes:
      groups: How many there are.
      spanning: How many are in several splits.
      examples: The first of these by name, each with its splits.
    """

    groups: int
    spanning: int
    examples: tuple[str, ...]

    @property
    def text(self) -> str:
        """In words."""
        if not self.spanning:
            return f"{self.groups:,} groups, each in one split"
        named = enumerated(self.examples, most=_NAMED)
        return f"{self.spanning:,} of {self.groups:,} groups are in several splits, such as {named}"


class FindSpanningGroups(beam.PTransform):
    """(split, RecordBatch) -> the one SpanningGroups; what is shuffled grows with the number of groups."""

    def expand(self, rows: beam.PCollection) -> beam.PCollection:
        splits = (
            rows
            | "TakeGroups" >> beam.FlatMap(_take_groups).with_output_types(tuple[str, int])
            | "JoinSplits" >> beam.CombinePerKey(_union)
        )
        return rows.pipeline | "CountGroups" >> MapOnce(_count, AsIter(splits))


def _take_groups(rows: tuple[str, pa.RecordBatch]) -> Iterator[tuple[str, int]]:
    split, batch = rows
    names = batch.column(batch.schema.get_field_index(GROUP)).flatten().unique()
    for name in names.to_pylist():
        yield name.decode(), 1 << SPLITS.index(split)


def _union(bits: Iterable[int]) -> int:
    union = 0
    for one in bits:
        union |= one
    return union


def _count(splits: Iterable[tuple[str, int]]) -> SpanningGroups:
    groups = spanning = 0
    examples: list[str] = []
    for name, bits in splits:
        groups += 1
        in_splits = [split for index, split in enumerate(SPLITS) if bits >> index & 1]
        if len(in_splits) > 1:
            spanning += 1
            examples = sorted([*examples, f"{name} ({' and '.join(in_splits)})"])[:_NAMED]
    beam.metrics.Metrics.counter(NAMESPACE, GROUPS).inc(groups)
    beam.metrics.Metrics.counter(NAMESPACE, GROUPS_IN_SEVERAL).inc(spanning)
    return SpanningGroups(groups, spanning, tuple(examples))
