"""The prediction job as one Beam graph: find, read, predict, write masks and a table."""

from __future__ import annotations

import io
import json
from collections.abc import Iterable, Iterator
from typing import Any, NamedTuple

import apache_beam as beam
import numpy as np
from apache_beam.ml.inference.base import RunInference
from apache_beam.pvalue import AsDict, AsIter, TaggedOutput
from PIL import Image

from beam_jobs.codec.fitting import inner_size, pad_photo
from beam_jobs.codec.photos import decode_photo, resize_photo
from beam_jobs.elements import SourceFile, read_source
from beam_jobs.line_files import WriteLineFiles
from beam_jobs.monitoring.progress import DoneInputs, report_planned
from beam_jobs.once import MapOnce
from beam_jobs.predict.model import (
    ModelInfo,
    PredictedPhoto,
    ReadyPhoto,
    SegmentationModel,
    finite,
    mask_path,
)
from beam_jobs.records.published_records import bytes_of, find_records, int_of, parse_record
from beam_jobs.rejections import DUPLICATE_ID, UNSAFE_ID, InputRejected, Rejection
from beam_jobs.sources.folders import list_photos
from beam_jobs.sources.input_files import check_listed, naming_input, read_input
from beam_jobs.sources.left_out import LeftOutFiles
from beam_jobs.storage.files import write_atomically
from schemas.bounded_text import enumerated
from schemas.features import IMAGE, MASK, SOURCE_HEIGHT, SOURCE_WIDTH
from schemas.image_ids import is_image_id
from schemas.image_size import sides
from schemas.manifest import Shard
from schemas.metrics import METRICS, Counts, confusion_matrix, mean_iou
from schemas.path_pattern import PathPattern

PHOTOS, READY, REJECTED, LEFT_OUT = "photos", "ready", "rejected", "left_out"
STAGE = "predict"
TABLE_FOLDER, REJECTED_FOLDER, SUMMARY_FILE = "table", "rejected", "summary.json"
ALL = "all"  # progress is per split; here all photos count as one
WORST = 5  # photos named in the summary


class Request(NamedTuple):
    """What is predicted.

    Attributes:
      model_dir: Folder of the exported model.
      info: Its model_info.json.
      output: Folder that masks and table go to.
      photos: Folder of photos; empty where a version is predicted.
      image_path: Pattern below `photos`.
      version_dir: Published version, whose masks are the truth; empty where photos are predicted.
      shards: Its shards.
      progress_dir: Folder for the progress files.
    """

    model_dir: str
    info: ModelInfo
    output: str
    photos: str
    image_path: str
    version_dir: str
    shards: tuple[Shard, ...]
    progress_dir: str


Found = tuple[str, SourceFile]  # an id and its photo


class Row(NamedTuple):
    """One line of the table."""

    image_id: str
    uri: str
    width: int
    height: int
    shares: tuple[float, ...]
    matrix: tuple[int, ...]
    classes: tuple[str, ...]

    def to_json(self) -> str:
        """One JSON object with sorted keys: shares of pixels per class and, where there is truth, IoU."""
        values: dict[str, object] = {"id": self.image_id, "uri": self.uri, "width": self.width, "height": self.height}
        values["share"] = {name: round(share, 6) for name, share in zip(self.classes, self.shares, strict=True)}
        if self.matrix:
            values |= _judged(self.matrix, self.classes)
        return json.dumps(values, sort_keys=True, allow_nan=False)


Listed = tuple[str, Any]  # a folder and a Line of its files


