"""Writes shards: reads, decodes and encodes each planned record once, at the place where it is written."""

from __future__ import annotations

import logging
import uuid
from collections import Counter
from collections.abc import Iterable, Iterator
from typing import NamedTuple

import apache_beam as beam
import pyarrow as pa
from apache_beam.io.filesystems import FileSystems

from beam_jobs.inputs_digest import fingerprint
from beam_jobs.records import Encoding, Value, make_record, to_example
from beam_jobs.rejections import InputRejected, Rejection
from beam_jobs.sharding import ShardKey, order_in_shard
from beam_jobs.sources import REJECTED, PlannedRecord, read_file
from beam_jobs.tfrecord import TFRecordWriter
from schemas.manifest import Shard, shard_path
from schemas.spec import DatasetSpec

RECORD_STAGE = "record"
STATISTICS_ROWS = "statistics_rows"
_ROWS_PER_BATCH = 256

_log = logging.getLogger("beam_jobs")


class WrittenShard(NamedTuple):
    """A shard in the staging folder, and what went into it.

    Attributes:
      split: Its split.
      shard: What the manifest will say of it.
      repairs: Kind of repair to number of records.
      repaired: Number of records with at least one repair.
      inputs_digest: Sum of the fingerprints of all inputs of the shard, rejected ones included.
    """

    split: str
    shard: Shard
    repairs: dict[str, int]
    repaired: int
    inputs_digest: int


def write_atomically(path: str, data: bytes) -> None:
    """Writes a file under a temporary name and renames it, so that no reader meets half a file."""
    temporary = f"{path}.{uuid.uuid4().hex}.tmp"
    with FileSystems.create(temporary, "application/octet-stream", "uncompressed") as file:
        file.write(data)
    FileSystems.rename([temporary], [path])


def to_record_batch(rows: list[dict[str, Value]]) -> pa.RecordBatch:
    """Rows of feature values as the Arrow batch that TFDV reads: one list of one value per feature and row."""
    types = {bytes: pa.large_binary(), int: pa.int64(), float: pa.float32()}
    columns = [
        pa.array([[row[name]] for row in rows], pa.large_list(types[type(value)])) for name, value in rows[0].items()
    ]
    return pa.RecordBatch.from_arrays(columns, list(rows[0]))


class WriteShard(beam.DoFn):
    """(ShardKey, [PlannedRecord]) -> WrittenShard; other outputs: (split, RecordBatch) for statistics, Rejection.

    A shard appears in the staging folder under its final name only when it is complete. A bundle that is tried again
    writes the same bytes again.
    """

    def __init__(self, staging: str, spec: DatasetSpec, encoding: Encoding):
        self._staging = staging
        self._spec = spec
        self._encoding = encoding
        self._published = beam.metrics.Metrics.counter("prepare", "records_written")
        self._rejected = beam.metrics.Metrics.counter("prepare", "inputs_rejected")

    def process(self, element: tuple[ShardKey, Iterable[PlannedRecord]]) -> Iterator:
        key, planned = ShardKey(*element[0]), element[1]
        relative = shard_path(self._spec.name, key.split, key.index, key.count)
        temporary = f"{self._staging}/{relative}.{uuid.uuid4().hex}.tmp"
        repairs: Counter[str] = Counter()
        repaired = inputs_digest = 0
        rows: list[dict[str, Value]] = []
        with FileSystems.create(temporary, "application/octet-stream", "uncompressed") as file:
            writer = TFRecordWriter(file)
            for plan in sorted(planned, key=lambda one: order_in_shard(one.image_id)):
                contents = read_file(plan.image_uri), read_file(plan.mask_uri)
                inputs_digest += fingerprint(plan.image_id, *contents)
                try:
                    record = make_record(plan.image_id, *contents, self._spec, self._encoding)
                except InputRejected as error:
                    self._rejected.inc()
                    yield beam.pvalue.TaggedOutput(REJECTED, _rejection(plan, error))
                    continue
                writer.write(to_example(record.values))
                self._published.inc()
                repairs.update(record.repairs)
                repaired += bool(record.repairs)
                rows.append(record.values)
                if len(rows) == _ROWS_PER_BATCH:
                    yield beam.pvalue.TaggedOutput(STATISTICS_ROWS, (key.split, to_record_batch(rows)))
                    rows = []
        FileSystems.rename([temporary], [f"{self._staging}/{relative}"])
        if rows:
            yield beam.pvalue.TaggedOutput(STATISTICS_ROWS, (key.split, to_record_batch(rows)))
        shard = Shard(path=relative, bytes=writer.bytes, records=writer.records, sha256=writer.sha256)
        _log.info("%s shard %d of %d: %d records", key.split, key.index + 1, key.count, writer.records)
        yield WrittenShard(key.split, shard, dict(repairs), repaired, inputs_digest)


def _rejection(plan: PlannedRecord, error: InputRejected) -> Rejection:
    return Rejection(plan.image_id, plan.image_uri, plan.mask_uri, plan.split, RECORD_STAGE, error.reason, error.detail)
