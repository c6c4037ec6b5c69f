"""What the models have in common: the enlarged input, normalized convolutions, the check of the image's size."""

from __future__ import annotations

import keras
from keras import layers

from schemas.errors import UserError
from trainer.config import TrainingConfig
from trainer.requirements import size_problem

ENCODER = "encoder"  # name of the submodel that can start from weights, and is then frozen in the first phase
BATCH_NORM_MOMENTUM = 0.9  # Keras' 0.99 and MobileNetV2's 0.999 lag for hundreds of steps; a small data set has few


def check_image_size(config: TrainingConfig, image_size: int) -> None:
    """Raises UserError if the encoder's input is not a multiple of its stride."""
    if problem := size_problem(config, image_size):
        raise UserError(problem)


def enlarged_input(config: TrainingConfig, image_size: int) -> tuple[keras.KerasTensor, keras.KerasTensor]:
    """Returns the model's input, images [N, S, S, 3], and the same images enlarged for the encoder."""
    # Keras declares no types; pyright infers that one shape could give a list.
    images: keras.KerasTensor = keras.Input((image_size, image_size, 3), name="images")  # pyright: ignore[reportAssignmentType]
    if config.encoder_scale == 1:
        return images, images
    return images, layers.UpSampling2D(config.encoder_scale, interpolation="bilinear", name="enlarge")(images)


def update_statistics_faster(encoder: keras.Model) -> None:
    """Gives every batch normalization of an encoder BATCH_NORM_MOMENTUM, in submodels too."""
    for layer in encoder._flatten_layers(include_self=False):
        if isinstance(layer, layers.BatchNormalization):
            layer.momentum = BATCH_NORM_MOMENTUM


def normalize(x: keras.KerasTensor, name: str) -> keras.KerasTensor:
    """Applies batch normalization and ReLU."""
    x = layers.BatchNormalization(momentum=BATCH_NORM_MOMENTUM, name=f"{name}_norm")(x)
    return layers.ReLU(name=f"{name}_relu")(x)


def side_of(x: keras.KerasTensor) -> int:
    """H of features [N, H, H, C]; ValueError where it is not known while a model is built."""
    side = x.shape[1]
    if side is None:
        raise ValueError(f"features must have a known side, got shape {x.shape}")
    return side


def resize_to(x: keras.KerasTensor, size: int, name: str) -> keras.KerasTensor:
    """Enlarges [N, H, H, C] bilinearly to [N, size, size, C]; `size` is a multiple of H, and H changes nothing."""
    factor = size // side_of(x)
    return x if factor == 1 else layers.UpSampling2D(factor, interpolation="bilinear", name=name)(x)
