"""Writes shards: reads, decodes and encodes each planned record once, in the step that writes it."""

from __future__ import annotations

import uuid
from collections import Counter
from collections.abc import Iterable, Iterator
from typing import NamedTuple

import apache_beam as beam
import pyarrow as pa
from apache_beam.io.filesystems import FileSystems
from apache_beam.pvalue import TaggedOutput

from beam_jobs.codec.mask_colors import NO_COLORS, MaskColors, colors_of, merge_colors
from beam_jobs.elements import REJECTED, PlannedRecord
from beam_jobs.monitoring.metrics import count_rejection, meter_copy, meter_record, meter_shard, meter_source
from beam_jobs.monitoring.progress import DoneInputs
from beam_jobs.near_duplicates.batches import to_batch
from beam_jobs.near_duplicates.hashing import HashedPhoto
from beam_jobs.packing import unpack_plans
from beam_jobs.prepare.inputs_digest import fingerprint, unread_fingerprint
from beam_jobs.prepare.records import Encoding, Record, copied_photo_hash, make_record
from beam_jobs.records.published_records import parse_record
from beam_jobs.records.sharding import ShardKey, order_in_shard
from beam_jobs.records.tf_example import Value, to_example
from beam_jobs.records.tfrecord import TFRecordWriter
from beam_jobs.rejections import DerivedId, InputRejected, Rejection, Repaired
from beam_jobs.sources.input_files import naming_input, read_contents
from beam_jobs.storage.files import create_file
from schemas.manifest import Shard
from schemas.merge_spec import split_id
from schemas.spec import DatasetSpec
from schemas.version_files import shard_path

RECORD_STAGE = "record"
STATISTICS_ROWS = "statistics_rows"
HASHED_PHOTOS = "hashed_photos"
NOTED = "noted"  # what is published, and listed for people: repairs, and ids that are not names
_ROWS_PER_BATCH, _BYTES_PER_BATCH = 256, 8 << 20  # 8 MiB; whichever is reached first


class WrittenShard(NamedTuple):
    """A shard in the staging folder, and what went into it.

    Attributes:
      split: Its split.
      shard: What the manifest will say of it.
      quarantined: Reason code to number of inputs that were rejected on reading.
      repairs: Kind of repair to number of records.
      repaired: Number of records with at least one repair.
      inputs_digest: Sum of the fingerprints of all inputs of the shard, rejected ones included.
      mask_colors: The palettes of its masks, by the data set that is merged; an ordinary one has an empty name.
      derived_ids: Number of records whose id is not the name of their photo.
    """

    split: str
    shard: Shard
    quarantined: dict[str, int]
    repairs: dict[str, int]
    repaired: int
    inputs_digest: int
    mask_colors: dict[str, MaskColors] = {}  # noqa: RUF012  # never changed in place
    derived_ids: int = 0


def to_record_batch(rows: list[dict[str, Value]]) -> pa.RecordBatch:
    """Rows of feature values as the Arrow batch that TFDV reads: one list of one value per feature and row."""
    first = sorted(rows[0].items())  # rows of copied records stand in another order than those of new ones
    types = {bytes: pa.large_binary(), int: pa.int64(), float: pa.float32()}
    columns = [pa.array([[row[name]] for row in rows], pa.large_list(types[type(value)])) for name, value in first]
    return pa.RecordBatch.from_arrays(columns, [name for name, _ in first])