def predict(pipeline: beam.Pipeline, request: Request) -> beam.PCollection:
    """Adds the whole job to a pipeline; its only output element is the path of the summary."""
    found = pipeline | "FindPhotos" >> _FindPhotos(request)
    photos = found[PHOTOS] | "ReadPhotos" >> beam.ParDo(_ReadPhoto(request)).with_outputs(REJECTED, main=READY)
    rows = (
        photos[READY]
        | "Predict" >> RunInference(SegmentationModel(request.model_dir, request.info))
        | "WriteMasks" >> beam.ParDo(_WriteMask(request))
    )
    rejected = (found[REJECTED], photos[REJECTED]) | "GatherRejected" >> beam.Flatten()
    lines = (
        rows | "NameTable" >> beam.Map(lambda row: (TABLE_FOLDER, row)).with_output_types(Listed),
        rejected | "NameRejectedFolder" >> beam.Map(lambda one: (REJECTED_FOLDER, one)).with_output_types(Listed),
    ) | "GatherLines" >> beam.Flatten()
    counted = lines | "TakeFolders" >> beam.Keys() | "CountLines" >> beam.combiners.Count.PerElement()
    counts = pipeline | "CountEveryFolder" >> MapOnce(_line_counts, AsDict(counted))
    files = lines | "WriteLines" >> WriteLineFiles(request.output, counts)
    totals = [
        rows | "SumUp" >> beam.CombineGlobally(_SumUp(request.info.classes)),
        rejected
        | "CountRejected" >> beam.combiners.Count.Globally()
        | "NameRejected" >> beam.Map(lambda count: {"rejected": count}),
    ]
    if LEFT_OUT in found:
        totals.append(found[LEFT_OUT] | "NameLeftOut" >> beam.Map(lambda kinds: {LEFT_OUT: kinds}))
    totals = totals | "GatherTotals" >> beam.Flatten()
    return pipeline | "Summarize" >> MapOnce(_summarize, request, AsIter(totals), AsIter(files))


def _line_counts(counted: dict[str, int]) -> dict[str, int]:
    return {folder: counted.get(folder, 0) for folder in (TABLE_FOLDER, REJECTED_FOLDER)}


