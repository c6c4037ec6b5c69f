"""Adds a record of each prediction to the log of what is served: a file for each bundle."""

from __future__ import annotations

import time
import uuid

import apache_beam as beam

from beam_jobs.predict.model import PredictedPhoto
from beam_jobs.predict.request import Request
from beam_jobs.records.tf_example import Value, to_example
from beam_jobs.served.class_file import write_classes
from beam_jobs.served.log_files import Keeping, answered_by, framed, write_about
from beam_jobs.storage.files import write_atomically
from beam_jobs.storage.models import model_digest
from schemas.exported_model import ModelInfo
from schemas.served import CLIENT, PHOTO, PHOTO_ID, PREDICT, TIME, photo_path, records_path


def keeping(share: float) -> Keeping:
    """What is kept of the photos: they are the caller's own, who decides for how long, and who reads them."""
    return Keeping(share, None, "whoever may read this folder")


def begin_log(log: str, share: float, model_dir: str, info: ModelInfo) -> None:
    """Writes what a log keeps of the photos, and what the model that answers calls its classes.

    Raises:
      UserError: Nothing can be written there, or the model has no weights.
    """
    write_about(log, PREDICT, keeping(share), write_atomically)
    write_classes(log, model_digest(model_dir), info.classes, info.class_titles, info.palette, write_atomically)


class LogAnswers(beam.DoFn):
    """PredictedPhoto -> nothing, but a record in the log.

    A bundle that fails and is tried again may leave its records twice. All of them have the time at which their bundle
    began, so that a file holds those of one hour.
    """

    def __init__(self, request: Request):
        self._request = request

    def setup(self) -> None:
        model = model_digest(self._request.model_dir)
        self._answered_by = answered_by(model, self._request.info.manifest_sha256, PREDICT)

    def start_bundle(self) -> None:
        self._writer = uuid.uuid4().hex[:12]  # also of a bundle that is tried again: it overwrites nothing
        self._time = time.time_ns() // 1_000_000
        self._records: list[bytes] = []

    def process(self, predicted: PredictedPhoto) -> None:
        photo = predicted.photo
        values: dict[str, Value] = {
            **(predicted.values or {}),
            TIME: self._time,
            **self._answered_by,
        }
        if photo.split:
            values[CLIENT] = photo.split.encode()
        if photo.kept:
            path = photo_path(self._time, self._writer, len(self._records), "jpg")
            write_atomically(f"{self._request.log}/{path}", photo.kept)
            values |= {PHOTO: path.encode(), PHOTO_ID: photo.image_id.encode()}
        self._records.append(to_example(values))

    def finish_bundle(self) -> None:
        if self._records:
            path = records_path(self._time, self._writer, 0)
            write_atomically(f"{self._request.log}/{path}", framed(self._records))