class WriteShard(beam.DoFn):
    """(ShardKey, [packed PlannedRecords]) -> WrittenShard; other outputs: (split, RecordBatch) for statistics,
    Rejection, Repaired or DerivedId, and the Batch of its photos' hashes if near-duplicates are searched for.

    A shard appears in the staging folder under its final name only when it is complete. A retried bundle writes
    the same bytes again.
    """

    def __init__(self, staging: str, spec: DatasetSpec, encoding: Encoding, hash_photos: bool):
        self._staging = staging
        self._spec = spec
        self._encoding = encoding
        self._hash_photos = hash_photos

    def setup(self) -> None:
        self._done = DoneInputs(self._staging)

    def teardown(self) -> None:
        self._done.close()

    def process(self, element: tuple[ShardKey, Iterable[bytes]]) -> Iterator:
        key = ShardKey(*element[0])
        planned = [plan for packed in element[1] for plan in unpack_plans(packed)]
        relative = shard_path(self._spec.name, key.split, key.index, key.count)
        temporary = f"{self._staging}/{relative}.{uuid.uuid4().hex}.tmp"
        repairs: Counter[str] = Counter()
        quarantined: Counter[str] = Counter()
        hashed: list[HashedPhoto] = []
        repaired = inputs_digest = row_bytes = derived_ids = 0
        rows: list[dict[str, Value]] = []
        mask_colors: dict[str, MaskColors] = {}
        with create_file(temporary) as file:
            writer = TFRecordWriter(file)
            for plan in sorted(planned, key=lambda one: order_in_shard(one.image_id)):
                with naming_input(plan.image_id, *plan.sources):
                    digest, record, example = self._read_and_make(plan)
                inputs_digest += digest
                self._done.add()
                if isinstance(record, InputRejected):
                    quarantined[record.reason] += 1
                    count_rejection(record.reason)
                    yield TaggedOutput(REJECTED, _rejection(plan, record))
                    continue
                writer.write(example)
                repairs.update(record.repairs)
                if record.repairs:
                    repaired += 1
                    yield TaggedOutput(NOTED, Repaired(plan.image_id, str(plan.image), record.repairs))
                source, own_id = split_id(plan.image_id) if self._spec.merge is not None else ("", plan.image_id)
                if plan.image and own_id not in str(plan.image):
                    derived_ids += 1
                    yield TaggedOutput(NOTED, DerivedId(plan.image_id, str(plan.image), str(plan.mask)))
                if record.mask_colors:
                    mask = colors_of(plan.image_id, str(plan.mask), record.mask_colors)
                    mask_colors[source] = merge_colors([mask_colors.get(source, NO_COLORS), mask])
                if self._hash_photos:
                    hashed.append(HashedPhoto(plan.image_id, key.split, record.photo_hash, plan.photo_source))
                rows.append(record.values)
                row_bytes += len(example)
                if len(rows) == _ROWS_PER_BATCH or row_bytes >= _BYTES_PER_BATCH:
                    yield TaggedOutput(STATISTICS_ROWS, (key.split, to_record_batch(rows)))
                    rows, row_bytes = [], 0
        FileSystems.rename([temporary], [f"{self._staging}/{relative}"])
        if rows:
            yield TaggedOutput(STATISTICS_ROWS, (key.split, to_record_batch(rows)))
        if hashed:
            yield TaggedOutput(HASHED_PHOTOS, to_batch(hashed))
        shard = Shard(path=relative, bytes=writer.bytes, records=writer.records, sha256=writer.sha256)
        meter_shard(writer.bytes)
        counts = dict(quarantined), dict(repairs), repaired, inputs_digest
        yield WrittenShard(key.split, shard, *counts, mask_colors, derived_ids)

    def _read_and_make(self, plan: PlannedRecord) -> tuple[int, Record | InputRejected, bytes]:
        """The fingerprint of a planned input, its record or rejection, and the serialized record."""
        try:
            contents = read_contents(plan)
        except InputRejected as error:
            return unread_fingerprint(plan.image_id, error.reason), error, b""
        digest = fingerprint(plan.image_id, *contents)
        meter_source(sum(map(len, contents)))
        try:
            return digest, *self._make(plan, contents)
        except InputRejected as error:
            return digest, error, b""

    def _make(self, plan: PlannedRecord, contents: list[bytes]) -> tuple[Record, bytes]:
        """The record of a plan and its serialized form, from the bytes of its sources."""
        if plan.record:
            (example,) = contents
            meter_copy(len(example))
            values = parse_record(example)
            hashed = copied_photo_hash(values, self._encoding.fit) if self._hash_photos else None
            return Record(values, (), {}, hashed), example
        photo, mask = contents
        name = str(plan.image)
        how = self._spec, self._encoding, self._hash_photos
        record = make_record(plan.image_id, photo, mask, *how, name, plan.group, plan.weight, plan.split)
        example = to_example(record.values)
        meter_record(len(example), record.repairs, record.microseconds)
        return record, example


def _rejection(plan: PlannedRecord, error: InputRejected) -> Rejection:
    return Rejection(plan.image_id, plan.image, plan.mask, plan.split, RECORD_STAGE, error.reason, error.detail)
