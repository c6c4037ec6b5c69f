"""MobileNetV2 as encoder: M. Sandler et al., "MobileNetV2: Inverted Residuals and Linear Bottlenecks", CVPR 2018."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import keras
from keras import layers

from schemas.errors import UserError
from schemas.image_size import sides
from trainer.config import TrainingConfig
from trainer.models.blocks import ENCODER, update_statistics_faster

BOTTLENECK = "out_relu"  # 1/32 of the encoder's input
SKIPS = ("block_13_expand_relu", "block_6_expand_relu", "block_3_expand_relu", "block_1_expand_relu")  # 1/16 to 1/2
DILATED = ("block_14_depthwise", "block_15_depthwise", "block_16_depthwise")


def mobilenet_encoder(
    config: TrainingConfig, input_size: int | str, outputs: Sequence[str], atrous: bool = False
) -> keras.Model:
    """Builds the encoder: float32 [N, H, W, 3] in [-1, 1] to the named layers' outputs.

    Args:
      config: `encoder_width` and `encoder_weights` are used.
      input_size: H and W, each a multiple of 32, see `schemas.image_size`.
      outputs: Names of layers, such as BOTTLENECK and SKIPS.
      atrous: Whether the last stage keeps 1/16 of the input's size and widens its kernels instead, as DeepLab does.

    Raises:
      UserError: The weights are missing or do not fit.
    """
    weights = config.encoder_weights if config.encoder_is_pretrained else None
    if weights not in (None, "imagenet") and not Path(weights).is_file():
        raise UserError(f"encoder_weights: no file {weights!r}; give none, imagenet or a *_no_top.weights.h5 file")
    try:
        backbone = keras.applications.MobileNetV2(
            input_shape=(*sides(input_size), 3),
            alpha=config.encoder_width,
            include_top=False,
            weights=weights,  # pyright: ignore[reportArgumentType]  # Keras documents None; its default is a string
        )
    except Exception as error:  # Keras lets any error of its reader or downloader through
        reason = (str(error).splitlines() or [type(error).__name__])[0]
        raise UserError(
            f"encoder_weights: {weights!r} cannot be used with encoder_width {config.encoder_width}: {reason}"
        ) from None
    if atrous:
        dense = keras.models.clone_model(backbone, clone_function=_without_last_stride)
        dense.set_weights(backbone.get_weights())
        backbone = dense
    update_statistics_faster(backbone)
    return keras.Model(backbone.input, [backbone.get_layer(name).output for name in outputs], name=ENCODER)


def _without_last_stride(layer: layers.Layer) -> layers.Layer:
    """Clones a layer; in the last stage the stride becomes 1 and later layers get dilation 2."""
    config = layer.get_config()
    if layer.name == "block_13_pad":
        config["padding"] = 0
    elif layer.name == "block_13_depthwise":
        config |= {"strides": 1, "padding": "same"}
    elif layer.name in DILATED:
        config["dilation_rate"] = 2
    return type(layer).from_config(config)
