"""DeepLabV3+: an encoder, atrous spatial pyramid pooling, and a decoder with one skip.

L.-C. Chen, Y. Zhu, G. Papandreou, F. Schroff, H. Adam, "Encoder-Decoder with Atrous Separable Convolution for Semantic
Image Segmentation", ECCV 2018. Built from Keras' layers: KerasHub's DeepLabV3 takes only KerasHub's own backbones, and
its pyramid has plain convolutions of 256 filters, eleven million parameters on top of MobileNetV2's two.
"""

from __future__ import annotations

import keras
from keras import layers

from schemas.image_size import scaled, sides
from trainer.config import TrainingConfig
from trainer.models.blocks import check_image_size, enlarged_input, normalize, resize_to, sides_of
from trainer.models.mobilenet import mobilenet_encoder
from trainer.models.presets import preset_encoder

DEEP = "block_16_project_BN"  # 1/16 of the encoder's input with atrous convolutions, as the paper trains
SHALLOW = "block_3_expand_relu"  # 1/4
RATES = (6, 12, 18)  # dilations of the paper at stride 16, for crops of 513 pixels
PAPER_FEATURES = 33  # side of the deep features there
SKIP_FILTERS = 48
REFINEMENTS = 2


def build_deeplab(config: TrainingConfig, image_size: int | str, num_classes: int) -> keras.Model:
    """Builds DeepLabV3+; see `trainer.models.build_model`. The pyramid has 4 times `decoder_filters` channels."""
    check_image_size(config, image_size)
    encoder_size = scaled(image_size, config.encoder_scale)
    if config.encoder:  # KerasHub's backbones have no atrous form: their deepest features are half as fine
        encoder = preset_encoder(config, encoder_size, (32, 4))
    else:
        encoder = mobilenet_encoder(config, encoder_size, (DEEP, SHALLOW), atrous=True)
    images, enlarged = enlarged_input(config, image_size)
    deep, shallow = encoder(enlarged)
    filters = 4 * config.decoder_filters
    x = resize_to(_spatial_pyramid(deep, filters), sides_of(shallow), "decoder_enlarge")
    skip = _convolve(shallow, SKIP_FILTERS, "decoder_skip")
    x = layers.Concatenate(name="decoder_merge")([x, skip])
    for index in range(REFINEMENTS):
        x = _separable(x, filters, 1, f"decoder_refine_{index}")
    logits = layers.Conv2D(num_classes, 1, name="coarse_logits")(x)
    # Logits are interpolated, as in the paper: they have the fewest channels.
    return keras.Model(images, resize_to(logits, sides(image_size), "logits"), name="deeplabv3plus")


def _spatial_pyramid(x: keras.KerasTensor, filters: int) -> keras.KerasTensor:
    """Atrous spatial pyramid pooling: [N, H, W, D] at several scales and as a whole to [N, H, W, filters]."""
    size = sides_of(x)
    branches = [_convolve(x, filters, "pyramid_1x1")]
    for rate in RATES:
        # Smaller images have smaller features; with the paper's rates most taps would only see padding.
        scaled = max(1, round(rate * min(size) / PAPER_FEATURES))
        branches.append(_separable(x, filters, scaled, f"pyramid_rate_{rate}"))
    whole = layers.GlobalAveragePooling2D(keepdims=True, name="pyramid_mean")(x)
    branches.append(resize_to(_convolve(whole, filters, "pyramid_whole"), size, "pyramid_spread"))
    return _convolve(layers.Concatenate(name="pyramid_merge")(branches), filters, "pyramid_project")


def _convolve(x: keras.KerasTensor, filters: int, name: str) -> keras.KerasTensor:
    return normalize(layers.Conv2D(filters, 1, use_bias=False, name=name)(x), name)


def _separable(x: keras.KerasTensor, filters: int, rate: int, name: str) -> keras.KerasTensor:
    convolution = layers.SeparableConv2D(filters, 3, padding="same", dilation_rate=rate, use_bias=False, name=name)
    return normalize(convolution(x), name)
