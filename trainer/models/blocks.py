"""What the models have in common: the enlarged input, normalized convolutions, the check of the image's size."""

from __future__ import annotations

import keras
from keras import layers

from schemas.errors import UserError
from schemas.image_size import Sides, sides
from trainer.config import TrainingConfig
from trainer.requirements import size_problem

ENCODER = "encoder"  # name of the submodel that can start from weights, and is then frozen in the first phase
BATCH_NORM_MOMENTUM = 0.9  # Keras' 0.99 and MobileNetV2's 0.999 lag for hundreds of steps; a small data set has few


def check_image_size(config: TrainingConfig, image_size: int | str) -> None:
    """Raises UserError if the encoder's input is not a multiple of its stride."""
    if problem := size_problem(config, image_size):
        raise UserError(problem)


def enlarged_input(config: TrainingConfig, image_size: int | str) -> tuple[keras.KerasTensor, keras.KerasTensor]:
    """Returns the model's input, images [N, S, T, 3], and the same images enlarged for the encoder."""
    # Keras declares no types; pyright infers that one shape could give a list.
    images: keras.KerasTensor = keras.Input((*sides(image_size), 3), name="images")  # pyright: ignore[reportAssignmentType]
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


def sides_of(x: keras.KerasTensor) -> Sides:
    """[H, W] of features [N, H, W, C]; ValueError where they are not known while a model is built."""
    height, width = x.shape[1:3]
    if height is None or width is None:
        raise ValueError(f"features must have known sides, got shape {x.shape}")
    return Sides(height, width)


def resize_to(x: keras.KerasTensor, size: Sides, name: str) -> keras.KerasTensor:
    """Enlarges [N, H, W, C] bilinearly to [N, *size, C]; `size` is a multiple, and the same size changes nothing."""
    have = sides_of(x)
    factors = (size.height // have.height, size.width // have.width)
    return x if factors == (1, 1) else layers.UpSampling2D(factors, interpolation="bilinear", name=name)(x)
