"""Logs what a served model answered, after the answer was sent."""

from __future__ import annotations

import sys
from functools import partial

import numpy as np

from beam_jobs.codec.photos import decode_photo
from beam_jobs.elements import SourceFile
from beam_jobs.predict.reading import ready_photo
from beam_jobs.records.tf_example import Value
from beam_jobs.served.class_file import write_classes
from beam_jobs.served.folder_log import FolderLog
from beam_jobs.served.log_files import Keeping
from beam_jobs.served.log_writer import LogWriter
from beam_jobs.served.measures import measured
from beam_jobs.served.outbox import Destination
from beam_jobs.served.topic_log import TopicLog
from beam_jobs.storage.files import write_atomically
from beam_jobs.storage.models import model_digest, read_info
from schemas.exported_model import (
    CLASS_IDS,
    FEATURE_HASHES,
    FITTED_PIXELS,
    LOGITS,
    MASK_BYTES,
    PHOTO_SIZES,
)
from schemas.fitting import STRETCH, photo_box
from schemas.served import ENDPOINT, LATENCY
from tfx_pipeline.config.serving_log import ServingLog
from tfx_pipeline.evaluation.served_masks import decode_mask
from tfx_pipeline.serving.prediction import Outputs


class Observer:
    """Measures the answers of one model and writes them to its log.

    Args:
      model_dir: Folder of the SavedModel, local or `gs://`.
      log: What is logged.

    Raises:
      UserError: The model says nothing of its classes, or the log can't be written to.
    """

    def __init__(self, model_dir: str, log: ServingLog):
        self._info = read_info(model_dir)
        keeping = Keeping(log.photos, log.retention_days, log.readers)
        trained_on = self._info.manifest_sha256 or ""
        destinations: list[Destination] = []
        if log.folder:
            destinations.append(FolderLog(log.folder, write_atomically))
        if log.topic:
            destinations.append(TopicLog(log.topic))
        info, digest = self._info, model_digest(model_dir)
        self._log = LogWriter(destinations, digest, trained_on, ENDPOINT, keeping)
        if log.folder:
            write_classes(log.folder, digest, info.classes, info.class_titles, info.palette, write_atomically)
        self._has_failed = False

    def observe(self, photos: list[bytes], outputs: Outputs, seconds: float, client: str) -> None:
        """Adds a record for each photo; nothing that fails here concerns who asked.

        Args:
          photos: As they were sent.
          outputs: Of the signature, with one value a photo.
          seconds: That all of them took.
          client: What the caller says it is.
        """
        for index, photo in enumerate(photos):
            try:
                values = self._measured(photo, {name: output[index] for name, output in outputs.items()})
                values[LATENCY] = 1000 * seconds / len(photos)
                self._log.add(values, partial(_pixels, photo, self._info.photo_range), client)
            except Exception as error:  # a record that is missing must not look like a failed answer
                if not self._has_failed:
                    print(f"log: an answer could not be measured ({error!r})", file=sys.stderr, flush=True)
                self._has_failed = True

    def close(self) -> None:
        """Writes what waits."""
        self._log.close()

    def _measured(self, photo: bytes, output: dict[str, np.ndarray]) -> dict[str, Value]:
        classes = self._info.classes
        hashed = output[FEATURE_HASHES].tobytes() if FEATURE_HASHES in output else None
        if FITTED_PIXELS not in output:  # of a crop model, or of one that was exported before there was a log
            ready = ready_photo("", SourceFile("", len(photo)), photo, self._info)
            size = ready.height, ready.width
            pixels = ready.pixels[photo_box(size, ready.pixels.shape[:2], self._info.fit).slices]
            return measured(pixels, _class_ids(output), classes, size, output.get(LOGITS), hashed)
        height, width = output[PHOTO_SIZES].tolist()
        pixels, logits, class_ids = output[FITTED_PIXELS], output[LOGITS], output[CLASS_IDS]
        if self._info.fit != STRETCH:
            box = photo_box((height, width), pixels.shape[:2], self._info.fit).slices
            pixels, logits, class_ids = pixels[box], logits[box], class_ids[box]
        return measured(pixels, class_ids, classes, (height, width), logits, hashed)


def _class_ids(output: dict[str, np.ndarray]) -> np.ndarray:
    return decode_mask(bytes(output[MASK_BYTES])) if MASK_BYTES in output else output[CLASS_IDS]


def _pixels(photo: bytes, photo_range: tuple[int, int] | None) -> np.ndarray:
    """The upright photo, uint8 [H, W, 3]."""
    return np.asarray(decode_photo(photo, 0, photo_range=photo_range).image)
