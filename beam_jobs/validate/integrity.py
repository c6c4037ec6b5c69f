"""Checks a published version against its manifest; reads each shard once, for this check and for its records."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator
from typing import NamedTuple, TypeVar

import apache_beam as beam
import pyarrow as pa
from apache_beam.pvalue import TaggedOutput
from google.protobuf.message import DecodeError
from tensorflow_metadata.proto.v0.statistics_pb2 import DatasetFeatureStatisticsList as Statistics
from tfx_bsl.coders.example_coder import ExamplesToRecordBatchDecoder

from beam_jobs.codec import png
from beam_jobs.codec.fitting import cut_photo
from beam_jobs.codec.photos import decode_photo
from beam_jobs.monitoring.progress import DoneInputs
from beam_jobs.near_duplicates.batches import to_batch
from beam_jobs.near_duplicates.hashing import HashedPhoto
from beam_jobs.near_duplicates.perceptual_hash import photo_hash
from beam_jobs.records.tfrecord import DamagedTFRecord, TFRecordReader
from beam_jobs.rejections import InputRejected
from beam_jobs.statistics.validation import FILE, Finding, record_count
from beam_jobs.storage.files import exists, open_file, read_file, sizes_below
from schemas.features import IMAGE, IMAGE_ID, SOURCE_HEIGHT, SOURCE_MASK, SOURCE_WIDTH, TRAIN
from schemas.fitting import Fit
from schemas.manifest import Manifest, Shard
from schemas.version import stray_files
from schemas.version_files import EXAMPLES_FOLDER, SCHEMA_FILE, statistics_path

ROWS, PHOTOS = "rows", "photos"
FINDINGS_SHOWN = 10  # of the photos of one shard, and of unknown files
_RECORDS_PER_BATCH, _BYTES_PER_BATCH = 256, 16 << 20  # 16 MiB; whichever is reached first

Output = Finding | TaggedOutput
OutputT = TypeVar("OutputT", bound=Output)


class PublishedShard(NamedTuple):
    """A shard of the manifest and its split."""

    split: str
    shard: Shard


def check_side_files(version_dir: str, manifest: Manifest) -> Iterator[Finding]:
    """Checks what is beside the shards: the schema, the statistics, and unknown files.

    Training would use a file in `examples/` that the manifest does not list: TFX reads every file of a split's folder.
    """
    yield from _check_schema(version_dir, manifest)
    for split, one in manifest.splits.items():
        yield from _check_statistics(version_dir, split, one.records)
    sizes = sizes_below(f"{version_dir}/{EXAMPLES_FOLDER}")
    strays = stray_files(manifest, {path.removeprefix(f"{version_dir}/"): size for path, size in sizes.items()})
    yield from _bounded(_file("", path, "not in the manifest, but readers of the folder find it") for path in strays)


def _check_schema(version_dir: str, manifest: Manifest) -> Iterator[Finding]:
    try:
        found = hashlib.sha256(read_file(f"{version_dir}/{SCHEMA_FILE}")).hexdigest()
    except OSError:
        yield _file("", SCHEMA_FILE, "missing")
        return
    if found != manifest.schema_sha256:
        yield _file("", SCHEMA_FILE, _differs("sha256", found, manifest.schema_sha256))


def _check_statistics(version_dir: str, split: str, records: int) -> Iterator[Finding]:
    path = f"{version_dir}/{statistics_path(split)}"
    name = path.removeprefix(f"{version_dir}/")
    try:
        published = Statistics.FromString(read_file(path))
    except OSError:
        yield _file(split, name, "missing")
    except DecodeError:
        yield _file(split, name, "holds no statistics")
    else:
        if record_count(published) != records:
            yield _file(split, name, f"statistics of {record_count(published)} records, the manifest says {records}")


class CheckShard(beam.DoFn):
    """PublishedShard -> Finding for each difference; other outputs: (split, RecordBatch), Batch of hashed photos.

    Every byte is read once. If a shard is damaged, the records before the damage still count.
    """

    def __init__(self, version_dir: str, progress_dir: str, fit: Fit, has_source_masks: bool = False):
        self._version_dir = version_dir
        self._progress_dir = progress_dir
        self._fit: Fit = fit
        self._has_source_masks = has_source_masks

    def setup(self) -> None:
        self._decoder = ExamplesToRecordBatchDecoder()

    def process(self, element: PublishedShard) -> Iterator[Output]:
        split, shard = element
        path = f"{self._version_dir}/{shard.path}"
        if not exists(path):
            yield _file(split, shard.path, "missing")
            return
        with open_file(path) as file:
            reader = TFRecordReader(file)
            yield from _bounded(self._read(split, shard.path, reader))
        for what, found, promised in (
            ("bytes", reader.bytes, shard.bytes),
            ("records", reader.records, shard.records),
            ("sha256", reader.sha256, shard.sha256),
        ):
            if found != promised:
                yield _file(split, shard.path, _differs(what, found, promised))

    def _read(self, split: str, path: str, reader: TFRecordReader) -> Iterator[Output]:
        done = DoneInputs(self._progress_dir)
        batch: list[bytes] = []
        size = 0
        try:
            for record in reader:
                batch.append(record)
                size += len(record)
                done.add()
                if len(batch) == _RECORDS_PER_BATCH or size >= _BYTES_PER_BATCH:
                    yield from self._decode(split, path, batch)
                    batch, size = [], 0
        except DamagedTFRecord as damage:
            yield _file(split, path, str(damage))
            reader.read_rest()
        finally:
            done.close()
        if batch:
            yield from self._decode(split, path, batch)

    def _decode(self, split: str, path: str, examples: list[bytes]) -> Iterator[Output]:
        try:
            batch = self._decoder.DecodeBatch(examples)
        except (RuntimeError, ValueError) as error:
            yield _file(split, path, f"a record is not a tf.train.Example ({error})")
            return
        yield TaggedOutput(ROWS, (split, batch))
        hashed: list[HashedPhoto] = []
        sources = [*zip(_whole_numbers(batch, SOURCE_HEIGHT), _whole_numbers(batch, SOURCE_WIDTH))]
        for image_id, photo, source in zip(_column(batch, IMAGE_ID), _column(batch, IMAGE), sources):
            try:
                one = photo_hash(cut_photo(decode_photo(photo, min_side=0).image, source, self._fit))
            except InputRejected as error:
                yield _file(split, path, f"the photo of {image_id.decode(errors='replace')} can't be decoded ({error})")
            else:
                hashed.append(HashedPhoto(image_id.decode(errors="replace"), split, one))
        yield TaggedOutput(PHOTOS, to_batch(hashed))
        if self._has_source_masks and split != TRAIN:
            own_masks = [*_column(batch, SOURCE_MASK)] or [b""] * batch.num_rows
            for image_id, mask, source in zip(_column(batch, IMAGE_ID), own_masks, sources):
                if problem := _source_mask_problem(mask, source):
                    yield _file(split, path, f"{problem} of {image_id.decode(errors='replace')}")


def _source_mask_problem(mask: bytes, source: tuple[int, int]) -> str:
    """What is wrong with the mask at a photo's own height and width, in words before `of ID`; empty if nothing is."""
    if not mask:
        return f"there is no {SOURCE_MASK}"
    try:
        found = png.read_png(mask)
        png.load(found)
    except (OSError, ValueError, SyntaxError) as error:
        return f"damaged {SOURCE_MASK} ({error})"
    height, width = source
    if (found.width, found.height) != (width, height):
        return f"a {SOURCE_MASK} of {found.width}x{found.height} pixels, not the {width}x{height} of the photo,"
    return ""


