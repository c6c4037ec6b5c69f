"""Joins everything known about an id, from all sources."""

from __future__ import annotations

import zlib
from collections import defaultdict
from collections.abc import Iterable, Iterator
from typing import Any, NamedTuple

import apache_beam as beam
from apache_beam.pvalue import AsIter

from beam_jobs.elements import AnnotationRow, PlannedRecord, SourceFile, TableRow
from beam_jobs.packing import Pack, at_end_of_bundle, pack, to_file, to_plan, unpack
from beam_jobs.prepare.listing import IMAGES, MASKS
from beam_jobs.rejections import Rejection
from beam_jobs.sources.left_out import LeftOut

LISTED_AT = "listed_at"
LISTED, PUBLISHED, QUARANTINED, ANNOTATED = "listed", "published", "quarantined", "annotated"
GROUPED, WEIGHED = "grouped", "weighed"
LEFT_OUT = "left_out"
EXCLUDED = "excluded"
NO_ID = "//"  # key of what belongs to no id; no file's id has a slash

_FOUND_PER_PARTITION = 1 << 12  # joined at a time, in memory
_BATCHES, _COUNTS = "batches", "counts"


class Found(NamedTuple):
    """One fact about an id.

    Attributes:
      kind: IMAGES or MASKS, whose value is a SourceFile; ANNOTATED, an AnnotationRow; LISTED, the name of a split;
        LISTED_AT, the line that says it; GROUPED and WEIGHED, a TableRow; EXCLUDED, the file that says it; PUBLISHED, a
        PlannedRecord; QUARANTINED, a Rejection; LEFT_OUT, of NO_ID, a dictionary of kinds to LeftOut.
      image_id: The id.
      value: The fact.
    """

    kind: str
    image_id: str
    value: SourceFile | AnnotationRow | TableRow | str | PlannedRecord | Rejection | dict[str, LeftOut]


class JoinById(beam.PTransform):
    """PCollections of Founds -> (id, {kind: values in any order}); a kind that is not there has none."""

    def expand(self, found: tuple[beam.PCollection, ...]) -> beam.PCollection:
        packed = [
            one
            | f"Pack{number}"
            >> beam.ParDo(_PackAndCount()).with_output_types(bytes).with_outputs(_COUNTS, main=_BATCHES)
            for number, one in enumerate(found)
        ]
        return (
            [one[_BATCHES] for one in packed]
            | "GatherBatches" >> beam.Flatten()
            # (number of the partition, packed Founds)
            | "Partition"
            >> beam.FlatMap(_partition, *(AsIter(one[_COUNTS]) for one in packed)).with_output_types(tuple[int, bytes])
            | "GroupPartitions" >> beam.GroupByKey()
            | "Join" >> beam.FlatMap(_join)
        )


class _PackAndCount(Pack):
    """Founds -> packed; other output: how many they were, once for each bundle."""

    def start_bundle(self) -> None:
        super().start_bundle()
        self._count = 0

    def process(self, found: Found) -> Iterator[bytes]:
        self._count += 1
        yield from super().process(found)

    def finish_bundle(self) -> Iterator:
        yield from super().finish_bundle()
        yield at_end_of_bundle(self._count, _COUNTS)


def _partition(packed: bytes, *counts: Iterable[int]) -> Iterator[tuple[int, bytes]]:
    partitions = max(1, -(-sum(map(sum, counts)) // _FOUND_PER_PARTITION))
    rows: dict[int, list] = defaultdict(list)
    for row in unpack(packed):
        rows[zlib.crc32(row[1].encode()) % partitions].append(row)
    for partition, shared in rows.items():
        yield partition, pack(shared)


def _join(partition: tuple[int, Iterable[bytes]]) -> Iterator[tuple[str, dict[str, list]]]:
    known: dict[str, dict[str, list]] = defaultdict(lambda: defaultdict(list))
    for packed in partition[1]:
        for kind, image_id, row in unpack(packed):
            known[image_id][kind].append(_VALUE_OF_ROW[kind](row))
    yield from known.items()


def _to_rejection(row: list[Any]) -> Rejection:
    image_id, image, mask, *rest = row
    return Rejection(image_id, to_file(image), to_file(mask), *rest)


def _to_left_out(row: dict[str, list[Any]]) -> dict[str, LeftOut]:
    return {kind: LeftOut(count, tuple(examples)) for kind, (count, examples) in row.items()}


_VALUE_OF_ROW = {
    IMAGES: to_file,
    MASKS: to_file,
    ANNOTATED: lambda row: AnnotationRow(*row),
    **dict.fromkeys((GROUPED, WEIGHED), lambda row: TableRow(*row)),
    LISTED: str,
    LISTED_AT: str,
    EXCLUDED: str,
    PUBLISHED: to_plan,
    QUARANTINED: _to_rejection,
    LEFT_OUT: _to_left_out,
}
