"""The prediction job as one Beam graph: find, read, predict, write masks and a table."""

from __future__ import annotations

import io
from collections.abc import Iterator, Sequence
from typing import Any

import apache_beam as beam
import numpy as np
from apache_beam.ml.inference.base import RunInference
from apache_beam.pvalue import AsIter, TaggedOutput
from PIL import Image

from beam_jobs.codec.photos import decode_photo
from beam_jobs.elements import SourceFile, read_source
from beam_jobs.line_files import WriteFolders
from beam_jobs.monitoring.progress import DoneInputs
from beam_jobs.once import MapOnce
from beam_jobs.predict.finding import LEFT_OUT, PHOTOS, REJECTED, STAGE, FindPhotos, NamedPhoto
from beam_jobs.predict.log import LogAnswers, keeping
from beam_jobs.predict.model import PredictedPhoto, ReadyPhoto, SegmentationModel, mask_path
from beam_jobs.predict.reading import ready_photo
from beam_jobs.predict.request import Request
from beam_jobs.predict.summary import SumUp, summarize
from beam_jobs.predict.table import Row
from beam_jobs.records.published_records import bytes_of, int_of, parse_record
from beam_jobs.rejections import InputRejected, Rejection
from beam_jobs.runners.beam_options import threads_of_worker
from beam_jobs.served.log_files import encode_photo
from beam_jobs.sources.input_files import naming_input, read_input
from beam_jobs.storage.files import write_atomically
from schemas.features import IMAGE, MASK, SOURCE_HEIGHT, SOURCE_WIDTH
from schemas.metrics import confusion_matrix
from schemas.version_files import parse_shard_path

READY = "ready"  # tag of the photos that the model takes
TABLE_FOLDER, REJECTED_FOLDER = "table", "rejected"

Listed = tuple[str, Any]  # a folder and a Line of its files


def predict(pipeline: beam.Pipeline, request: Request) -> beam.PCollection:
    """Adds the whole job to a pipeline; its only output element is the path of the summary."""
    found = pipeline | "FindPhotos" >> FindPhotos(request)
    photos = found[PHOTOS] | "ReadPhotos" >> beam.ParDo(_ReadPhoto(request)).with_outputs(REJECTED, main=READY)
    model = SegmentationModel(
        request.model_dir,
        request.info,
        measures=bool(request.log),
        runtime=request.runtime,
        threads=threads_of_worker(photos[READY].pipeline.options),
    )
    predicted = photos[READY] | "Predict" >> RunInference(model)
    rows = predicted | "WriteMasks" >> beam.ParDo(_WriteMask(request))
    if request.log:
        _ = predicted | "LogAnswers" >> beam.ParDo(LogAnswers(request))
    rejected = (found[REJECTED], photos[REJECTED]) | "GatherRejected" >> beam.Flatten()
    lines = (
        rows | "NameTable" >> beam.Map(lambda row: (TABLE_FOLDER, row)).with_output_types(Listed),
        rejected | "NameRejectedFolder" >> beam.Map(lambda one: (REJECTED_FOLDER, one)).with_output_types(Listed),
    ) | "GatherLines" >> beam.Flatten()
    files = lines | "WriteLines" >> WriteFolders(request.output, (TABLE_FOLDER, REJECTED_FOLDER))
    totals = [
        rows | "SumUp" >> beam.CombineGlobally(SumUp(request.info.classes)),
        rejected
        | "CountRejected" >> beam.combiners.Count.Globally()
        | "NameRejected" >> beam.Map(lambda count: {"rejected": count}),
    ]
    if LEFT_OUT in found:
        totals.append(found[LEFT_OUT] | "NameLeftOut" >> beam.Map(lambda kinds: {LEFT_OUT: kinds}))
    totals = totals | "GatherTotals" >> beam.Flatten()
    return pipeline | "Summarize" >> MapOnce(summarize, request, AsIter(totals), AsIter(files))


