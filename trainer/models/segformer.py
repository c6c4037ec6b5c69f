"""SegFormer: KerasHub's Mix Transformer encoder and the all-MLP decoder.

E. Xie et al., "SegFormer: Simple and Efficient Design for Semantic Segmentation with Transformers", NeurIPS 2021; the
sizes are those of its tables 6 and 7. KerasHub's encoder takes square images only, of a size fixed when built, and
carries its own dropout of 0.1; its decoder is not used, since it hides the encoder, which we freeze.
"""

from __future__ import annotations

from pathlib import Path

import keras
from keras import layers

from schemas.errors import UserError
from schemas.image_size import scaled, sides
from trainer.config import TrainingConfig
from trainer.models.blocks import BATCH_NORM_MOMENTUM, ENCODER, check_image_size, enlarged_input, resize_to, sides_of
from trainer.models.presets import preset_encoder
from trainer.weights_file import MIX_TRANSFORMERS

HEADS = (1, 2, 5, 8)
REDUCTIONS = (8, 4, 2, 1)  # of the sequences that attention sees
PATCHES = (7, 3, 3, 3)
STRIDES = (4, 2, 2, 2)
DROP_PATH = 0.1
DECODER_FILTERS = 256
# What MiT's weights were trained on: mean and standard deviation of ImageNet's channels, in 0..1.
MEAN, DEVIATION = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
PRESETS = {"ade20k": "ade20k_512", "cityscapes": "cityscapes_1024"}


def build_segformer(config: TrainingConfig, image_size: int | str, num_classes: int) -> keras.Model:
    """Builds SegFormer; see `trainer.models.build_model`."""
    check_image_size(config, image_size)
    encoder_size = scaled(image_size, config.encoder_scale)
    encoder = preset_encoder(config, encoder_size, (4, 8, 16, 32)) if config.encoder else _encoder(config, encoder_size)
    images, enlarged = enlarged_input(config, image_size)
    stages = encoder(enlarged)
    finest = sides_of(stages[0])
    projected = [
        resize_to(layers.Dense(DECODER_FILTERS, name=f"decoder_project_{index}")(stage), finest, f"decoder_{index}")
        for index, stage in enumerate(stages)
    ]
    x = layers.Concatenate(name="decoder_merge")(projected)
    x = layers.Conv2D(DECODER_FILTERS, 1, use_bias=False, name="decoder_fuse")(x)
    x = layers.BatchNormalization(momentum=BATCH_NORM_MOMENTUM, name="decoder_norm")(x)
    x = layers.ReLU(name="decoder_relu")(x)
    logits = layers.Conv2D(num_classes, 1, name="coarse_logits")(x)
    return keras.Model(images, resize_to(logits, sides(image_size), "logits"), name="segformer")


def _encoder(config: TrainingConfig, input_size: int | str) -> keras.Model:
    """MiT of the configured size: float32 [N, I, I, 3] in [-1, 1] to features at 1/4, 1/8, 1/16 and 1/32."""
    try:
        from keras_hub.models import MiTBackbone  # an optional dependency, and seconds to import
    except ImportError:
        raise UserError(
            "model: segformer needs KerasHub; install the extra `models`: pip install 'segmentation-pipeline[models]'"
        ) from None
    channels, blocks = MIX_TRANSFORMERS[config.segformer_size]
    backbone = MiTBackbone(
        layerwise_depths=blocks,
        num_layers=len(blocks),
        layerwise_num_heads=HEADS,
        layerwise_sr_ratios=REDUCTIONS,
        max_drop_path_rate=DROP_PATH if config.drop_path is None else config.drop_path,
        layerwise_patch_sizes=PATCHES,
        layerwise_strides=STRIDES,
        image_shape=(*sides(input_size), 3),
        hidden_dims=channels,
    )
    if config.encoder_is_pretrained:
        _load_weights(backbone, config)
    images = keras.Input((*sides(input_size), 3), name="encoder_images")
    # From [-1, 1] to the range that the weights were trained on.
    scale, offset = [0.5 / one for one in DEVIATION], [(0.5 - mean) / one for mean, one in zip(MEAN, DEVIATION)]
    # Keras documents a number per channel; its default is one for all.
    normalized = layers.Rescaling(scale, offset, name="standardize")(images)  # pyright: ignore[reportArgumentType]
    stages = keras.Model(backbone.inputs, list(backbone.pyramid_outputs.values()), name="mix_transformer")
    return keras.Model(images, stages(normalized), name=ENCODER)


def _load_weights(backbone: keras.Model, config: TrainingConfig) -> None:
    """Loads the encoder's weights from a preset that KerasHub downloads, or from a file that `save_weights` wrote."""
    weights = config.encoder_weights
    if weights not in PRESETS and not Path(weights).is_file():
        choices = ", ".join(PRESETS)
        raise UserError(f"encoder_weights: no file {weights!r}; segformer takes none, {choices} or a *.weights.h5 file")
    try:
        if weights in PRESETS:
            from keras_hub.models import MiTBackbone

            preset = MiTBackbone.from_preset(f"mit_{config.segformer_size}_{PRESETS[weights]}")
            backbone.set_weights(preset.get_weights())
        else:
            backbone.load_weights(weights)
    except Exception as error:  # KerasHub lets any error of its reader or downloader through
        reason = (str(error).splitlines() or [type(error).__name__])[0]
        raise UserError(
            f"encoder_weights: {weights!r} cannot be used with segformer_size {config.segformer_size}: {reason}"
        ) from None
