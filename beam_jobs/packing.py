"""Rows of the plan, many in one element of Beam's, as compressed JSON.

The names of a data set's files differ in a few letters: packed, a record of the plan takes some 20 bytes and 10
microseconds in a shuffle; alone, it takes hundreds of bytes, which the runners on one machine hold in memory.
"""

from __future__ import annotations

import json
import zlib
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

import apache_beam as beam
from apache_beam.pvalue import TaggedOutput
from apache_beam.transforms.window import GlobalWindow
from apache_beam.utils.windowed_value import WindowedValue

from beam_jobs.elements import PlannedRecord, SourceFile

ROWS_PER_BATCH = 1 << 10

_QUICK = 1  # zlib's level


def pack(rows: Sequence[Any]) -> bytes:
    """Packs plain values and named tuples; the latter come back as lists."""
    return zlib.compress(json.dumps(rows, separators=(",", ":")).encode(), _QUICK)


def unpack(packed: bytes) -> list[Any]:
    """The rows that were packed."""
    return json.loads(zlib.decompress(packed))


def pack_plans(plans: Iterable[PlannedRecord]) -> bytes:
    """Packs planned records, in their order."""
    return pack([*plans])


def unpack_plans(packed: bytes) -> list[PlannedRecord]:
    """The planned records that were packed."""
    return [to_plan(row) for row in unpack(packed)]


def to_plan(row: list[Any]) -> PlannedRecord:
    """The planned record that a row was."""
    image_id, image, mask, split, record = row
    return PlannedRecord(image_id, to_file(image), to_file(mask), split, to_file(record))


def to_file(row: list[Any] | None) -> SourceFile | None:
    """The source that a row was, or None."""
    return SourceFile(*row) if row else None


class Pack(beam.DoFn):
    """Rows -> packed, at most `ROWS_PER_BATCH` together."""

    def start_bundle(self) -> None:
        self._rows: list[Any] = []

    def process(self, row: Any) -> Iterator[bytes]:
        self._rows.append(row)
        if len(self._rows) == ROWS_PER_BATCH:
            yield pack(self._rows)
            self._rows = []

    def finish_bundle(self) -> Iterator:
        if self._rows:
            yield at_end_of_bundle(pack(self._rows))


def at_end_of_bundle(value: object, tag: str | None = None) -> WindowedValue | TaggedOutput:
    """An element that `finish_bundle` may yield, in the only window there is; without a tag of the main output."""
    window = GlobalWindow()
    windowed = WindowedValue(value, window.max_timestamp(), (window,))
    return windowed if tag is None else TaggedOutput(tag, windowed)
