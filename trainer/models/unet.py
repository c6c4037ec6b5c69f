"""U-Net: a MobileNetV2 encoder and a light decoder of separable convolutions.

O. Ronneberger, P. Fischer, T. Brox, "U-Net", MICCAI 2015; M. Sandler et al., "MobileNetV2", CVPR 2018.
"""

from __future__ import annotations

from pathlib import Path

import keras
from keras import layers

from schemas.errors import UserError
from trainer.config import TrainingConfig

ENCODER = "encoder"
BOTTLENECK = "out_relu"  # 1/32 of the encoder's input
SKIPS = ("block_13_expand_relu", "block_6_expand_relu", "block_3_expand_relu", "block_1_expand_relu")  # 1/16 to 1/2
REFINEMENTS, FINEST_REFINEMENTS = 2, 1  # separable convolutions per decoder block
BATCH_NORM_MOMENTUM = 0.9  # Keras' 0.99 and MobileNetV2's 0.999 lag for hundreds of steps; a small data set has few


def build_unet(config: TrainingConfig, image_size: int, num_classes: int) -> keras.Model:
    """Builds the U-Net; see `trainer.models.build_model`."""
    if (image_size * config.encoder_scale) % 32:
        raise UserError(f"image_size {image_size} x encoder_scale {config.encoder_scale} must be a multiple of 32")
    encoder = _encoder(config, image_size * config.encoder_scale)
    images = keras.Input((image_size, image_size, 3), name="images")
    enlarged = images
    if config.encoder_scale > 1:
        enlarged = layers.UpSampling2D(config.encoder_scale, interpolation="bilinear", name="enlarge")(images)
    features = encoder(enlarged)
    x, skips = features[0], list(features[1:])
    if config.encoder_scale == 1:  # the encoder's first skip has half the image's size
        stem = layers.Conv2D(config.decoder_filters, 3, padding="same", use_bias=False, name="stem")(images)
        skips.append(_normalize(stem, "stem"))
    for index, skip in enumerate(skips):
        filters = config.decoder_filters * max(1, 4 - index)
        finest = index == len(skips) - 1
        x = _decoder_block(x, skip, filters, FINEST_REFINEMENTS if finest else REFINEMENTS, f"decoder_{index}")
    logits = layers.Conv2D(num_classes, 1, name="logits")(x)
    return keras.Model(images, logits, name="unet")


def _encoder(config: TrainingConfig, input_size: int) -> keras.Model:
    weights = config.encoder_weights if config.encoder_is_pretrained else None
    if weights not in (None, "imagenet") and not Path(weights).is_file():
        raise UserError(f"encoder_weights: no file {weights!r}; give none, imagenet or a *_no_top.weights.h5 file")
    try:
        backbone = keras.applications.MobileNetV2(
            input_shape=(input_size, input_size, 3), alpha=config.encoder_width, include_top=False, weights=weights
        )
    except Exception as error:  # Keras raises whatever its reader or its downloader meets
        reason = (str(error).splitlines() or [type(error).__name__])[0]
        raise UserError(
            f"encoder_weights: {weights!r} cannot be used with encoder_width {config.encoder_width}: {reason}"
        ) from None
    for layer in backbone.layers:
        if isinstance(layer, layers.BatchNormalization):
            layer.momentum = BATCH_NORM_MOMENTUM
    outputs = [backbone.get_layer(name).output for name in (BOTTLENECK, *SKIPS)]
    return keras.Model(backbone.input, outputs, name=ENCODER)


def _decoder_block(
    x: keras.KerasTensor, skip: keras.KerasTensor, filters: int, refinements: int, name: str
) -> keras.KerasTensor:
    """Doubles the size of `x` and merges the skip; both are narrowed first, since wide maps are what costs time."""
    x = layers.Conv2D(filters, 1, use_bias=False, name=f"{name}_narrow")(x)
    x = layers.UpSampling2D(2, interpolation="bilinear", name=f"{name}_enlarge")(x)
    skip = layers.Conv2D(filters, 1, use_bias=False, name=f"{name}_skip")(skip)
    x = _normalize(layers.Add(name=f"{name}_merge")([x, skip]), f"{name}_merged")
    for index in range(refinements):
        refined = layers.SeparableConv2D(filters, 3, padding="same", use_bias=False, name=f"{name}_refine_{index}")(x)
        x = layers.Add(name=f"{name}_residual_{index}")([x, _normalize(refined, f"{name}_refined_{index}")])
    return x


def _normalize(x: keras.KerasTensor, name: str) -> keras.KerasTensor:
    x = layers.BatchNormalization(momentum=BATCH_NORM_MOMENTUM, name=f"{name}_norm")(x)
    return layers.ReLU(name=f"{name}_relu")(x)
