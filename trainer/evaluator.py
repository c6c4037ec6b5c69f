"""What training sees of the evaluation split."""

from __future__ import annotations

from collections.abc import Sequence

import keras
import numpy as np
import tensorflow as tf

from trainer.augmentation import center_crop
from trainer.board import PANELS
from trainer.config import TrainingConfig
from trainer.confusion import batch_confusion_matrices
from trainer.input_pipeline import evaluation_batches
from trainer.preprocessing import unscale_pixels
from trainer.tiling import predict_tiles

BATCH_SIZE = 32


class Evaluator:
    """Looks at the evaluation split with the weights as they are."""

    def __init__(
        self,
        config: TrainingConfig,
        model: keras.Model,
        shards: Sequence[str],
        image_size: int,
        num_classes: int,
    ):
        self._model = model
        self._size = config.model_size(image_size)
        self._batches = evaluation_batches(shards, image_size, 1 if config.crop_size else BATCH_SIZE)

        def predicted_ids(images: tf.Tensor) -> tf.Tensor:
            if not config.crop_size:
                return tf.argmax(model(images, training=False), axis=-1)
            return predict_tiles(lambda tile: model(tile, training=False), images[0], self._size, num_classes)[None]

        @tf.function(reduce_retracing=True)
        def matrix_of(images: tf.Tensor, masks: tf.Tensor) -> tf.Tensor:
            return tf.reduce_sum(batch_confusion_matrices(masks, predicted_ids(images), num_classes), axis=0)

        self._matrix_of = matrix_of

    def matrix(self) -> np.ndarray:
        """The confusion matrix int64 [C, C] of the whole split."""
        return sum(self._matrix_of(images, masks).numpy() for images, masks in self._batches)

    def panels(self) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """The middle of the first photos, uint8 [N, S, S, 3], with their class ids and the predicted ones [N, S, S]."""
        examples = self._batches.unbatch().take(PANELS)
        cropped = examples.map(lambda image, mask: center_crop(image, mask, self._size))
        images, masks = next(iter(cropped.batch(PANELS)))
        predicted = tf.argmax(self._model(images, training=False), axis=-1)
        return unscale_pixels(images).numpy(), masks.numpy(), predicted.numpy()
