"""Finds the photos of a folder, or the records of a published version, and checks that each has an id of its own."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator
from typing import NamedTuple

import apache_beam as beam
from apache_beam.pvalue import TaggedOutput

from beam_jobs.coders import declare
from beam_jobs.elements import SourceFile
from beam_jobs.file_names import folded, told_apart
from beam_jobs.monitoring.progress import report_planned
from beam_jobs.predict.request import Request
from beam_jobs.records.published_records import find_records
from beam_jobs.rejections import DUPLICATE_ID, UNSAFE_ID, InputRejected, Rejection
from beam_jobs.sources.folders import list_photos
from beam_jobs.sources.input_files import check_listed
from beam_jobs.sources.left_out import LeftOutFiles
from schemas.bounded_text import enumerated
from schemas.image_ids import is_image_id
from schemas.path_pattern import PathPattern

PHOTOS, REJECTED, LEFT_OUT = "photos", "rejected", "left_out"  # tags of outputs
STAGE = "predict"  # of rejections
ALL = "all"  # progress is per split; here all photos count as one

Found = tuple[str, SourceFile]  # an id and its photo


class NamedPhoto(NamedTuple):
    """A photo, and how files about it are called.

    Attributes:
      image_id: Its id.
      source: Where it is.
      file_name: Of its mask, without the extension: the id, except where another one differs from it only in case.
    """

    image_id: str
    source: SourceFile
    file_name: str


declare(NamedPhoto)


class FindPhotos(beam.PTransform):
    """Photos with their ids, spread over the workers; two files of one id are both rejected.

    Outputs by tag: `photos` (NamedPhoto), `rejected` (Rejection) and, of a folder, `left_out`.
    """

    def __init__(self, request: Request):
        super().__init__()
        self._request = request

    def expand(self, pipeline: beam.Pipeline) -> dict[str, beam.PCollection]:
        request = self._request
        left_out: dict[str, beam.PCollection] = {}
        if request.version_dir:
            found = (
                pipeline
                | "NameShards" >> beam.Create(request.shards, reshuffle=True)
                | "ListRecords"
                >> beam.FlatMap(
                    lambda shard, folder: find_records(folder, shard), request.version_dir
                ).with_output_types(Found)
            )
        else:
            listed = (
                pipeline
                | "NameFolder" >> beam.Create([request.photos])
                | "ListFolder"
                >> beam.ParDo(_ListPhotos(request.image_path))
                .with_output_types(Found)
                .with_outputs(LEFT_OUT, main="found")
            )
            found, left_out = listed.found, {LEFT_OUT: listed[LEFT_OUT]}
        _ = found | "ReportFound" >> ReportFound(request.progress_dir)
        checked = (
            found  # (id, SourceFile)
            | "FoldIds" >> beam.Map(lambda one: (folded(one[0]), one)).with_output_types(tuple[str, Found])
            | "GroupByName" >> beam.GroupByKey()
            | "CheckIds" >> beam.FlatMap(_check_ids).with_output_types(NamedPhoto).with_outputs(REJECTED, main=PHOTOS)
        )
        return {PHOTOS: checked[PHOTOS], REJECTED: checked[REJECTED], **left_out}


class ReportFound(beam.PTransform):
    """Photos -> nothing, but their number for the progress display."""

    def __init__(self, progress_dir: str):
        super().__init__()
        self._progress_dir = progress_dir

    def expand(self, found: beam.PCollection) -> beam.PCollection:
        return (
            found
            | "Count" >> beam.combiners.Count.Globally()
            | "Report" >> beam.Map(lambda count: report_planned(self._progress_dir, ALL, count))
        )


class _ListPhotos(beam.DoFn):
    """Folder -> (id, SourceFile) of each photo; other output: one dictionary of kinds to LeftOut."""

    def __init__(self, image_path: str):
        self._image_path = image_path

    def process(self, folder: str) -> Iterator[Found | TaggedOutput]:
        left_out = LeftOutFiles([PathPattern(self._image_path)])
        yield from list_photos(folder, self._image_path, left_out)
        yield TaggedOutput(LEFT_OUT, left_out.kinds)


def _check_ids(group: tuple[str, Iterable[Found]]) -> Iterator[NamedPhoto | TaggedOutput]:
    """The photos whose ids are one where capital letters do not count, each with a name of its own."""
    by_id: dict[str, list[SourceFile]] = defaultdict(list)
    for image_id, source in group[1]:
        by_id[image_id].append(source)
    names = told_apart(by_id)
    for image_id in sorted(by_id):
        first, *others = sorted(by_id[image_id])
        try:
            check_id(image_id, first, *others)
        except InputRejected as error:
            yield TaggedOutput(REJECTED, Rejection(image_id, first, None, "", STAGE, error.reason, error.detail))
        else:
            yield NamedPhoto(image_id, first, names[image_id])


def check_id(image_id: str, first: SourceFile, *others: SourceFile) -> None:
    """Checks that an id names one photo, and can name a file; InputRejected if not.

    Args:
      image_id: The id.
      first, others: All photos that have it, in order.
    """
    if others:
        raise InputRejected(DUPLICATE_ID, f"{enumerated([first, *others], ' and ', most=2)} would have one mask")
    if not image_id:
        raise InputRejected(UNSAFE_ID, "nothing is left of the name where --image_path has {id}; rename the file")
    if not is_image_id(image_id):  # of a record that the preparation did not write, or before it bounded ids
        raise InputRejected(UNSAFE_ID, f"{image_id!r} cannot be the name of a file")
    check_listed(first)
