"""A model's predictions for the evaluation images: figures of all, and pictures of the worst, the best and a sample."""

from __future__ import annotations

import bisect
import hashlib
import io
import math
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import cache, partial
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import tensorflow as tf
from PIL import Image

from schemas import features
from schemas.exported_model import EVALUATE, EXAMPLES, IMAGE_BYTES, OWN_SIZE_CONFUSION_MATRIX, SERVING_DEFAULT
from schemas.fitting import Fit, photo_box
from schemas.manifest import Manifest
from schemas.metrics import class_iou, confusion_matrix, mean_iou
from tfx_pipeline.evaluation.served_masks import masks_of

BATCH_SIZE = 16
WORST, BEST = 24, 6  # kept of all images
WORST_OF_CLASS = 6  # kept for each class,
CLASS_PICTURES = 144  # but not more than so many for all classes together, or one for each
SAMPLED = 128  # enough for a sheet of easy, typical and hard images, few enough to keep
MAX_SIDE = 512  # pixels of a kept image


@dataclass(frozen=True)
class Prediction:
    """One evaluation image; `photo` uint8 [H, W, 3], `truth` and `predicted` uint8 [S, S] class ids, without padding.

    Where `truth` is IGNORE_ID, the prediction does not count. `source` is height and width of the photo at its source;
    empty where the record does not say.
    """

    image_id: str
    photo: np.ndarray
    truth: np.ndarray
    predicted: np.ndarray
    iou: float
    source: tuple[int, ...] = ()


class Figures(NamedTuple):
    """What the figures of one evaluation image follow from.

    Attributes:
      image_id: Its id.
      matrix: Confusion matrix int64 [C, C].
      slices: The values of the data set's slices.
      own_size_matrix: The same at the photo's own size; None where it is not measured.
    """

    image_id: str
    matrix: np.ndarray
    slices: tuple[str, ...]
    own_size_matrix: np.ndarray | None = None


class Predictions(NamedTuple):
    """The predictions that are kept, out of the whole eval split.

    Attributes:
      count: How many there were in all.
      worst, best: Those with the lowest and the highest mean IoU, the most extreme first; ties by id.
      sample: Some, chosen by a hash of the id.
      worst_of_class: For each class id, those of the images that show the class with the lowest IoU of it, which is
        their `iou`.
      milliseconds: That the model took for an image; None where there are too few to measure it.
    """

    count: int
    worst: list[Prediction]
    best: list[Prediction]
    sample: list[Prediction]
    worst_of_class: Sequence[list[Prediction]] = ()
    milliseconds: float | None = None


