"""U-Net: any encoder and a light decoder of separable convolutions.

O. Ronneberger, P. Fischer, T. Brox, "U-Net: Convolutional Networks for Biomedical Image Segmentation", MICCAI 2015.
The decoder ends at the encoder's finest features, or at half the image's sides where these are coarser, and its logits
are enlarged: a block at the image's own size would take more time than everything else together.
"""

from __future__ import annotations

import keras
from keras import layers

from schemas.image_size import scaled, sides
from trainer.config import TrainingConfig
from trainer.models.blocks import check_image_size, enlarged_input, normalize, resize_to
from trainer.models.mobilenet import BOTTLENECK, SKIPS, mobilenet_encoder
from trainer.models.presets import preset_encoder

REFINEMENTS, FINEST_REFINEMENTS = 2, 1  # separable convolutions per decoder block


def build_unet(config: TrainingConfig, image_size: int | str, num_classes: int) -> keras.Model:
    """Builds the U-Net; see `trainer.models.build_model`."""
    check_image_size(config, image_size)
    encoder_size = scaled(image_size, config.encoder_scale)
    if config.encoder:
        encoder = preset_encoder(config, encoder_size)
    else:
        encoder = mobilenet_encoder(config, encoder_size, (BOTTLENECK, *SKIPS))
    images, enlarged = enlarged_input(config, image_size)
    features = encoder(enlarged)
    x, skips = features[0], list(features[1:])
    size = sides(image_size)
    while (rows := skips[-1].shape[1]) < size.height // 2:  # finer than the encoder's finest features
        stride = size.height // (2 * rows)
        name = f"stem_{stride}"
        stem = layers.Conv2D(config.decoder_filters, 3, stride, padding="same", use_bias=False, name=name)(images)
        skips.append(normalize(stem, name))
    for index, skip in enumerate(skips):
        filters = config.decoder_filters * max(1, 4 - index)
        finest = index == len(skips) - 1
        x = _decoder_block(x, skip, filters, FINEST_REFINEMENTS if finest else REFINEMENTS, f"decoder_{index}")
    logits = layers.Conv2D(num_classes, 1, name="logits")(x)
    return keras.Model(images, resize_to(logits, size, "enlarged_logits"), name="unet")


def _decoder_block(
    x: keras.KerasTensor, skip: keras.KerasTensor, filters: int, refinements: int, name: str
) -> keras.KerasTensor:
    """Doubles the size of `x` and merges the skip; both are narrowed first, because wide maps are slow."""
    x = layers.Conv2D(filters, 1, use_bias=False, name=f"{name}_narrow")(x)
    x = layers.UpSampling2D(2, interpolation="bilinear", name=f"{name}_enlarge")(x)
    skip = layers.Conv2D(filters, 1, use_bias=False, name=f"{name}_skip")(skip)
    x = normalize(layers.Add(name=f"{name}_merge")([x, skip]), f"{name}_merged")
    for index in range(refinements):
        refined = layers.SeparableConv2D(filters, 3, padding="same", use_bias=False, name=f"{name}_refine_{index}")(x)
        x = layers.Add(name=f"{name}_residual_{index}")([x, normalize(refined, f"{name}_refined_{index}")])
    return x
