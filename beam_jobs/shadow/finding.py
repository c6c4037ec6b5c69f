"""Finds the photos that both models answer: those of a folder, or those that a log has kept, with its slices."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import NamedTuple

import apache_beam as beam
from apache_beam.pvalue import TaggedOutput

from beam_jobs.coders import declare
from beam_jobs.elements import SourceFile
from beam_jobs.predict.finding import PHOTOS, REJECTED, FindPhotos, ReportFound, check_id
from beam_jobs.predict.request import Request as PredictRequest
from beam_jobs.records.published_records import int_of, parse_record
from beam_jobs.records.tfrecord import DamagedTFRecord, TFRecordReader
from beam_jobs.rejections import InputRejected, Rejection
from beam_jobs.served.listing import read_together
from beam_jobs.served.window import Window
from beam_jobs.shadow.request import Request
from beam_jobs.storage.files import open_file
from schemas.served import CLIENT, PHOTO, SOURCE, SOURCES, TIME, is_photo_path

STAGE = "shadow"  # of rejections
PROBLEMS = "problems"  # tag of what is wrong with files of the log: (file, what)
BY_SOURCE, BY_CLIENT = "source", "client"


class FoundPhoto(NamedTuple):
    """A photo, and what the log says of it.

    Attributes:
      image_id: Its id.
      source: Where it is.
      slices: Such as `source endpoint` and `client shop`; empty where no log says it.
    """

    image_id: str
    source: SourceFile
    slices: tuple[str, ...] = ()


declare(FoundPhoto)


class FindPairs(beam.PTransform):
    """Pipeline -> by tag: `photos` (FoundPhoto), spread over the workers, `rejected` (Rejection), and `problems`."""

    def __init__(self, request: Request):
        super().__init__()
        self._request = request

    def expand(self, pipeline: beam.Pipeline) -> dict[str, beam.PCollection]:
        request = self._request
        return self._kept(pipeline) if request.log else self._of_folder(pipeline)

    def _of_folder(self, pipeline: beam.Pipeline) -> dict[str, beam.PCollection]:
        request, model = self._request, self._request.served
        folder = PredictRequest(
            model.folder, model.info, request.output, request.photos, request.image_path, "", (), request.progress_dir
        )
        found = pipeline | "FindPhotos" >> FindPhotos(folder)
        photos = found[PHOTOS] | "NoSlices" >> beam.Map(
            lambda one: FoundPhoto(one.image_id, one.source)
        ).with_output_types(FoundPhoto)
        problems = pipeline | "NoProblems" >> beam.Create([]).with_output_types(tuple[str, str])
        return {PHOTOS: photos, REJECTED: found[REJECTED], PROBLEMS: problems}

    def _kept(self, pipeline: beam.Pipeline) -> dict[str, beam.PCollection]:
        request = self._request
        named = (
            pipeline
            | "NameFiles" >> beam.Create([*read_together(request.files)], reshuffle=True)
            | "ReadRecords"
            >> beam.FlatMap(_kept_photos, request.log, request.window)
            .with_output_types(tuple[str, FoundPhoto])
            .with_outputs(PROBLEMS, main="named")
        )
        grouped = named.named | "GroupById" >> beam.GroupByKey()
        _ = grouped | "ReportFound" >> ReportFound(request.progress_dir)
        checked = grouped | "CheckIds" >> beam.FlatMapTuple(_one_photo).with_output_types(FoundPhoto).with_outputs(
            REJECTED, main=PHOTOS
        )
        return {PHOTOS: checked[PHOTOS], REJECTED: checked[REJECTED], PROBLEMS: named[PROBLEMS]}


def _kept_photos(paths: list[str], log: str, window: Window) -> Iterator[tuple[str, FoundPhoto] | TaggedOutput]:
    """(id, FoundPhoto) of each record that names a kept photo, of any model: photos are what is wanted of it.

    A path is data, and is taken only where it is one that a log has: it can't leave the log.
    """
    for path in paths:
        try:
            with open_file(f"{log}/{path}") as file:
                for data in TFRecordReader(file):
                    try:
                        found = _named_photo(data, log, window)
                    except (ValueError, TypeError) as error:
                        yield TaggedOutput(PROBLEMS, (path, f"a record is not one of a log ({error})"))
                        continue
                    if found:
                        yield found.image_id, found
        except DamagedTFRecord as damage:
            yield TaggedOutput(PROBLEMS, (path, str(damage)))
        except OSError as error:  # such as one that its retention has deleted since
            yield TaggedOutput(PROBLEMS, (path, f"can't be read ({error.strerror or error})"))


def _named_photo(data: bytes, log: str, window: Window) -> FoundPhoto | None:
    """The photo that a record of the window names; None where it names none."""
    record = parse_record(data)
    if not window.start <= int_of(record, TIME) < window.end:
        return None
    path, source, client = (_text(record.get(name, b"")) for name in (PHOTO, SOURCE, CLIENT))
    if not path:
        return None
    if not is_photo_path(path):
        raise ValueError("it names a photo outside of the log")
    slices = [f"{BY_SOURCE} {source}"] if source in SOURCES else []
    slices += [f"{BY_CLIENT} {client}"] if client else []
    image_id = path.rpartition("/")[2].rpartition(".")[0]
    return FoundPhoto(image_id, SourceFile(f"{log}/{path}", 0), tuple(slices))


def _text(value: object) -> str:
    if not isinstance(value, bytes):
        raise TypeError("a text is a number")
    return value.decode(errors="replace")


def _one_photo(image_id: str, found: Iterable[FoundPhoto]) -> Iterator[FoundPhoto | TaggedOutput]:
    """The photo of an id; two records may name it, since a writer that is killed writes again."""
    by_source = {one.source: one for one in sorted(found, reverse=True)}
    first, *others = sorted(by_source)
    try:
        check_id(image_id, first, *others)
    except InputRejected as error:
        yield TaggedOutput(REJECTED, Rejection(image_id, first, None, "", STAGE, error.reason, error.detail))
    else:
        yield by_source[first]
