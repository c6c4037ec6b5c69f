"""Photos of any size as a whole-image model takes them: `schemas/fitting.py`, for TensorFlow's graphs."""

from __future__ import annotations

from typing import NamedTuple

import tensorflow as tf

from schemas.fitting import PADDING, STRETCH, Fit
from schemas.image_size import sides
from trainer.preprocessing import CHANNELS, resize_pixels, resize_to_sides


class Box(NamedTuple):
    """The pixels of an image that show the photo; int32 scalars."""

    top: tf.Tensor
    left: tf.Tensor
    height: tf.Tensor
    width: tf.Tensor


def fit_pixels(photo: tf.Tensor, image_size: int | str, fit: Fit) -> tf.Tensor:
    """Fits pixels [H, W, 3] in 0..255 into float32 [S, T, 3], the sides of `image_size`, as data sets are prepared."""
    if fit == STRETCH:
        return resize_pixels(photo, image_size)
    height, width = sides(image_size)
    box = photo_box(tf.shape(photo), image_size)
    resized = resize_to_sides(photo, [box.height, box.width])
    below, right = height - box.top - box.height, width - box.left - box.width
    around = tf.convert_to_tensor([[box.top, below], [box.left, right], [0, 0]])
    padded = tf.pad(resized, around, constant_values=float(PADDING))
    return tf.ensure_shape(padded, [height, width, CHANNELS])


def cut_padding(answer: tf.Tensor, photo: tf.Tensor, image_size: int | str, fit: Fit) -> tf.Tensor:
    """Cuts the photo, of height and width int32 [2], out of what a model answered for its image: [S, T, ...]."""
    if fit == STRETCH:
        return answer
    box = photo_box(photo, image_size)
    return answer[box.top : box.top + box.height, box.left : box.left + box.width]


def photo_mask(photo: tf.Tensor, image_size: int | str) -> tf.Tensor:
    """Which pixels of its image show a letterboxed photo of height and width int32 [2]: bool [S, T]."""
    box, image = photo_box(photo, image_size), sides(image_size)
    rows, columns = tf.range(image.height), tf.range(image.width)
    is_row = (rows >= box.top) & (rows < box.top + box.height)
    return is_row[:, tf.newaxis] & (columns >= box.left) & (columns < box.left + box.width)


def photo_box(photo: tf.Tensor, image_size: int | str) -> Box:
    """Where a letterboxed photo lies in its image; `photo` is a shape that begins with height and width."""
    image = sides(image_size)
    photo_height, photo_width = photo[0], photo[1]
    height, width = (tf.constant(side, photo.dtype) for side in image)
    is_wider = photo_width * height >= photo_height * width
    inner_height = tf.where(is_wider, tf.maximum(1, _rounded(photo_height * width, photo_width)), height)
    inner_width = tf.where(is_wider, width, tf.maximum(1, _rounded(photo_width * height, photo_height)))
    return Box((height - inner_height) // 2, (width - inner_width) // 2, inner_height, inner_width)


def _rounded(numerator: tf.Tensor, denominator: tf.Tensor) -> tf.Tensor:
    return (2 * numerator + denominator) // (2 * denominator)
