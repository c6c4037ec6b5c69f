"""A small U-Net of plain convolutions, from scratch: for a CPU, and where there are no weights to start from.

O. Ronneberger, P. Fischer, T. Brox, "U-Net: Convolutional Networks for Biomedical Image Segmentation", MICCAI 2015,
with batch normalization, sums in place of concatenations, and residuals: K. He et al., "Deep Residual Learning for
Image Recognition", CVPR 2016. Its work lies in a few plain convolutions: MobileNetV2 from scratch computes less and
takes as long, because a CPU trains depthwise convolutions slowly. Features start at half the image's sides: those of
its own size took a third of each step. The last layer gives each pixel of 2x2 logits of its own, so borders stay sharp.
"""

from __future__ import annotations

import keras
from keras import layers

from schemas.image_size import sides
from trainer.config import TrainingConfig
from trainer.models.blocks import ENCODER, check_image_size, enlarged_input, normalize

WIDTHS = (2, 6, 12, 16)  # channels at 1/2 to 1/16 of the image, in multiples of `decoder_filters`


def build_small_unet(config: TrainingConfig, image_size: int | str, num_classes: int) -> keras.Model:
    """Builds the small U-Net; see `trainer.models.build_model`."""
    check_image_size(config, image_size)
    images, _ = enlarged_input(config, image_size)
    filters = [config.decoder_filters * width for width in WIDTHS]
    *skips, x = _encoder(image_size, filters)(images)
    for index, (skip, width) in reversed(list(enumerate(zip(skips, filters)))):
        name = f"decoder_{index}"
        x = layers.Conv2D(width, 1, use_bias=False, name=f"{name}_narrow")(x)
        x = layers.UpSampling2D(2, interpolation="bilinear", name=f"{name}_enlarge")(x)
        skip = layers.Conv2D(width, 1, use_bias=False, name=f"{name}_skip")(skip)
        x = normalize(layers.Add(name=f"{name}_merge")([x, skip]), f"{name}_merged")
        x = _residual(x, width, f"{name}_refine")
    logits = layers.Conv2DTranspose(num_classes, 2, strides=2, name="logits")(x)  # for each pixel of the 2x2 its own
    return keras.Model(images, logits, name="small_unet")


def _encoder(image_size: int | str, filters: list[int]) -> keras.Model:
    """Images to features at 1/2, 1/4 ... of their size, with the channels given."""
    # Keras declares no types; pyright infers that one shape could give a list.
    images: keras.KerasTensor = keras.Input((*sides(image_size), 3))  # pyright: ignore[reportAssignmentType]
    x, features = images, []
    for index, width in enumerate(filters):
        x = _residual(_convolution(x, width, f"encoder_{index}", stride=2), width, f"encoder_{index}_refine")
        features.append(x)
    return keras.Model(images, features, name=ENCODER)


def _convolution(x: keras.KerasTensor, filters: int, name: str, stride: int = 1) -> keras.KerasTensor:
    return normalize(layers.Conv2D(filters, 3, stride, padding="same", use_bias=False, name=name)(x), name)


def _residual(x: keras.KerasTensor, filters: int, name: str) -> keras.KerasTensor:
    return layers.Add(name=f"{name}_residual")([x, _convolution(x, filters, name)])
