"""The one preprocessing: the same functions feed training, evaluation, serving and the demo."""

from __future__ import annotations

import tensorflow as tf

from schemas.image_size import sides

CHANNELS = 3


def decode_image(image_bytes: tf.Tensor) -> tf.Tensor:
    """Decodes one JPEG or PNG to uint8 [H, W, 3]; grey becomes RGB, and an alpha channel is dropped."""
    # TensorFlow's JPEG kernel detects the format and decodes PNG too; a check of our own would be slower.
    # Not the faster, rougher transform that is its default: Pillow and browsers use this one, to the bit.
    return tf.io.decode_jpeg(image_bytes, channels=CHANNELS, dct_method="INTEGER_ACCURATE")


def decode_mask(mask_bytes: tf.Tensor) -> tf.Tensor:
    """Decodes one PNG of class ids to uint8 [H, W]."""
    return tf.io.decode_png(mask_bytes, channels=1)[..., 0]


def resize_pixels(pixels: tf.Tensor, image_size: int | str) -> tf.Tensor:
    """Squashes pixels [..., H, W, 3] in 0..255 to float32 of `image_size`, antialiased, as data sets are prepared."""
    return resize_to_sides(pixels, list(sides(image_size)))


def resize_to_sides(pixels: tf.Tensor, shape: tf.Tensor | list[int] | list[tf.Tensor]) -> tf.Tensor:
    """The same to a height and a width, which a graph may have computed."""
    resized = tf.image.resize(tf.cast(pixels, tf.float32), shape, antialias=True)
    return tf.clip_by_value(resized, 0.0, 255.0)


def scale_pixels(pixels: tf.Tensor) -> tf.Tensor:
    """Scales pixels in 0..255 of any type to float32 in [-1, 1], the range that MobileNetV2's weights expect."""
    return tf.cast(pixels, tf.float32) / 127.5 - 1.0


def unscale_pixels(images: tf.Tensor) -> tf.Tensor:
    """The inverse of `scale_pixels`, rounded to uint8."""
    return tf.cast(tf.round((images + 1.0) * 127.5), tf.uint8)