def log_answers(pipeline: beam.Pipeline, requests: Sequence[Request]) -> None:
    """Adds what only logs a model's answers: to the photos of a folder, the records of a version, or both.

    What could not be read is listed in `rejected/` of the output, which all requests share, as they do the model.
    """
    first, ready, rejected = requests[0], [], []
    for one in requests:
        name = "Version" if one.version_dir else "Photos"
        found = pipeline | f"Find{name}" >> FindPhotos(one)
        read = found[PHOTOS] | f"Read{name}" >> beam.ParDo(_ReadPhoto(one)).with_outputs(REJECTED, main=READY)
        ready.append(read[READY])
        rejected += [found[REJECTED], read[REJECTED]]
    model = SegmentationModel(first.model_dir, first.info, measures=True)
    predicted = ready | "GatherPhotos" >> beam.Flatten() | "Predict" >> RunInference(model)
    for one in requests:
        of_version = bool(one.version_dir)
        name = "Version" if of_version else "Photos"
        _ = (
            predicted
            | f"Take{name}" >> beam.Filter(lambda one, of_version: bool(one.photo.split) == of_version, of_version)
            | f"Log{name}" >> beam.ParDo(LogAnswers(one))
        )
    lines = (
        rejected
        | "GatherRejected" >> beam.Flatten()
        | "NameFolder" >> beam.Map(lambda one: (REJECTED_FOLDER, one)).with_output_types(Listed)
    )
    _ = lines | "WriteRejected" >> WriteFolders(first.output, (REJECTED_FOLDER,))


class _ReadPhoto(beam.DoFn):
    """Reads and decodes a photo, as the preparation does; a record of a version needs no preparation."""

    def __init__(self, request: Request):
        self._request = request
        self._keeping = keeping(request.log_photos)

    def process(self, element: NamedPhoto) -> Iterator[ReadyPhoto | TaggedOutput]:
        image_id, source, file_name = element
        read = self._record if self._request.version_dir else self._photo
        try:
            with naming_input(image_id, source):
                ready = read(image_id, source)._replace(file_name=file_name)
        except InputRejected as error:
            yield TaggedOutput(REJECTED, Rejection(image_id, source, None, "", STAGE, error.reason, error.detail))
        else:
            yield ready

    def _photo(self, image_id: str, source: SourceFile) -> ReadyPhoto:
        data = read_input(source)
        info = self._request.info
        ready = ready_photo(image_id, source, data, info)
        if self._request.log and self._keeping.takes(image_id):
            ready = ready._replace(
                kept=encode_photo(np.asarray(decode_photo(data, 0, photo_range=info.photo_range).image))
            )
        return ready

    def _record(self, image_id: str, source: SourceFile) -> ReadyPhoto:
        values = parse_record(read_source(source))
        pixels = np.asarray(decode_photo(bytes_of(values, IMAGE), 0).image)
        width, height = int_of(values, SOURCE_WIDTH), int_of(values, SOURCE_HEIGHT)
        shard = parse_shard_path(source.uri.removeprefix(f"{self._request.version_dir}/"))
        split = shard.split if shard else ""
        return ReadyPhoto(image_id, str(source), pixels, width, height, bytes_of(values, MASK), split)


class _WriteMask(beam.DoFn):
    """Writes class ids at the photo's size, as a PNG whose palette shows them in the classes' colours."""

    def __init__(self, request: Request):
        self._request = request
        self._palette = [channel for color in request.info.palette for channel in color]

    def setup(self) -> None:
        self._done = DoneInputs(self._request.progress_dir)

    def process(self, predicted: PredictedPhoto) -> Iterator[Row]:
        photo, class_ids, pixels = predicted.photo, predicted.class_ids, predicted.mask
        classes = self._request.info.classes
        mask = Image.fromarray(pixels, mode="P")
        mask.putpalette(self._palette)
        buffer = io.BytesIO()
        mask.save(buffer, "PNG")
        write_atomically(mask_path(self._request.output, photo.file_name), buffer.getvalue())
        matrix: tuple[int, ...] = ()
        if photo.truth:
            truth = np.asarray(Image.open(io.BytesIO(photo.truth)))
            matrix = tuple(confusion_matrix(truth, class_ids, len(classes)).ravel().tolist())
        shares = tuple((np.bincount(pixels.ravel(), minlength=len(classes)) / pixels.size).tolist())
        self._done.add()
        file_name = photo.file_name
        yield Row(photo.image_id, photo.uri, photo.width, photo.height, shares, matrix, classes, file_name)

    def teardown(self) -> None:
        self._done.close()
