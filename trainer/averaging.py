"""Answers averaged over several views of a photo: its mirror image, and both of them at other sizes.

A pass of the network for each view, so an answer takes as much longer; the weights are those of the one network.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple

import keras
import tensorflow as tf

from schemas.image_size import sides
from trainer.config import NO_WEIGHTS, TrainingConfig
from trainer.graphs import graph
from trainer.models import build_model
from trainer.preprocessing import CHANNELS
from trainer.requirements import sizes_at_scales

Network = Callable[[tf.Tensor], tf.Tensor]  # images float32 [N, S, T, 3] in [-1, 1] to logits float32 [N, S, T, C]


class Averaging(NamedTuple):
    """Which views of a photo an answer is the mean of, beside the photo itself.

    Attributes:
      mirrored: Whether its mirror image is one, at each size.
      networks: The network at each other size; it takes and gives what the network itself does.
    """

    mirrored: bool = False
    networks: Sequence[Network] = ()

    def mean(self, logits: tf.Tensor, images: tf.Tensor, network: Network) -> tf.Tensor:
        """The mean over all views: float32 [N, S, T, C].

        Args:
          logits: What `network` gives for the images, float32 [N, S, T, C].
          images: float32 [N, S, T, 3] in [-1, 1].
          network: The network at the images' size.
        """
        views = [logits, *(one(images) for one in self.networks)]
        if self.mirrored:
            mirrored = tf.reverse(images, axis=[2])
            views += [tf.reverse(one(mirrored), axis=[2]) for one in (network, *self.networks)]
        return tf.add_n(views) / len(views) if len(views) > 1 else logits


ONE_VIEW = Averaging()


def averaging_of(config: TrainingConfig, model: keras.Model, model_size: int | str, num_classes: int) -> Averaging:
    """The views that the configuration asks for, of a model that `build_model` made for this size."""
    other = config.model_copy(update={"encoder_weights": NO_WEIGHTS})
    sizes = sizes_at_scales(config, model_size)
    return Averaging(
        config.average_mirrored, [_at_size(model, build_model(other, size, num_classes), model_size) for size in sizes]
    )


def _at_size(model: keras.Model, other: keras.Model, model_size: int | str) -> Network:
    """`other`, the same network as `model` for another size, with the weights of `model`, which are not copied."""
    size = sides(model_size)
    weights = [(theirs, ours.value) for theirs, ours in zip(other.variables, model.variables, strict=True)]

    @graph(input_signature=[tf.TensorSpec([None, *size, CHANNELS], tf.float32)])
    def network(images: tf.Tensor) -> tf.Tensor:
        seen = tf.image.resize(images, other.input_shape[1:3])
        with keras.StatelessScope(state_mapping=weights):
            logits = other(seen, training=False)
        return tf.image.resize(logits, size)

    return network