def predict_examples(
    model: Path,
    version_dir: Path,
    manifest: Manifest,
    num_classes: int,
    slices: Sequence[str] = (),
    note: Callable[[Figures], None] = lambda figures: None,
) -> Predictions:
    """Predicts every evaluation image, and keeps some of the predictions.

    Takes about as long as another evaluation, or as two where records hold masks at the photos' own sizes. Only the
    kept predictions are held in memory.

    Args:
      model: SavedModel whose `serving_default` maps `image_bytes` [N] to `class_ids` [N, S, S], or to `mask_bytes`.
      version_dir: The published version with its `manifest`.
      num_classes: C.
      slices: Names of the data set's slices.
      note: Called with the figures of each image, in the order of the records.
    """
    loaded = tf.saved_model.load(str(model))
    predict = loaded.signatures[SERVING_DEFAULT]
    shards = [str(version_dir / shard.path) for shard in manifest.splits[features.EVAL].shards]
    numbers = (features.SOURCE_HEIGHT, features.SOURCE_WIDTH)
    texts = (features.IMAGE, features.MASK, features.IMAGE_ID, *slices)
    # Only letterboxed records are asked for their photos' sizes, and these always have them.
    description = {name: tf.io.FixedLenFeature([], tf.int64, default_value=1) for name in numbers}
    description |= {name: tf.io.FixedLenFeature([], tf.string) for name in texts}
    worst, best, sample = _Least(WORST), _Least(BEST), _Least(SAMPLED)
    of_class = [_Least(min(WORST_OF_CLASS, max(1, CLASS_PICTURES // num_classes))) for _ in range(num_classes)]
    count, seconds = 0, _Seconds()
    own_size = _own_size_matrices(loaded, num_classes) if manifest.has_source_masks else None
    records = tf.data.TFRecordDataset(shards).batch(BATCH_SIZE)
    for serialized, batch in records.map(lambda some: (some, tf.io.parse_example(some, description))):
        own_matrices = own_size(serialized) if own_size else None
        heights, widths, photos, masks, ids, *values = (np.asarray(batch[name]) for name in description)
        with seconds.measured(len(ids)):
            answers = list(masks_of(predict(**{IMAGE_BYTES: batch[features.IMAGE]})))
        for index, predicted in enumerate(answers):
            image_id = ids[index].decode()
            height, width = predicted.shape
            truth = Image.open(io.BytesIO(masks[index]))
            truth_ids = np.asarray(truth.resize((width, height), Image.Resampling.NEAREST))
            source = int(heights[index]), int(widths[index])
            cut = partial(_without_padding, source=source, fit=manifest.fit)
            truth_ids, predicted = cut(truth_ids), cut(predicted)
            matrix = confusion_matrix(truth_ids, predicted, num_classes)
            iou, ious = float(mean_iou(matrix)), class_iou(matrix)
            own_matrix = own_matrices[index] if own_matrices is not None else None
            note(Figures(image_id, matrix, tuple(one[index].decode() for one in values), own_matrix))
            count += 1
            if not math.isfinite(iou):  # a mask of ignored pixels alone
                continue
            make = cache(partial(_prediction, image_id, photos[index], cut, truth_ids, predicted, iou, source))
            worst.offer((iou, image_id), make)
            best.offer((-iou, image_id), make)
            sample.offer((hashlib.sha256(image_id.encode()).hexdigest(), image_id), make)
            for class_id in np.flatnonzero(matrix.sum(axis=1)):
                own = float(ious[class_id])
                of_class[class_id].offer((own, image_id), partial(_with_iou, make, own))
    worst_of_class = [one.kept() for one in of_class]
    return Predictions(count, worst.kept(), best.kept(), sample.kept(), worst_of_class, seconds.milliseconds)


class _Seconds:
    """How long the model takes for an image; its first batch, for which TensorFlow prepares, does not count."""

    def __init__(self) -> None:
        self._seconds, self._images, self._batches = 0.0, 0, 0

    @contextmanager
    def measured(self, images: int) -> Iterator[None]:
        start = time.perf_counter()
        yield
        if self._batches:
            self._seconds, self._images = self._seconds + time.perf_counter() - start, self._images + images
        self._batches += 1

    @property
    def milliseconds(self) -> float | None:
        return 1000 * self._seconds / self._images if self._images else None


def _own_size_matrices(loaded: Any, num_classes: int) -> Callable[[tf.Tensor], np.ndarray] | None:
    """What counts a batch of records at their photos' own sizes, int64 [N, C, C]; None where the model does not."""
    evaluate = loaded.signatures.get(EVALUATE)
    if evaluate is None or OWN_SIZE_CONFUSION_MATRIX not in evaluate.structured_outputs:
        return None

    def count(serialized: tf.Tensor) -> np.ndarray:
        matrices = evaluate(**{EXAMPLES: serialized})[OWN_SIZE_CONFUSION_MATRIX]
        return np.reshape(matrices, (-1, num_classes, num_classes))

    return count


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


def _prediction(
    image_id: str,
    photo: bytes,
    cut: Callable[[np.ndarray], np.ndarray],
    truth: np.ndarray,
    predicted: np.ndarray,
    iou: float,
    source: tuple[int, int],
) -> Prediction:
    image = Image.fromarray(cut(np.asarray(Image.open(io.BytesIO(photo)).convert("RGB"))))
    image.thumbnail((MAX_SIDE, MAX_SIDE))
    return Prediction(image_id, np.asarray(image), _smaller(truth), _smaller(predicted), iou, source)


def _with_iou(make: Callable[[], Prediction], iou: float) -> Prediction:
    return replace(make(), iou=iou)  # the pictures are shared


def _without_padding(pixels: np.ndarray, source: Sequence[int], fit: Fit) -> np.ndarray:
    """The part of an image or a mask [H, W, ...] that shows the photo, whose source has that height and width."""
    return pixels[photo_box(source, pixels.shape[:2], fit).slices]


def _smaller(class_ids: np.ndarray) -> np.ndarray:
    """The prediction at the size that is kept and shown."""
    picture = Image.fromarray(class_ids)
    picture.thumbnail((MAX_SIDE, MAX_SIDE), Image.Resampling.NEAREST)
    return np.asarray(picture)
