"""Models by name: each builder maps (config, image size, number of classes) to a Keras model of logits."""

from __future__ import annotations

from collections.abc import Callable

import keras

from trainer.config import TrainingConfig
from trainer.models.deeplab import build_deeplab
from trainer.models.preset import build_preset
from trainer.models.segformer import build_segformer
from trainer.models.small_unet import build_small_unet
from trainer.models.unet import build_unet

BUILDERS: dict[str, Callable[[TrainingConfig, int | str, int], keras.Model]] = {
    "deeplabv3plus": build_deeplab,
    "preset": build_preset,
    "segformer": build_segformer,
    "small_unet": build_small_unet,
    "unet": build_unet,
}


def build_model(config: TrainingConfig, image_size: int | str, num_classes: int) -> keras.Model:
    """Builds the model that the configuration names.

    Returns:
      A model from float32 [N, S, T, 3] in [-1, 1] to logits float32 [N, S, T, C], with a submodel called `encoder`;
      [S, T] is the height and width that `image_size` says, see `schemas.image_size`.

    Raises:
      UserError: The weights or the image size do not fit the model.
    """
    return BUILDERS[config.model](config, image_size, num_classes)
