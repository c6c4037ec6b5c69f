"""An exported model for Beam's RunInference, in batches bounded by bytes."""

from __future__ import annotations

import posixpath
import resource
import tempfile
import time
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from apache_beam.ml.inference import base
from apache_beam.ml.inference.base import ModelHandler

from beam_jobs.predict.request import RUNTIMES, SAVED_MODEL
from beam_jobs.records.tf_example import Value
from beam_jobs.served.measures import measured
from beam_jobs.storage.files import files_below, read_file, read_part
from beam_jobs.storage.locations import wildcard_problem
from schemas.documents import MAX_JSON_BYTES
from schemas.enlarging import enlarged_class_ids
from schemas.errors import UserError
from schemas.exported_model import (
    CLASS_IDS,
    EXTRA_FOLDER,
    FEATURE_HASHES,
    INFO_PATH,
    LOGITS,
    OBSERVE_IMAGE,
    OBSERVE_PIXELS,
    PREDICT_IMAGE,
    PREDICT_PIXELS,
    SAVED_MODEL_FILE,
    ModelInfo,
    parse_model_info,
)
from schemas.fitting import photo_box
from schemas.image_size import sides
from schemas.served import LATENCY

# Beam 2.74 takes `resource` for missing where PyTorch is missing, and then warns that it can't measure a model's memory
base.resource = base.resource or resource

BATCH_BYTES = 32 << 20  # 32 MiB of pixels
MAX_BATCH = 64  # a model's inner layers take a hundred times its input's memory


class Answers(NamedTuple):
    """A model's answers to N photos.

    Attributes:
      pixels: Logits; of a tiled model class ids.
      hashes: Of features, uint8 [N, 32], where there are any.
      grid: Logits of an even grid of the pixels of a tiled model, float32 [N, h, w, C], where it gives them.
    """

    pixels: np.ndarray
    hashes: np.ndarray | None = None
    grid: np.ndarray | None = None


Predict = Callable[[np.ndarray], Answers]


