"""What is known of each record of both versions: read from the shards once, and from the lists beside them."""

from __future__ import annotations

import hashlib
import json
import zlib
from collections import defaultdict
from collections.abc import Iterator
from typing import Any, NamedTuple

import apache_beam as beam

from beam_jobs.coders import declare
from beam_jobs.compare.request import Request
from beam_jobs.elements import SourceFile
from beam_jobs.line_files import list_line_files, read_lines
from beam_jobs.monitoring.progress import DoneInputs
from beam_jobs.packing import pack
from beam_jobs.records.published_records import bytes_of, parse_record, read_records
from beam_jobs.records.tf_example import Value
from beam_jobs.rejections import DerivedId, Rejection, Repaired
from schemas.errors import UserError
from schemas.features import IMAGE, IMAGE_ID, MASK, WEIGHT
from schemas.manifest import Shard
from schemas.version import REMEDY
from schemas.version_files import DERIVED_IDS_FOLDER, QUARANTINE_FOLDER, REPAIRS_FOLDER

ENTRY, PATH, REJECTED = "entry", "path", "rejected"  # kinds of rows
Partition = tuple[int, bytes]  # a number, and packed rows [kind, id, 0 before or 1 after, value]

_ROWS_PER_PARTITION = 1 << 13  # joined at a time, in memory
_DIGEST_BYTES = 16
_LISTS = {QUARANTINE_FOLDER: Rejection, REPAIRS_FOLDER: Repaired, DERIVED_IDS_FOLDER: DerivedId}


class Entry(NamedTuple):
    """A record of one version, without its photo and mask.

    Attributes:
      split: Its split.
      uri, offset, bytes: Where it is.
      photo, mask: Digests of the encoded bytes; empty where they are not compared.
      slices: Its slices, group and weight, by name, as JSON.
    """

    split: str
    uri: str
    offset: int
    bytes: int
    photo: str
    mask: str
    slices: str

    @property
    def source(self) -> SourceFile:
        """The record."""
        return SourceFile(self.uri, self.bytes, self.offset)


class VersionShard(NamedTuple):
    """A shard of the version before (0) or after (1), and its split."""

    version: int
    split: str
    shard: Shard


class AccountFile(NamedTuple):
    """A file that lists what a version has rejected, repaired, or named anew."""

    version: int
    folder: str
    path: str


declare(Entry)
declare(AccountFile)


class ReadEntries(beam.PTransform):
    """Pipeline -> Partitions: each row of both versions, those of one id with the same number."""

    def __init__(self, request: Request):
        super().__init__()
        self._request = request

    def expand(self, pipeline: beam.Pipeline) -> beam.PCollection:
        request = self._request
        partitions = _partitions(request)
        shards = [
            VersionShard(number, name, shard)
            for number, version in enumerate(request.versions)
            for name, split in version.manifest.splits.items()
            for shard in split.shards
        ]
        records = (
            pipeline
            | "NameShards" >> beam.Create(shards)
            | "SpreadShards" >> beam.Reshuffle()
            | "ReadShards" >> beam.ParDo(_ReadShard(request, partitions)).with_output_types(Partition)
        )
        listed = (
            pipeline
            | "NameVersions" >> beam.Create([*enumerate(one.folder for one in request.versions)])
            | "ListAccounts" >> beam.FlatMapTuple(_list_account).with_output_types(AccountFile)
            | "SpreadAccounts" >> beam.Reshuffle()
            | "ReadAccounts" >> beam.FlatMap(_read_account, partitions).with_output_types(Partition)
        )
        return (records, listed) | "GatherRows" >> beam.Flatten()


def _partitions(request: Request) -> int:
    rows = sum(
        one.manifest.inputs + one.manifest.repaired + one.manifest.derived_ids for one in request.versions
    )  # inputs: published and quarantined
    return -(-rows // _ROWS_PER_PARTITION) or 1


class _ReadShard(beam.DoFn):
    """VersionShard -> Partitions of its records; UserError where it is not as it was published."""

    def __init__(self, request: Request, partitions: int):
        self._folders = tuple(one.folder for one in request.versions)
        self._photos, self._masks, self._slices = request.photos, request.masks, request.slices
        self._progress_dir = request.progress_dir
        self._partitions = partitions

    def process(self, element: VersionShard) -> Iterator[Partition]:
        done = DoneInputs(self._progress_dir)
        rows = []
        try:
            for data, source in read_records(self._folders[element.version], element.shard):
                image_id, entry = self._entry(data, source, element.split)
                rows.append([ENTRY, image_id, element.version, entry])
                done.add()
        finally:
            done.close()
        yield from _packed(rows, self._partitions)

    def _entry(self, data: bytes, source: SourceFile, split: str) -> tuple[str, Entry]:
        try:
            values = parse_record(data)
            photo = _digest(bytes_of(values, IMAGE)) if self._photos else ""
            mask = _digest(bytes_of(values, MASK)) if self._masks else ""
            slices = {name: _text_of(values, name) for name in self._slices if name in values}
            image_id = bytes_of(values, IMAGE_ID).decode()
        except (KeyError, TypeError, ValueError) as error:
            place = f"{source.uri}: the record at byte {source.offset:,}"
            raise UserError(f"{place} is not one that prepare writes ({error}); {REMEDY}") from None
        position = source.uri, source.offset or 0, source.bytes
        return image_id, Entry(split, *position, photo, mask, json.dumps(slices, sort_keys=True))


def _text_of(values: dict[str, Value], name: str) -> str:
    """A slice or group as it stands there, or the weight as people write it."""
    return f"{values[name]:g}" if name == WEIGHT else bytes_of(values, name).decode()


def _digest(data: bytes) -> str:
    return hashlib.blake2b(data, digest_size=_DIGEST_BYTES).hexdigest()


def _list_account(version: int, folder: str) -> Iterator[AccountFile]:
    for name in _LISTS:
        for path in list_line_files(f"{folder}/{name}"):
            yield AccountFile(version, name, path)


def _read_account(file: AccountFile, partitions: int) -> Iterator[Partition]:
    rows = []
    for one in read_lines(file.path, _LISTS[file.folder]):
        if isinstance(one, Rejection):
            rows.append([REJECTED, one.image_id, file.version, one.reason])
        else:
            rows.append([PATH, one.image_id, file.version, one.image_uri])
    yield from _packed(rows, partitions)


def _packed(rows: list[list[Any]], partitions: int) -> Iterator[Partition]:
    by_partition: dict[int, list] = defaultdict(list)
    for row in rows:
        by_partition[zlib.crc32(row[1].encode()) % partitions].append(row)
    for number, own in by_partition.items():
        yield number, pack(own)
