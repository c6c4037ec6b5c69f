"""U-Net: a MobileNetV2 encoder and a light decoder of separable convolutions.

O. Ronneberger, P. Fischer, T. Brox, "U-Net: Convolutional Networks for Biomedical Image Segmentation", MICCAI 2015.
"""

from __future__ import annotations

import keras
from keras import layers

from trainer.config import TrainingConfig
from trainer.models.blocks import check_image_size, enlarged_input, normalize
from trainer.models.mobilenet import BOTTLENECK, SKIPS, mobilenet_encoder

REFINEMENTS, FINEST_REFINEMENTS = 2, 1  # separable convolutions per decoder block


def build_unet(config: TrainingConfig, image_size: int, num_classes: int) -> keras.Model:
    """Builds the U-Net; see `trainer.models.build_model`."""
    check_image_size(config, image_size)
    encoder = mobilenet_encoder(config, image_size * config.encoder_scale, (BOTTLENECK, *SKIPS))
    images, enlarged = enlarged_input(config, image_size)
    features = encoder(enlarged)
    x, skips = features[0], list(features[1:])
    if config.encoder_scale == 1:  # the encoder's first skip has half the image's size
        stem = layers.Conv2D(config.decoder_filters, 3, padding="same", use_bias=False, name="stem")(images)
        skips.append(normalize(stem, "stem"))
    for index, skip in enumerate(skips):
        filters = config.decoder_filters * max(1, 4 - index)
        finest = index == len(skips) - 1
        x = _decoder_block(x, skip, filters, FINEST_REFINEMENTS if finest else REFINEMENTS, f"decoder_{index}")
    logits = layers.Conv2D(num_classes, 1, name="logits")(x)
    return keras.Model(images, logits, name="unet")


def _decoder_block(
    x: keras.KerasTensor, skip: keras.KerasTensor, filters: int, refinements: int, name: str
) -> keras.KerasTensor:
    """Doubles the size of `x` and merges the skip; both are narrowed first, since wide maps are what costs time."""
    x = layers.Conv2D(filters, 1, use_bias=False, name=f"{name}_narrow")(x)
    x = layers.UpSampling2D(2, interpolation="bilinear", name=f"{name}_enlarge")(x)
    skip = layers.Conv2D(filters, 1, use_bias=False, name=f"{name}_skip")(skip)
    x = normalize(layers.Add(name=f"{name}_merge")([x, skip]), f"{name}_merged")
    for index in range(refinements):
        refined = layers.SeparableConv2D(filters, 3, padding="same", use_bias=False, name=f"{name}_refine_{index}")(x)
        x = layers.Add(name=f"{name}_residual_{index}")([x, normalize(refined, f"{name}_refined_{index}")])
    return x