class _FindPhotos(beam.PTransform):
    """Photos with their ids, spread over the workers; two files of one id are both rejected.

    Outputs by tag: `photos` (id, SourceFile), `rejected` (Rejection) and, of a folder, `left_out`.
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
        _ = (
            found
            | "Count" >> beam.combiners.Count.Globally()
            | "ReportFound" >> beam.Map(lambda count: report_planned(request.progress_dir, ALL, count))
        )
        checked = (
            found  # (id, SourceFile)
            | "GroupById" >> beam.GroupByKey()
            | "CheckIds" >> beam.FlatMapTuple(_check_id).with_output_types(Found).with_outputs(REJECTED, main=PHOTOS)
        )
        return {PHOTOS: checked[PHOTOS], REJECTED: checked[REJECTED], **left_out}


class _ListPhotos(beam.DoFn):
    """Folder -> (id, SourceFile) of each photo; other output: one dictionary of kinds to LeftOut."""

    def __init__(self, image_path: str):
        self._image_path = image_path

    def process(self, folder: str) -> Iterator[Found | TaggedOutput]:
        left_out = LeftOutFiles([PathPattern(self._image_path)])
        yield from list_photos(folder, self._image_path, left_out)
        yield TaggedOutput(LEFT_OUT, left_out.kinds)


def _check_id(image_id: str, sources: Iterable[SourceFile]) -> Iterator[Found | TaggedOutput]:
    first, *others = sorted(sources)
    try:
        if others:
            raise InputRejected(DUPLICATE_ID, f"{enumerated([first, *others], ' and ', most=2)} would have one mask")
        if not image_id:
            raise InputRejected(UNSAFE_ID, "nothing is left of the name where --image_path has {id}; rename the file")
        if not is_image_id(image_id):  # of a record that the preparation did not write, or before it bounded ids
            raise InputRejected(UNSAFE_ID, f"{image_id!r} cannot be the name of a file")
        check_listed(first)
    except InputRejected as error:
        yield TaggedOutput(REJECTED, Rejection(image_id, first, None, "", STAGE, error.reason, error.detail))
    else:
        yield image_id, first


class _ReadPhoto(beam.DoFn):
    """Reads and decodes a photo, as the preparation does; a record of a version needs no preparation."""

    def __init__(self, request: Request):
        self._request = request

    def process(self, element: tuple[str, SourceFile]) -> Iterator[ReadyPhoto | TaggedOutput]:
        image_id, source = element
        try:
            with naming_input(image_id, source):
                ready = self._record(*element) if self._request.version_dir else self._photo(*element)
        except InputRejected as error:
            yield TaggedOutput(REJECTED, Rejection(image_id, source, None, "", STAGE, error.reason, error.detail))
        else:
            yield ready

    def _photo(self, image_id: str, source: SourceFile) -> ReadyPhoto:
        info = self._request.info
        photo = decode_photo(read_input(source), max(sides(info.photo_size)))
        size = inner_size((photo.source_height, photo.source_width), info.photo_size, info.fit)
        pixels = np.asarray(pad_photo(resize_photo(photo.image, size), info.photo_size))
        return ReadyPhoto(image_id, str(source), pixels, photo.source_width, photo.source_height, b"")

    def _record(self, image_id: str, source: SourceFile) -> ReadyPhoto:
        values = parse_record(read_source(source))
        pixels = np.asarray(decode_photo(bytes_of(values, IMAGE), 0).image)
        width, height = int_of(values, SOURCE_WIDTH), int_of(values, SOURCE_HEIGHT)
        return ReadyPhoto(image_id, str(source), pixels, width, height, bytes_of(values, MASK))


class _WriteMask(beam.DoFn):
    """Writes class ids at the photo's size, as a PNG whose palette shows them in the classes' colours."""

    def __init__(self, request: Request):
        self._request = request
        self._palette = [channel for color in request.info.palette for channel in color]

    def setup(self) -> None:
        self._done = DoneInputs(self._request.progress_dir)

    def process(self, predicted: PredictedPhoto) -> Iterator[Row]:
        photo, class_ids, pixels = predicted
        classes = self._request.info.classes
        mask = Image.fromarray(pixels, mode="P")
        mask.putpalette(self._palette)
        buffer = io.BytesIO()
        mask.save(buffer, "PNG")
        write_atomically(mask_path(self._request.output, photo.image_id), buffer.getvalue())
        matrix: tuple[int, ...] = ()
        if photo.truth:
            truth = np.asarray(Image.open(io.BytesIO(photo.truth)))
            matrix = tuple(confusion_matrix(truth, class_ids, len(classes)).ravel().tolist())
        shares = tuple((np.bincount(pixels.ravel(), minlength=len(classes)) / pixels.size).tolist())
        self._done.add()
        yield Row(photo.image_id, photo.uri, photo.width, photo.height, shares, matrix, classes)

    def teardown(self) -> None:
        self._done.close()


class _SumUp(beam.CombineFn):
    """Rows -> {"photos", "matrix", "worst"}: how many, their summed matrix, and those with the lowest mean IoU."""

    def __init__(self, classes: tuple[str, ...]):
        self._size = len(classes) ** 2

    def create_accumulator(self) -> dict:
        return {"photos": 0, "matrix": np.zeros(self._size, np.int64), "worst": []}

    def add_input(self, total: dict, row: Row) -> dict:
        if row.matrix:
            side = len(row.classes)
            value = mean_iou(np.reshape(row.matrix, (side, side)))
            one = {"photos": 1, "matrix": np.array(row.matrix, np.int64), "worst": [(value, row.image_id)]}
        else:
            one = {"photos": 1, "matrix": np.zeros(self._size, np.int64), "worst": []}
        return self.merge_accumulators([total, one])

    def merge_accumulators(self, totals: Iterable[dict]) -> dict:
        totals = list(totals)
        return {
            "photos": sum(one["photos"] for one in totals),
            "matrix": sum((one["matrix"] for one in totals), np.zeros(self._size, np.int64)),
            "worst": sorted(pair for one in totals for pair in one["worst"])[:WORST],
        }

    def extract_output(self, total: dict) -> dict:
        return total


def _summarize(request: Request, totals: Iterable[dict], files: Iterable[str]) -> str:
    merged: dict = {}
    for one in totals:
        merged |= one
    matrix = tuple(merged["matrix"].tolist())
    values: dict[str, object] = {
        "model": request.model_dir,
        "input": request.version_dir or request.photos,
        "photos": merged["photos"],
        "rejected": merged["rejected"],
        "files": sorted(files),
    }
    if left_out := merged.get(LEFT_OUT):
        values[LEFT_OUT] = {kind: one._asdict() for kind, one in left_out.items()}
    if any(matrix):
        values |= _judged(matrix, request.info.classes)
        values["worst"] = [{"id": image_id, "mean_iou": value} for value, image_id in merged["worst"]]
    path = f"{request.output}/{SUMMARY_FILE}"
    write_atomically(path, (json.dumps(values, indent=2, sort_keys=True, allow_nan=False) + "\n").encode())
    return path


def _judged(matrix: tuple[int, ...], classes: tuple[str, ...]) -> dict[str, object]:
    counts = Counts(np.reshape(matrix, (len(classes), len(classes))), np.zeros((len(classes), 0)))
    values: dict[str, object] = {}
    for metric in (one for one in METRICS if not one.needs_boundaries):
        found = list(finite(np.atleast_1d(metric.compute(counts))))
        values[metric.name] = dict(zip(classes, found, strict=True)) if metric.per_class else found[0]
    return values
