"""An exported model for Beam's RunInference, in batches bounded by bytes."""

from __future__ import annotations

import posixpath
import resource
import tempfile
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from apache_beam.ml.inference import base
from apache_beam.ml.inference.base import ModelHandler

from beam_jobs.storage.files import files_below, read_file, read_part
from beam_jobs.storage.locations import wildcard_problem
from schemas.documents import MAX_JSON_BYTES
from schemas.enlarging import enlarged_class_ids
from schemas.errors import UserError
from schemas.exported_model import (
    CLASS_IDS,
    INFO_PATH,
    LOGITS,
    PREDICT_IMAGE,
    PREDICT_PIXELS,
    SAVED_MODEL_FILE,
    ModelInfo,
    parse_model_info,
)
from schemas.fitting import photo_box
from schemas.image_size import sides

# Beam 2.74 takes `resource` for missing where PyTorch is missing, and then warns that it can't measure a model's memory
base.resource = base.resource or resource

BATCH_BYTES = 32 << 20  # 32 MiB of pixels
MAX_BATCH = 64  # a model's inner layers take a hundred times its input's memory

Predict = Callable[[np.ndarray], np.ndarray]


def read_model_info(model_dir: str) -> ModelInfo:
    """Reads the information beside an exported model; UserError if the folder has none."""
    path = f"{model_dir}/{INFO_PATH}"
    try:
        data = read_part(path, 0, MAX_JSON_BYTES + 1)
        read_part(f"{model_dir}/{SAVED_MODEL_FILE}", 0, 1)
    except (OSError, ValueError) as error:  # ValueError: no file system for the scheme
        reason = getattr(error, "strerror", None) or str(error)
        raise UserError(
            f"--model {model_dir}: no exported model ({reason}); give a folder such as OUTPUT/serving/1700000000"
        ) from None
    return parse_model_info(data, path)


class ReadyPhoto(NamedTuple):
    """A photo as the model takes it.

    Attributes:
      image_id: Its id.
      uri: Where it was read.
      pixels: uint8 [H, W, 3], of the model's size, or of the photo's own for a tiled model.
      width, height: Of the upright photo.
      truth: Encoded mask of class ids, as large as `pixels`; empty where there is none.
    """

    image_id: str
    uri: str
    pixels: np.ndarray
    width: int
    height: int
    truth: bytes


class PredictedPhoto(NamedTuple):
    """The model's prediction for a photo.

    Attributes:
      photo: The photo.
      class_ids: uint8, as large as the pixels that the model saw, padding included.
      mask: The same as large as the upright photo, uint8 [H, W].
    """

    photo: ReadyPhoto
    class_ids: np.ndarray
    mask: np.ndarray


class SegmentationModel(ModelHandler[ReadyPhoto, PredictedPhoto, Predict]):
    """Loads an exported model once per process, from any place that Beam can read, and predicts masks."""

    def __init__(self, model_dir: str, info: ModelInfo):
        super().__init__()
        self._model_dir = model_dir
        self._info = info

    def load_model(self) -> Predict:
        """The model from uint8 [N, H, W, 3] to logits [N, H, W, C]; a tiled one from [1, H, W, 3] to class ids."""
        import tensorflow as tf

        # TensorFlow reads a bucket with its own credentials, and treats some paths as patterns
        elsewhere = "://" in self._model_dir or wildcard_problem(self._model_dir)
        with tempfile.TemporaryDirectory() as copied:
            folder = _copy(self._model_dir, copied) if elsewhere else self._model_dir
            model = tf.saved_model.load(folder)

        def predict(pixels: np.ndarray) -> np.ndarray:
            if self._info.tiled:
                return model.signatures[PREDICT_IMAGE](pixels=tf.constant(pixels[0]))[CLASS_IDS].numpy()[np.newaxis]
            return model.signatures[PREDICT_PIXELS](pixels=tf.constant(pixels, tf.float32))[LOGITS].numpy()

        return predict

    def run_inference(
        self, batch: Sequence[ReadyPhoto], model: Predict, inference_args: dict[str, Any] | None = None
    ) -> Iterable[PredictedPhoto]:
        """See the base class."""
        for photo, answer in zip(batch, model(np.stack([photo.pixels for photo in batch])), strict=True):
            if self._info.tiled:
                yield PredictedPhoto(photo, answer, answer)
            else:
                class_ids = np.argmax(answer, axis=-1).astype(np.uint8)
                box = photo_box((photo.height, photo.width), answer.shape[:2], self._info.fit)
                mask = enlarged_class_ids(answer[box.slices], photo.height, photo.width)
                yield PredictedPhoto(photo, class_ids, mask)

    def batch_elements_kwargs(self) -> dict[str, Any]:
        """See the base class; photos fitted into one size take the same bytes, so that their number bounds a batch."""
        most = (
            1 if self._info.tiled else max(1, min(MAX_BATCH, BATCH_BYTES // (sides(self._info.image_size).pixels * 3)))
        )
        return {"min_batch_size": 1, "max_batch_size": most}

    def get_metrics_namespace(self) -> str:
        """See the base class."""
        return "predict"


def _copy(source: str, target: str) -> str:
    """Copies a folder that TensorFlow can't read into a local one, and returns that."""
    for path, _ in files_below(source):
        relative = path.removeprefix(f"{source}/")
        if ".." in relative.split("/"):
            raise ValueError(f"{path}: leaves the model's folder")
        local = Path(target, relative)
        local.parent.mkdir(parents=True, exist_ok=True)
        local.write_bytes(read_file(path))
    return target


def mask_path(output: str, image_id: str) -> str:
    """Where the mask of an id is written."""
    return posixpath.join(output, "masks", f"{image_id}.png")
