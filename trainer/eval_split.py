"""The evaluation split during training: its confusion matrix, and a few of its photos for TensorBoard."""

from __future__ import annotations

from collections.abc import Sequence

import keras
import numpy as np
import tensorflow as tf

from schemas.metrics import Counts
from trainer.augmentation import center_crop
from trainer.boundaries import batch_boundary_counts
from trainer.config import TrainingConfig
from trainer.confusion import batch_confusion_matrices
from trainer.input_pipeline import evaluation_batches
from trainer.preprocessing import unscale_pixels
from trainer.tensorboard import PANELS
from trainer.tiling import predict_tiles

BATCH_SIZE = 32


class EvalSplit:
    """Evaluates the model with its current weights on the evaluation split."""

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
        def counts_of(images: tf.Tensor, masks: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
            predicted = predicted_ids(images)
            matrices = batch_confusion_matrices(masks, predicted, num_classes)
            boundaries = batch_boundary_counts(masks, predicted, num_classes)
            return tf.reduce_sum(matrices, axis=0), tf.reduce_sum(boundaries, axis=0)

        self._counts_of = counts_of

    def counts(self) -> Counts:
        """Counts of the whole split."""
        counted = [[one.numpy() for one in self._counts_of(images, masks)] for images, masks in self._batches]
        matrices, boundaries = zip(*counted)
        return Counts(np.sum(matrices, axis=0), np.sum(boundaries, axis=0))

    def panels(self) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """The middle of the first photos, uint8 [N, S, S, 3], with their class ids and the predicted ones [N, S, S]."""
        examples = self._batches.unbatch().take(PANELS)
        cropped = examples.map(lambda image, mask: center_crop(image, mask, self._size))
        images, masks = next(iter(cropped.batch(PANELS)))
        predicted = tf.argmax(self._model(images, training=False), axis=-1)
        return unscale_pixels(images).numpy(), masks.numpy(), predicted.numpy()
