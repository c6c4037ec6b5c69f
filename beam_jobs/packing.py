"""Rows of the plan, many per Beam element, as compressed JSON.

The names of a data set's files differ in a few letters: packed, a record of the plan takes some 20 bytes and 10
microseconds in a shuffle; unpacked, it takes hundreds of bytes, which local runners hold in memory.
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

from beam_jobs.elements import AnnotationRow, MaskPart, PlannedRecord, SourceFile

ROWS_PER_BATCH = 1 << 10
BYTES_PER_BATCH = 16 << 20  # 16 MiB, of what annotations say in the rows

_QUICK = 1  # zlib's level


def pack(rows: Sequence[Any]) -> bytes:
    """Packs plain values and named tuples; named tuples are unpacked as lists."""
    return zlib.compress(json.dumps(rows, separators=(",", ":")).encode(), _QUICK)


def unpack(packed: bytes) -> list[Any]:
    """Unpacks rows."""
    return json.loads(zlib.decompress(packed))


def pack_plans(plans: Iterable[PlannedRecord]) -> bytes:
    """Packs planned records in order."""
    return pack([*plans])


def unpack_plans(packed: bytes) -> list[PlannedRecord]:
    """Unpacks planned records."""
    return [to_plan(row) for row in unpack(packed)]


def to_plan(row: list[Any]) -> PlannedRecord:
    """Makes a planned record of an unpacked row."""
    image_id, image, mask, split, record, *rest = row
    return PlannedRecord(image_id, to_file(image), to_file(mask), split, to_file(record), *rest)


def to_file(row: list[Any] | None) -> SourceFile | None:
    """Makes a source of an unpacked row, or None."""
    if not row:
        return None
    *fields, parts = row
    return SourceFile(*fields, parts=tuple(MaskPart(*part) for part in parts))


class Pack(beam.DoFn):
    """Rows -> packed rows, at most `ROWS_PER_BATCH` per element, and not many more than `BYTES_PER_BATCH`."""

    def start_bundle(self) -> None:
        self._rows: list[Any] = []
        self._bytes = 0

    def process(self, row: Any) -> Iterator[bytes]:
        self._rows.append(row)
        self._bytes += _annotated_bytes(row)
        if len(self._rows) == ROWS_PER_BATCH or self._bytes >= BYTES_PER_BATCH:
            yield pack(self._rows)
            self._rows, self._bytes = [], 0

    def finish_bundle(self) -> Iterator:
        if self._rows:
            yield at_end_of_bundle(pack(self._rows))


def _annotated_bytes(row: Any) -> int:
    """Bytes of what a large file says about the photo of a row."""
    if isinstance(row, PlannedRecord):
        return 0 if row.mask is None else len(row.mask.content) + sum(len(part.content) for part in row.mask.parts)
    value = getattr(row, "value", None)
    return len(value.text) if isinstance(value, AnnotationRow) else 0


def at_end_of_bundle(value: object, tag: str | None = None) -> WindowedValue | TaggedOutput:
    """Wraps an element for `finish_bundle`, in the global window; without a tag it goes to the main output."""
    window = GlobalWindow()
    windowed = WindowedValue(value, window.max_timestamp(), (window,))
    return windowed if tag is None else TaggedOutput(tag, windowed)
