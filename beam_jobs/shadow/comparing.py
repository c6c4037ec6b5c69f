"""Compares the two answers to one photo, pixel by pixel at the photo's own size."""

from __future__ import annotations

import json
import zlib
from collections.abc import Collection, Iterator
from typing import Any, NamedTuple

import apache_beam as beam
import numpy as np
from apache_beam.pvalue import TaggedOutput

from beam_jobs.monitoring.progress import DoneInputs
from beam_jobs.predict.finding import REJECTED
from beam_jobs.predict.model import PredictedPhoto, ReadyPhoto
from beam_jobs.predict.reading import ready_photo
from beam_jobs.records.tf_example import Value
from beam_jobs.rejections import InputRejected, Rejection
from beam_jobs.shadow.figures import Compared, class_shares
from beam_jobs.shadow.finding import BY_CLIENT, STAGE, FoundPhoto
from beam_jobs.shadow.gallery import Least, draft_of
from beam_jobs.shadow.request import MODELS, Request
from beam_jobs.sources.input_files import naming_input, read_input
from schemas.exported_model import ModelInfo
from schemas.metrics import class_iou, confusion_matrix, pixel_accuracy
from schemas.served import CONFIDENCE, ENTROPY, LATENCY

PAIRS, ROWS, COMPARED, DRAFTS = "pairs", "rows", "compared", "drafts"  # tags of outputs
ALL = "all photos"  # beside the slices
_BAND_PIXELS = 1 << 20  # counted at once, for photos of any size
_DIGITS = 6  # after the decimal point
_FASTEST = 1  # of zlib: masks have long runs, and the bytes wait for one model alone
MEASURES = {CONFIDENCE: "confidence", ENTROPY: "entropy", LATENCY: "latency_ms"}  # to their names in a row


class Waiting(NamedTuple):
    """What goes with a photo while the served model answers: the same photo as the candidate takes it, and slices."""

    candidate: ReadyPhoto
    slices: tuple[str, ...]


class Answered(NamedTuple):
    """What goes with a photo while the candidate answers: the served model's answer, small enough to wait.

    Attributes:
      mask: Compressed class ids, uint8 [H, W], as large as the photo.
      values: What is measured of the answer.
      slices: Of the photo.
    """

    mask: bytes
    values: dict[str, Value]
    slices: tuple[str, ...]


class Row(NamedTuple):
    """One line of the table."""

    image_id: str
    text: str

    def to_json(self) -> str:
        """One JSON object with sorted keys."""
        return self.text


class ReadPair(beam.DoFn):
    """FoundPhoto -> (Waiting, ReadyPhoto of the served model); other output: Rejection. Its file is read once."""

    def __init__(self, request: Request):
        self._request = request

    def process(self, found: FoundPhoto) -> Iterator[tuple[Waiting, ReadyPhoto] | TaggedOutput]:
        image_id, source, slices = found
        served, candidate = (one.info for one in self._request.models)
        try:
            with naming_input(image_id, source):
                data = read_input(source)
                ready = ready_photo(image_id, source, data, served)
                alike = _reading(served) == _reading(candidate)
                other = ready if alike else ready_photo(image_id, source, data, candidate)
        except InputRejected as error:
            yield TaggedOutput(REJECTED, Rejection(image_id, source, None, "", STAGE, error.reason, error.detail))
        else:
            yield Waiting(other, slices), ready


def _reading(info: ModelInfo) -> tuple:
    """What decides how a model reads a photo."""
    return info.photo_size, info.fit, info.photo_range


def hand_over(answered: tuple[Waiting, PredictedPhoto]) -> tuple[Answered, ReadyPhoto]:
    """What the candidate is given, once the served model has answered."""
    waiting, predicted = answered
    mask = zlib.compress(np.ascontiguousarray(predicted.mask, np.uint8).tobytes(), _FASTEST)
    return Answered(mask, predicted.values or {}, waiting.slices), waiting.candidate


class ComparePair(beam.DoFn):
    """(Answered, the candidate's PredictedPhoto) -> by tag: a Row, (slice, Compared) for each slice, and Drafts."""

    def __init__(self, request: Request):
        self._request = request

    def setup(self) -> None:
        self._done = DoneInputs(self._request.progress_dir)

    def start_bundle(self) -> None:
        self._least = Least()

    def process(self, pair: tuple[Answered, PredictedPhoto], clients: Collection[str]) -> Iterator[TaggedOutput]:
        answered, predicted = pair
        photo, info = predicted.photo, self._request.candidate.info
        masks = (
            np.frombuffer(zlib.decompress(answered.mask), np.uint8).reshape(photo.height, photo.width),
            np.asarray(predicted.mask, np.uint8),
        )
        matrix = _counted(*masks, len(info.classes))
        values = answered.values, predicted.values or {}
        measured = Compared.of(photo.image_id, matrix, values)
        yield TaggedOutput(ROWS, _row(photo, matrix, values, answered.slices, info.classes))
        for name in [ALL, *(one for one in answered.slices if not one.startswith(BY_CLIENT) or one in clients)]:
            yield TaggedOutput(COMPARED, (name, measured))
        agreement = float(pixel_accuracy(matrix))
        if self._least.takes(agreement, photo.image_id):
            yield TaggedOutput(DRAFTS, draft_of(agreement, photo, info, masks))
        self._done.add()

    def teardown(self) -> None:
        self._done.close()


def _counted(served: np.ndarray, candidate: np.ndarray, classes: int) -> np.ndarray:
    """Pixels of each class of the one answer by class of the other, uint8 [H, W] each: int64 [C, C]."""
    rows = max(1, _BAND_PIXELS // served.shape[1])
    bands = (slice(start, start + rows) for start in range(0, len(served), rows))
    return np.sum([confusion_matrix(served[band], candidate[band], classes) for band in bands], axis=0)


def _row(
    photo: ReadyPhoto,
    matrix: np.ndarray,
    values: tuple[dict[str, Value], dict[str, Value]],
    slices: tuple[str, ...],
    classes: tuple[str, ...],
) -> Row:
    """The line of a photo: of the classes, those that one of the answers shows."""
    ious, shares = class_iou(matrix), class_shares(matrix)
    shown = [(class_id, name) for class_id, name in enumerate(classes) if shares[:, class_id].any()]
    fields: dict[str, Any] = {
        "id": photo.image_id,
        "uri": photo.uri,
        "width": photo.width,
        "height": photo.height,
        "agreement": round(float(pixel_accuracy(matrix)), _DIGITS),
        "iou": {name: round(float(ious[class_id]), _DIGITS) for class_id, name in shown},
        "share": {
            model: {name: round(float(own[class_id]), _DIGITS) for class_id, name in shown}
            for model, own in zip(MODELS, shares)
        },
        **dict(one.split(" ", 1) for one in slices),
    }
    for feature, name in MEASURES.items():
        known = {model: round(float(own[feature]), _DIGITS) for model, own in zip(MODELS, values) if feature in own}
        if known:
            fields[name] = known
    return Row(photo.image_id, json.dumps(fields, sort_keys=True, allow_nan=False))
