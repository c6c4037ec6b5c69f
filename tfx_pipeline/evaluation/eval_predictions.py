"""A model's predictions for the evaluation images, of which the worst, the best and a sample are kept."""

from __future__ import annotations

import bisect
import hashlib
import io
import math
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import NamedTuple

import numpy as np
import tensorflow as tf
from PIL import Image

from schemas import features
from schemas.exported_model import IMAGE_BYTES, SERVING_DEFAULT
from schemas.manifest import Manifest
from schemas.metrics import confusion_matrix, mean_iou
from tfx_pipeline.evaluation.served_masks import masks_of

BATCH_SIZE = 16
EXTREMES = 6  # kept of the worst and of the best
SAMPLED = 128  # enough for a sheet of easy, typical and hard images, few enough to keep
MAX_SIDE = 512  # pixels of a kept image


@dataclass(frozen=True)
class Prediction:
    """One evaluation image; `photo` uint8 [H, W, 3], `truth` and `predicted` uint8 [S, S] class ids.

    Where `truth` is IGNORE_ID, the prediction does not count.
    """

    image_id: str
    photo: np.ndarray
    truth: np.ndarray
    predicted: np.ndarray
    iou: float


class Predictions(NamedTuple):
    """The predictions that are kept, out of the whole eval split.

    Attributes:
      count: How many there were in all.
      worst, best: Those with the lowest and the highest mean IoU, the most extreme first; ties by id.
      sample: Some, chosen by a hash of the id.
    """

    count: int
    worst: list[Prediction]
    best: list[Prediction]
    sample: list[Prediction]


def predict_examples(model: Path, version_dir: Path, manifest: Manifest, num_classes: int) -> Predictions:
    """Predicts every evaluation image, and keeps some of the predictions.

    Takes about as long as another evaluation. Only the kept predictions are held in memory.

    Args:
      model: SavedModel whose `serving_default` maps `image_bytes` [N] to `class_ids` [N, S, S], or to `mask_bytes`.
      version_dir: The published version with its `manifest`.
      num_classes: C.
    """
    loaded = tf.saved_model.load(str(model))
    predict = loaded.signatures[SERVING_DEFAULT]
    shards = [str(version_dir / shard.path) for shard in manifest.splits[features.EVAL].shards]
    description = {
        name: tf.io.FixedLenFeature([], tf.string) for name in (features.IMAGE, features.MASK, features.IMAGE_ID)
    }
    worst, best, sample = _Least(EXTREMES), _Least(EXTREMES), _Least(SAMPLED)
    count = 0
    records = tf.data.TFRecordDataset(shards).batch(BATCH_SIZE)
    for batch in records.map(lambda serialized: tf.io.parse_example(serialized, description)):
        photos, masks, ids = (np.asarray(batch[name]) for name in (features.IMAGE, features.MASK, features.IMAGE_ID))
        for index, predicted in enumerate(masks_of(predict(**{IMAGE_BYTES: batch[features.IMAGE]}))):
            image_id = ids[index].decode()
            height, width = predicted.shape
            truth = Image.open(io.BytesIO(masks[index]))
            truth_ids = np.asarray(truth.resize((width, height), Image.Resampling.NEAREST))
            iou = float(mean_iou(confusion_matrix(truth_ids, predicted, num_classes)))
            count += 1
            if not math.isfinite(iou):  # a mask of ignored pixels alone
                continue
            make = partial(_prediction, image_id, photos[index], truth_ids, predicted, iou)
            worst.offer((iou, image_id), make)
            best.offer((-iou, image_id), make)
            sample.offer((hashlib.sha256(image_id.encode()).hexdigest(), image_id), make)
    return Predictions(count, worst.kept(), best.kept(), sample.kept())


class _Least:
    """Keeps the predictions with the smallest keys, which are all different."""

    def __init__(self, size: int):
        self._size = size
        self._keys: list[tuple[float | str, str]] = []
        self._predictions: dict[tuple[float | str, str], Prediction] = {}

    def offer(self, key: tuple[float | str, str], make: Callable[[], Prediction]) -> None:
        """Keeps a prediction if its key is among the smallest so far; it is computed only then."""
        if len(self._keys) == self._size and key >= self._keys[-1]:
            return
        bisect.insort(self._keys, key)
        self._predictions[key] = make()
        for dropped in self._keys[self._size :]:
            del self._predictions[dropped]
        del self._keys[self._size :]

    def kept(self) -> list[Prediction]:
        """The kept predictions, in the order of their keys."""
        return [self._predictions[key] for key in self._keys]


def _prediction(image_id: str, photo: bytes, truth: np.ndarray, predicted: np.ndarray, iou: float) -> Prediction:
    image = Image.open(io.BytesIO(photo)).convert("RGB")
    image.thumbnail((MAX_SIDE, MAX_SIDE))
    return Prediction(image_id, np.asarray(image), _smaller(truth), _smaller(predicted), iou)


def _smaller(class_ids: np.ndarray) -> np.ndarray:
    """The prediction at the size that is kept and shown."""
    picture = Image.fromarray(class_ids)
    picture.thumbnail((MAX_SIDE, MAX_SIDE), Image.Resampling.NEAREST)
    return np.asarray(picture)
