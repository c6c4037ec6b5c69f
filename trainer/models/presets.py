"""Networks from KerasHub presets: encoders with features at several scales, and whole segmentation networks."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import keras
from keras import layers

from schemas.errors import UserError
from schemas.image_size import sides
from trainer.config import TrainingConfig
from trainer.models.blocks import ENCODER, sides_of, update_statistics_faster

# What KerasHub calls stochastic depth. EfficientNet's dropout drops whole images, as its layers' noise shape says.
DROP_PATHS = {"EfficientNetBackbone": "dropout", "MiTBackbone": "max_drop_path_rate"}
SEGMENTATION_BACKBONES = ("SegFormerBackbone", "DeepLabV3Backbone")  # all of a segmentation network but its classes
HALF_RANGE = 127.5  # of pixels in 0..255; models take (pixel - 127.5) / 127.5


def preset_encoder(
    config: TrainingConfig, input_size: int | str, strides: Sequence[int] = (32, 16, 8, 4, 2)
) -> keras.Model:
    """Builds the encoder that `config.encoder` names.

    Args:
      config: `encoder` and `drop_path` are used, and whether `encoder_weights` is `none`.
      input_size: H and W, each a multiple of 32, see `schemas.image_size`.
      strides: Of the features that are wanted, in this order; backbones need not have 2.

    Returns:
      A model from float32 [N, H, W, 3] in [-1, 1] to features [N, H / s, W / s, C_s] for each stride s. Pixels are
      normalized as the preset's image converter says; a preset without one receives [-1, 1].

    Raises:
      UserError: The preset cannot be loaded, or lacks features at these scales.
    """
    backbone, images, normalized = _preset(config, input_size)
    levels = getattr(backbone, "pyramid_outputs", None)
    if not levels:
        remedy = "take an EfficientNet, ResNet, CSPNet, DenseNet or Mix Transformer"
        if type(backbone).__name__ in SEGMENTATION_BACKBONES:
            remedy = "it is a whole segmentation network: set training.model=preset"
        raise UserError(
            f"training.encoder: {config.encoder!r} is a {type(backbone).__name__}, which offers no features of several "
            f"scales (pyramid_outputs); {remedy}"
        )
    features = keras.Model(backbone.inputs, list(levels.values()), name="backbone")(normalized)
    by_stride = {sides(input_size).height // sides_of(feature).height: feature for feature in features}
    if not {4, 8, 16, 32} <= by_stride.keys():
        raise UserError(
            f"training.encoder: {config.encoder!r} has features at 1/{', 1/'.join(map(str, sorted(by_stride)))} of the "
            "image's size; decoders need 1/4, 1/8, 1/16 and 1/32"
        )
    return keras.Model(images, [by_stride[stride] for stride in strides if stride in by_stride], name=ENCODER)


def preset_segmenter(config: TrainingConfig, input_size: int | str) -> keras.Model:
    """Builds the segmentation network that `config.encoder` names, without the layer that gives its classes.

    Args:
      config: `encoder` is used, and whether `encoder_weights` is `none`.
      input_size: H and W, each a multiple of 32, see `schemas.image_size`.

    Returns:
      A model from float32 [N, H, W, 3] in [-1, 1] to features [N, H / s, W / s, C], where s is 4 of SegFormer and 1 of
      DeepLabV3. Pixels are normalized as for `preset_encoder`.

    Raises:
      UserError: The preset cannot be loaded, or is no segmentation network.
    """
    backbone, images, normalized = _preset(config, input_size)
    if type(backbone).__name__ not in SEGMENTATION_BACKBONES:
        raise UserError(
            f"training.encoder: {config.encoder!r} is a {type(backbone).__name__}, and model preset takes a whole "
            "segmentation network (SegFormer or DeepLabV3 of KerasHub); for an encoder take unet or deeplabv3plus"
        )
    return keras.Model(images, backbone(normalized), name=ENCODER)


def _preset(config: TrainingConfig, input_size: int | str) -> tuple[keras.Model, keras.KerasTensor, keras.KerasTensor]:
    """The backbone, images [N, H, W, 3] in [-1, 1], and the same images as the backbone expects them."""
    try:
        from keras_hub import layers as hub_layers  # an optional dependency, and seconds to import
        from keras_hub import models as hub_models
    except ImportError:
        raise UserError(
            "training.encoder needs KerasHub; install the extra `models`: pip install 'segmentation-pipeline[models]'"
        ) from None
    try:
        backbone = _load_backbone(hub_models.Backbone, config, input_size)
        scale, offset = _normalization(hub_layers.ImageConverter, config.encoder)
    except Exception as error:  # KerasHub lets any error of its readers and downloaders through
        reason = (str(error).splitlines() or [type(error).__name__])[0]
        raise UserError(f"training.encoder: the preset {config.encoder!r} cannot be loaded: {reason}") from None
    update_statistics_faster(backbone)
    # Keras declares no types; pyright infers that one shape could give a list.
    images: keras.KerasTensor = keras.Input((*sides(input_size), 3), name="encoder_images")  # pyright: ignore[reportAssignmentType]
    # Keras documents a number per channel; its default is one for all.
    normalized = layers.Rescaling(scale, offset, name="standardize")(images)  # pyright: ignore[reportArgumentType]
    return backbone, images, normalized


def _load_backbone(kind: Any, config: TrainingConfig, input_size: int | str) -> keras.Model:
    """Loads the backbone, for this input size if its class has a fixed one, with the stochastic depth asked for.

    Raises:
      ValueError: Its class has no stochastic depth.
    """

    def load(**changes: Any) -> keras.Model:
        return kind.from_preset(config.encoder, load_weights=config.encoder_is_pretrained, **changes)

    changes: dict[str, Any] = {"image_shape": (*sides(input_size), 3)}
    try:
        backbone = load(**changes)
    except (TypeError, ValueError) as error:  # EfficientNet takes images of any size, and has no such argument
        if "image_shape" not in str(error):
            raise
        changes = {}
        backbone = load()
    if config.drop_path is None:
        return _at_size(backbone, input_size)
    name = DROP_PATHS.get(type(backbone).__name__)
    if name is None:
        raise ValueError(f"a {type(backbone).__name__} has no stochastic depth; leave training.drop_path out")
    return load(**changes, **{name: config.drop_path})


def _at_size(backbone: keras.Model, input_size: int | str) -> keras.Model:
    """The same network for another input size, where that is fixed in an image encoder within (SegFormer)."""
    wanted = (*sides(input_size), 3)
    if None in backbone.input_shape[1:3] or backbone.input_shape[1:] == wanted:
        return backbone
    config = backbone.get_config()
    config["image_encoder"]["config"]["image_shape"] = wanted
    resized = type(backbone).from_config(config)
    resized.set_weights(backbone.get_weights())
    return resized


def _normalization(kind: Any, preset: str) -> tuple[list[float], list[float]]:
    """Scale and offset of each channel from [-1, 1] to what the preset's weights expect."""
    try:
        converter = kind.from_preset(preset)
    except (FileNotFoundError, ValueError):  # none in the folder; none for the class
        return [1.0] * 3, [0.0] * 3
    scales = _per_channel(converter.scale, 1.0)
    offsets = _per_channel(converter.offset, 0.0)
    # pixel = 127.5 x + 127.5, and the converter gives pixel * scale + offset.
    return (
        [HALF_RANGE * scale for scale in scales],
        [HALF_RANGE * scale + offset for scale, offset in zip(scales, offsets)],
    )


def _per_channel(value: Any, default: float) -> list[float]:
    numbers = [default] if value is None else list(keras.ops.convert_to_numpy(value).ravel())
    return [float(one) for one in numbers] * (3 // len(numbers))
