"""The evaluation split during training: its confusion matrix, and a few of its photos for TensorBoard."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

import keras
import numpy as np
import tensorflow as tf

from schemas.metrics import Counts
from trainer.augmentation import center_crop
from trainer.boundaries import batch_boundary_counts
from trainer.config import TrainingConfig
from trainer.confusion import batch_confusion_matrices
from trainer.graphs import graph, unconverted
from trainer.input_pipeline import evaluation_batches
from trainer.losses import Loss
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
        image_size: int | str,
        num_classes: int,
        loss: Loss,
    ):
        self._model = model
        self._size = config.model_size(image_size)
        self._batches = evaluation_batches(shards, image_size, 1 if config.crop_size else BATCH_SIZE)

        def predictions(images: tf.Tensor, masks: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
            """Class ids [N, H, W], and the loss."""
            if not config.crop_size:
                logits = model(images, training=False)
                return tf.argmax(logits, axis=-1), loss(masks, logits)
            logits_of = partial(model, training=False)
            ids = predict_tiles(logits_of, images[0], config.crop_size, num_classes)
            middle, truth = center_crop(images[0], masks[0], self._size)
            return ids[None], loss(truth[None], model(middle[None], training=False))

        # Traced once for batches of any size: the last is smaller than the others, and would be traced for itself.
        @graph(input_signature=self._batches.element_spec)
        def measured(images: tf.Tensor, masks: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor, tf.Tensor]:
            predicted, loss = predictions(images, masks)
            matrices = batch_confusion_matrices(masks, predicted, num_classes)
            boundaries = batch_boundary_counts(masks, predicted, num_classes)
            return tf.reduce_sum(matrices, axis=0), tf.reduce_sum(boundaries, axis=0), loss

        self._measured = measured

    def measure(self) -> tuple[Counts, float]:
        """Counts of the whole split, and its mean loss over photos; a crop model's is that of the photos' middles."""
        counted = [
            (len(images), *(one.numpy() for one in self._measured(images, masks))) for images, masks in self._batches
        ]
        photos, matrices, boundaries, losses = zip(*counted)
        return Counts(np.sum(matrices, axis=0), np.sum(boundaries, axis=0)), float(np.average(losses, weights=photos))

    def panels(self) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """The middle of the first photos, uint8 [N, H, W, 3], with their class ids and the predicted ones [N, H, W]."""
        examples = self._batches.unbatch().take(PANELS)
        cropped = examples.map(unconverted(lambda image, mask: center_crop(image, mask, self._size)))
        images, masks = next(iter(cropped.batch(PANELS)))
        predicted = tf.argmax(self._model(images, training=False), axis=-1)
        return unscale_pixels(images).numpy(), masks.numpy(), predicted.numpy()