def read_model_info(model_dir: str, option: str = "--model") -> ModelInfo:
    """Reads the information beside an exported model; UserError, which names the option, if the folder has none."""
    path = f"{model_dir}/{INFO_PATH}"
    try:
        data = read_part(path, 0, MAX_JSON_BYTES + 1)
        read_part(f"{model_dir}/{SAVED_MODEL_FILE}", 0, 1)
    except (OSError, ValueError) as error:  # ValueError: no file system for the scheme
        reason = getattr(error, "strerror", None) or str(error)
        raise UserError(
            f"{option} {model_dir}: no exported model ({reason}); give a folder such as OUTPUT/serving/1700000000"
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
      split: Of a published version that it is in; empty where there is none.
      kept: The whole photo as it is kept in the log; empty where it is not.
      file_name: Of its mask, without the extension; empty where none is written.
    """

    image_id: str
    uri: str
    pixels: np.ndarray
    width: int
    height: int
    truth: bytes
    split: str = ""
    kept: bytes = b""
    file_name: str = ""


class PredictedPhoto(NamedTuple):
    """The model's prediction for a photo.

    Attributes:
      photo: The photo.
      class_ids: uint8, as large as the pixels that the model saw, padding included.
      mask: The same as large as the upright photo, uint8 [H, W].
      values: What is logged of it; None where nothing is.
    """

    photo: ReadyPhoto
    class_ids: np.ndarray
    mask: np.ndarray
    values: dict[str, Value] | None = None


class SegmentationModel(ModelHandler[ReadyPhoto, PredictedPhoto, Predict]):
    """Loads an exported model once per process, from any place that Beam can read, and predicts masks.

    Args:
      model_dir: Folder of the model.
      info: Its model_info.json.
      measures: Whether to measure what is logged of an answer.
      alone: Whether each photo is a batch of its own, as an endpoint answers it, so that its time is its own; else Beam
        looks for the fastest size.
      runtime: One of RUNTIMES that `check_runtime` allows.
      threads: Of LiteRT in each process; TensorFlow takes all processors.
    """

    def __init__(
        self,
        model_dir: str,
        info: ModelInfo,
        measures: bool = False,
        alone: bool = False,
        runtime: str = SAVED_MODEL,
        threads: int = 1,
    ):
        super().__init__()
        self._file, self._threads = RUNTIMES[runtime], threads
        self._alone = alone
        self._model_dir = model_dir
        self._info = info
        self._measures = measures

    def load_model(self) -> Predict:
        """The model from uint8 [N, H, W, 3] to logits [N, H, W, C], with hashes of features where these are measured
        and the model gives them; a tiled one from [1, H, W, 3] to class ids."""
        return self._load_tflite() if self._file else self._load_saved_model()

    def _load_tflite(self) -> Predict:
        from ai_edge_litert.interpreter import Interpreter

        data = read_file(f"{self._model_dir}/{EXTRA_FOLDER}/{self._file}")
        interpreter = Interpreter(model_content=data, num_threads=self._threads)
        run = interpreter.get_signature_runner(PREDICT_PIXELS)  # of one photo; it keeps no reference to its interpreter

        def predict(pixels: np.ndarray, _: Any = interpreter) -> Answers:
            logits, hashes = [], []
            for one in pixels:
                outputs = run(pixels=one[np.newaxis].astype(np.float32))
                logits.append(outputs[LOGITS][0].copy())
                if FEATURE_HASHES in outputs:  # files of earlier versions have none
                    hashes.append(outputs[FEATURE_HASHES][0].copy())
            return Answers(np.stack(logits), np.stack(hashes) if hashes else None)

        return self._warm(predict)

    def _load_saved_model(self) -> Predict:
        import tensorflow as tf

        # TensorFlow reads a bucket with its own credentials, and treats some paths as patterns
        elsewhere = "://" in self._model_dir or wildcard_problem(self._model_dir)
        with tempfile.TemporaryDirectory() as copied:
            folder = _copy(self._model_dir, copied) if elsewhere else self._model_dir
            model = tf.saved_model.load(folder)

        observing = OBSERVE_IMAGE if self._info.tiled else OBSERVE_PIXELS
        observes = self._measures and observing in model.signatures

        def predict(pixels: np.ndarray) -> Answers:
            if self._info.tiled:
                signature = model.signatures[observing if observes else PREDICT_IMAGE]
                found = signature(pixels=tf.constant(pixels[0]))
                outputs = {name: one.numpy()[np.newaxis] for name, one in found.items()}
                return Answers(outputs[CLASS_IDS], outputs.get(FEATURE_HASHES), outputs.get(LOGITS))
            signature = model.signatures[observing if observes else PREDICT_PIXELS]
            outputs = signature(pixels=tf.constant(pixels, tf.float32))
            return Answers(outputs[LOGITS].numpy(), outputs[FEATURE_HASHES].numpy() if observes else None)

        return self._warm(predict)

    def _warm(self, predict: Predict) -> Predict:
        """Calls it once where answers are measured: what the first call sets up is not the time of a photo."""
        if self._measures:
            predict(np.zeros((1, *sides(self._info.image_size), 3), np.uint8))
        return predict

    def run_inference(
        self, batch: Sequence[ReadyPhoto], model: Predict, inference_args: dict[str, Any] | None = None
    ) -> Iterable[PredictedPhoto]:
        """See the base class."""
        start = time.perf_counter()
        answers, hashes, grid = model(np.stack([photo.pixels for photo in batch]))
        milliseconds = 1000 * (time.perf_counter() - start) / len(batch)
        for index, (photo, answer) in enumerate(zip(batch, answers, strict=True)):
            if self._info.tiled:
                predicted = PredictedPhoto(photo, answer, answer)
                box, logits = (slice(None), slice(None)), None if grid is None else grid[index]
            else:
                class_ids = np.argmax(answer, axis=-1).astype(np.uint8)
                box = photo_box((photo.height, photo.width), answer.shape[:2], self._info.fit).slices
                logits = answer[box]
                mask = enlarged_class_ids(logits, photo.height, photo.width)
                predicted = PredictedPhoto(photo, class_ids, mask)
            if self._measures:
                size = (photo.height, photo.width)
                hashed = None if hashes is None else hashes[index].tobytes()
                ids, pixels = predicted.class_ids[box], photo.pixels[box]
                values = measured(pixels, ids, self._info.classes, size, logits, hashed)
                predicted = predicted._replace(values={**values, LATENCY: milliseconds})
            yield predicted

    def batch_elements_kwargs(self) -> dict[str, Any]:
        """See the base class; photos fitted into one size take the same bytes, so that their number bounds a batch."""
        size = sides(self._info.image_size).pixels * 3
        most = 1 if self._alone or self._info.tiled else max(1, min(MAX_BATCH, BATCH_BYTES // size))
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


def mask_path(output: str, file_name: str) -> str:
    """Where a mask is written."""
    return posixpath.join(output, "masks", f"{file_name}.png")
