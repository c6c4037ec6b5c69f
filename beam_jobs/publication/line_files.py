"""JSON Lines files of what a person may want to look up: rejected inputs and repaired photos, one line each."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import apache_beam as beam
from apache_beam.io.filesystems import FileSystems

from beam_jobs.rejections import Rejection, Repaired
from beam_jobs.shards import sharding
from beam_jobs.storage.files import read_file, write_atomically
from schemas.manifest import QUARANTINE_FOLDER

REPAIRS_FOLDER = "repairs"
LINES_PER_FILE = 100_000


class WriteLineFiles(beam.PTransform):
    """Rejections or Repaireds -> paths, relative to the staging folder, of the files that list them in order of id.

    One file at least is written, so that an empty file means none and a missing one means lost.
    """

    def __init__(self, staging: str, folder: str):
        super().__init__()
        self._staging = staging
        self._folder = folder

    def expand(self, listed: beam.PCollection) -> beam.PCollection:
        file_count = (
            listed
            | "CountLines" >> beam.combiners.Count.Globally()
            | "CountFiles" >> beam.Map(lambda total: 1 + total // LINES_PER_FILE)
        )
        keyed = listed | "AssignFile" >> beam.Map(
            lambda one, count: (sharding.shard_index(one.image_id, count), one), beam.pvalue.AsSingleton(file_count)
        )
        every = file_count | "NameEveryFile" >> beam.FlatMap(lambda count: [(index, count) for index in range(count)])
        return (
            {"listed": keyed, "count": every}
            | "GroupFiles" >> beam.CoGroupByKey()
            | "WriteFiles" >> beam.Map(_write_file, self._staging, self._folder)
        )


def _write_file(element: tuple[int, dict[str, Iterable]], staging: str, folder: str) -> str:
    index, groups = element
    (count,) = groups["count"]
    path = f"{folder}/{folder}-{index:05d}-of-{count:05d}.jsonl"
    write_atomically(f"{staging}/{path}", "".join(f"{one.to_json()}\n" for one in sorted(groups["listed"])).encode())
    return path


def read_quarantine(version_dir: str) -> beam.PTransform:
    """Adds the Rejections of a published version to a pipeline."""
    return _ReadLineFiles(version_dir, QUARANTINE_FOLDER, Rejection)


def read_repairs(version_dir: str) -> beam.PTransform:
    """Adds the Repaireds of a published version to a pipeline."""
    return _ReadLineFiles(version_dir, REPAIRS_FOLDER, Repaired)


class _ReadLineFiles(beam.PTransform):
    def __init__(self, version_dir: str, folder: str, kind: type[Rejection] | type[Repaired]):
        super().__init__()
        self._pattern = f"{version_dir}/{folder}/*.jsonl"
        self._kind = kind

    def expand(self, pipeline: beam.Pipeline) -> beam.PCollection:
        return (
            pipeline
            | "NamePattern" >> beam.Create([self._pattern])
            | "ListFiles" >> beam.FlatMap(_list_files)
            | "SpreadFiles" >> beam.Reshuffle()
            | "ReadLines"
            >> beam.FlatMap(lambda path, kind: map(kind.from_json, read_file(path).splitlines()), self._kind)
        )


def _list_files(pattern: str) -> Iterator[str]:
    for found in FileSystems.match([pattern])[0].metadata_list:
        yield found.path
