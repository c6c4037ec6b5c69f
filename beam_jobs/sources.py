"""The inputs: which photos and masks there are, paired by id, with the split that each belongs to."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from typing import NamedTuple

import apache_beam as beam
from apache_beam.io.filesystems import FileSystems

from beam_jobs import rejections
from beam_jobs.options import PrepareOptions
from beam_jobs.rejections import Rejection
from beam_jobs.sharding import split_by_hash
from schemas.spec import ID_PATTERN, PLACEHOLDER

IMAGES, MASKS, LISTED = "images", "masks", "listed"
PAIR_STAGE = "pair"
REJECTED = "rejected"
LISTED_ONLY = "listed_only"


class SourceFile(NamedTuple):
    """A file and its size in bytes."""

    uri: str
    bytes: int


class PlannedRecord(NamedTuple):
    """A pair of files that is to become a record of `split`."""

    image_id: str
    image_uri: str
    mask_uri: str
    split: str
    source_bytes: int


def source_pattern(root: str, path: str) -> str:
    """The glob that finds the files of a spec's path, e.g. `photos/images/*.jpg`."""
    return f"{root}/{path.replace(PLACEHOLDER, '*')}"


def id_of(uri: str, path: str) -> str | None:
    """The id in a file's name by a spec's path, or None for a hidden file, such as macOS leaves in archives."""
    prefix, suffix = path.rpartition("/")[2].split(PLACEHOLDER)
    name = uri.rpartition("/")[2]
    return None if name.startswith(".") else name[len(prefix) : len(name) - len(suffix)]


def parse_split_list(text: str) -> Iterator[str]:
    """Ids of an official list: the first word of each line, without comments and blank lines."""
    for line in text.splitlines():
        if line.strip() and not line.startswith("#"):
            yield line.split()[0]


def read_file(uri: str) -> bytes:
    """All bytes of a file, through Beam's file systems."""
    with FileSystems.open(uri, mime_type="application/octet-stream", compression_type="uncompressed") as file:
        return file.read()


class _ListFiles(beam.DoFn):
    """Path of a spec -> (id, SourceFile) for each file found."""

    def __init__(self, root: str):
        self._root = root

    def process(self, path: str) -> Iterator[tuple[str, SourceFile]]:
        for found in FileSystems.match([source_pattern(self._root, path)])[0].metadata_list:
            # A name that is no UTF-8 cannot be shuffled; spelt out, it is rejected as an unsafe id.
            uri = found.path.encode("utf-8", "backslashreplace").decode()
            image_id = id_of(uri, path)
            if image_id is not None:
                yield image_id, SourceFile(uri, found.size_in_bytes)


class _ReadSplitList(beam.DoFn):
    """(split, path of a list file) -> (id, split)."""

    def __init__(self, root: str):
        self._root = root

    def process(self, element: tuple[str, str]) -> Iterator[tuple[str, str]]:
        split, path = element
        for image_id in parse_split_list(read_file(f"{self._root}/{path}").decode()):
            yield image_id, split


class _Pair(beam.DoFn):
    """(id, its files and listings) -> PlannedRecord; other outputs: Rejection, ids that are only listed."""

    def __init__(self, split_mode: str, eval_fraction: float):
        self._split_mode = split_mode
        self._eval_fraction = eval_fraction

    def process(self, element: tuple[str, dict[str, Iterable]]) -> Iterator:
        image_id, found = element
        images, masks = sorted(found[IMAGES]), sorted(found[MASKS])
        listed = sorted(set(found[LISTED]))
        if not images and not masks:
            yield beam.pvalue.TaggedOutput(LISTED_ONLY, image_id)
            return
        if self._split_mode == "hash":
            listed = [split_by_hash(image_id, self._eval_fraction)]
        problem = self._problem(image_id, images, masks, listed)
        if problem:
            image_uri, mask_uri = (files[0].uri if files else "" for files in (images, masks))
            split = listed[0] if len(listed) == 1 else ""
            yield beam.pvalue.TaggedOutput(
                REJECTED, Rejection(image_id, image_uri, mask_uri, split, PAIR_STAGE, *problem)
            )
        else:
            source_bytes = images[0].bytes + masks[0].bytes
            yield PlannedRecord(image_id, images[0].uri, masks[0].uri, listed[0], source_bytes)

    def _problem(
        self, image_id: str, images: list[SourceFile], masks: list[SourceFile], listed: list[str]
    ) -> tuple[str, str] | None:
        if not re.fullmatch(ID_PATTERN, image_id):
            return rejections.UNSAFE_ID, f"ids are letters, digits, '_', '-' and '.', got {image_id!r}"
        for files in (images, masks):
            if len(files) > 1:
                return rejections.DUPLICATE_ID, " and ".join(file.uri for file in files)
        if not masks:
            return rejections.MISSING_MASK, "photo without a mask"
        if not images:
            return rejections.MISSING_IMAGE, "mask without a photo"
        if not listed:
            return rejections.NOT_LISTED, "in none of the official lists"
        if len(listed) > 1:
            return rejections.LISTED_TWICE, " and ".join(listed)
        return None


class PlanRecords(beam.PTransform):
    """Lists the photos, masks and official lists that the options name, and pairs them by id.

    Ids and paths are all that is shuffled. Outputs by tag: `planned` (PlannedRecord), `rejected` (Rejection) and
    `listed_only` (ids in a list that have neither file).
    """

    def __init__(self, options: PrepareOptions):
        super().__init__()
        self._root = options.input
        self._spec = options.spec
        self._pair = _Pair(options.split, options.eval_fraction)
        self._lists = list(self._spec.official_splits.items()) if options.split == "official" else []

    def expand(self, pipeline: beam.Pipeline) -> beam.pvalue.DoOutputsTuple:
        return (
            {
                IMAGES: pipeline
                | "NameImages" >> beam.Create([self._spec.image_path])
                | "ListImages" >> beam.ParDo(_ListFiles(self._root)),
                MASKS: pipeline
                | "NameMasks" >> beam.Create([self._spec.mask_path])
                | "ListMasks" >> beam.ParDo(_ListFiles(self._root)),
                LISTED: pipeline
                | "NameSplitLists" >> beam.Create(self._lists)
                | "ReadSplitLists" >> beam.ParDo(_ReadSplitList(self._root)),
            }
            # (id, {images: [SourceFile], masks: [SourceFile], listed: [split]})
            | "JoinById" >> beam.CoGroupByKey()
            | "Pair" >> beam.ParDo(self._pair).with_outputs(REJECTED, LISTED_ONLY, main="planned")
        )
