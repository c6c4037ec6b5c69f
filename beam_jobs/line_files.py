"""JSON Lines files for people to look things up in: rejected inputs and repaired photos, one line each."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Any, NamedTuple, Protocol

import apache_beam as beam
from apache_beam.pvalue import AsDict, AsSingleton

from beam_jobs.coders import declare
from beam_jobs.once import FlatMapOnce, MapOnce
from beam_jobs.records import sharding
from beam_jobs.rejections import DerivedId, Rejection, Repaired
from beam_jobs.storage.files import files_below, read_file, write_atomically
from schemas.version_files import (
    DERIVED_IDS_FOLDER,
    LINE_FILE_SUFFIX,
    QUARANTINE_FOLDER,
    REPAIRS_FOLDER,
    line_file_path,
)

LINES_PER_FILE = 100_000


class LineFile(NamedTuple):
    """Names one of the `count` files of a folder."""

    folder: str
    index: int
    count: int


declare(LineFile)


class Line(Protocol):
    """What is listed: a Rejection, a Repaired, or another named tuple whose first field is the id."""

    image_id: str

    def to_json(self) -> str:
        """One JSON object, without a newline."""
        ...

    def __lt__(self, other: Any, /) -> bool:
        """The order of the lines of a file."""
        ...


Listed = Rejection | Repaired | DerivedId
Assigned = tuple[LineFile, Any]  # a file and one of its Lines; None creates a file that may stay empty


class WriteLineFiles(beam.PTransform):
    """(folder, line) -> paths, relative to the staging folder, of the files that list the lines in order of id.

    Each folder gets at least one file: an empty file means that there are no lines, a missing one that it was lost.

    Args:
      staging: The staging folder.
      counts: One element: each folder, to the number of its lines.
    """

    def __init__(self, staging: str, counts: beam.PCollection):
        super().__init__()
        self._staging = staging
        self._counts = counts

    def expand(self, listed: beam.PCollection) -> beam.PCollection:
        assigned = listed | "AssignFile" >> beam.Map(_assign_file, AsSingleton(self._counts)).with_output_types(
            Assigned
        )
        every = self._counts | "NameEveryFile" >> beam.FlatMap(_every_file).with_output_types(Assigned)
        return (
            (assigned, every)
            | "GatherLines" >> beam.Flatten()
            | "GroupFiles" >> beam.GroupByKey()
            | "WriteFiles" >> beam.Map(_write_file, self._staging)
        )


class WriteFolders(beam.PTransform):
    """(folder, line) -> paths, as `WriteLineFiles`, which counts the lines of each of these folders itself."""

    def __init__(self, staging: str, folders: Sequence[str]):
        super().__init__()
        self._staging = staging
        self._folders = folders

    def expand(self, listed: beam.PCollection) -> beam.PCollection:
        counted = listed | "TakeFolders" >> beam.Keys() | "CountLines" >> beam.combiners.Count.PerElement()
        counts = listed.pipeline | "CountEveryFolder" >> MapOnce(_line_counts, self._folders, AsDict(counted))
        return listed | "Write" >> WriteLineFiles(self._staging, counts)


def _line_counts(folders: Sequence[str], counted: dict[str, int]) -> dict[str, int]:
    return {folder: counted.get(folder, 0) for folder in folders}


def _file_count(lines: int) -> int:
    return 1 + lines // LINES_PER_FILE


def _assign_file(element: tuple[str, Line], counts: dict[str, int]) -> Assigned:
    folder, one = element
    count = _file_count(counts[folder])
    return LineFile(folder, sharding.shard_index(one.image_id, count), count), one


def _every_file(counts: dict[str, int]) -> Iterator[Assigned]:
    for folder, lines in counts.items():
        count = _file_count(lines)
        for index in range(count):
            yield LineFile(folder, index, count), None


def _write_file(element: tuple[LineFile, Iterable[Line | None]], staging: str) -> str:
    (folder, index, count), listed = element
    path = line_file_path(folder, index, count)
    lines = (f"{one.to_json()}\n" for one in sorted(filter(None, listed)))
    write_atomically(f"{staging}/{path}", "".join(lines).encode())
    return path


def read_quarantine(version_dir: str) -> beam.PTransform:
    """Reads the rejections of a published version."""
    return _ReadLineFiles(version_dir, QUARANTINE_FOLDER, Rejection)


def read_repairs(version_dir: str) -> beam.PTransform:
    """Reads the repair records of a published version."""
    return _ReadLineFiles(version_dir, REPAIRS_FOLDER, Repaired)


def read_derived_ids(version_dir: str) -> beam.PTransform:
    """Reads the list of ids of a published version that are not the names of their photos."""
    return _ReadLineFiles(version_dir, DERIVED_IDS_FOLDER, DerivedId)


def list_line_files(folder: str) -> Iterator[str]:
    """Paths of the files in a folder that `WriteLineFiles` wrote."""
    for file in files_below(folder):
        if file.path.endswith(LINE_FILE_SUFFIX):
            yield file.path


class _ReadLineFiles(beam.PTransform):
    def __init__(self, version_dir: str, folder: str, kind: type[Listed]):
        super().__init__()
        self._folder = f"{version_dir}/{folder}"
        self._kind = kind

    def expand(self, pipeline: beam.Pipeline) -> beam.PCollection:
        return (
            pipeline
            | "ListFiles" >> FlatMapOnce(list_line_files, self._folder)
            | "SpreadFiles" >> beam.Reshuffle()
            | "ReadLines" >> beam.FlatMap(read_lines, self._kind).with_output_types(self._kind)
        )


def read_lines(path: str, kind: type[Listed]) -> Iterator[Listed]:
    """What one file lists; UserError where a line is not of the kind."""
    for number, line in enumerate(read_file(path).splitlines(), start=1):
        yield kind.from_json(line, f"{path}, line {number}")