def _bounded(outputs: Iterable[OutputT]) -> Iterator[OutputT]:
    """Passes outputs through, but after the first Findings only one more, which counts the others."""
    findings, first = 0, None
    for one in outputs:
        if isinstance(one, Finding):
            findings, first = findings + 1, first or one
            if findings > FINDINGS_SHOWN:
                continue
        yield one
    if first and findings > FINDINGS_SHOWN:
        yield first._replace(description=f"and {findings - FINDINGS_SHOWN:,} more findings like these")


def _column(batch: pa.RecordBatch, name: str) -> Iterator[bytes]:
    """The first value of a bytes feature in each record; empty where there is none."""
    index = batch.schema.get_field_index(name)
    if index < 0 or not pa.types.is_large_list(batch.column(index).type):
        return iter(())
    return (values[0] if values and isinstance(values[0], bytes) else b"" for values in batch.column(index).to_pylist())


def _whole_numbers(batch: pa.RecordBatch, name: str) -> Iterator[int]:
    """The first value of an int64 feature in each record, at least 1; 1 where there is none, which the schema finds."""
    index = batch.schema.get_field_index(name)
    rows = batch.column(index).to_pylist() if index >= 0 else [None] * batch.num_rows
    return (max(1, values[0]) if values and isinstance(values[0], int) else 1 for values in rows)


def _differs(what: str, found: object, promised: object) -> str:
    return f"{what} {str(found)[:12]}, the manifest says {str(promised)[:12]}"


def _file(split: str, path: str, description: str) -> Finding:
    return Finding(split, path, FILE, description)
