"""Random crops, and random geometry and colour on whole batches, for training; image and mask move together."""

from __future__ import annotations

import math

import tensorflow as tf

from schemas.features import IGNORE_ID
from schemas.image_size import Sides, sides
from trainer.preprocessing import CHANNELS
from trainer.tiling import mirrored

MIN_ZOOM = 0.85  # the photo shrinks and its edges are mirrored
MAX_ZOOM = 1.4  # the photo is enlarged and cropped
MAX_STRETCH = 1.2  # ratio of the two axes' zooms
MAX_ROTATION = math.radians(15)
MAX_BRIGHTNESS = 30.0  # added, of 255
MAX_CONTRAST = 1.35
MAX_SATURATION = 1.6
MAX_TINT = 1.1  # factor per channel


def augment_batch(images: tf.Tensor, masks: tf.Tensor, seed: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
    """Flips, zooms, shifts, rotates and recolours a batch; the same seed gives the same batch.

    Args:
      images: uint8 or float32 [N, H, W, 3] in 0..255.
      masks: uint8 [N, H, W], class ids and IGNORE_ID.
      seed: int64 [2].

    Returns:
      float32 [N, H, W, 3] in 0..255 (bilinear) and uint8 [N, H, W], the class with the largest bilinear weight.
    """
    geometry_seed, color_seed = tf.unstack(tf.random.split(seed, 2))
    height, width = images.shape[1:3]
    if height is None or width is None:
        raise ValueError(f"images must have known sides, got shape {images.shape}")
    transforms = _random_transforms(tf.shape(images)[0], Sides(height, width), geometry_seed)
    images = _transform(tf.cast(images, tf.float32), transforms, "BILINEAR")
    masks = _transform_masks(masks, transforms)
    return _jitter_colors(images, color_seed), masks


def random_crop(image: tf.Tensor, mask: tf.Tensor, crop_size: int, seed: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
    """Cuts a random square out of an image and its mask; the same seed gives the same square.

    Args:
      image, mask: uint8 [H, W, 3] and uint8 [H, W].
      crop_size: S. A smaller image is continued by its mirror image, where the mask is IGNORE_ID.
      seed: int64 [2].

    Returns:
      uint8 [S, S, 3] and uint8 [S, S].
    """
    slack = tf.maximum(tf.shape(mask) - crop_size, 0) + 1
    place = tf.math.floormod(tf.random.stateless_uniform([2], seed, 0, tf.int32.max, tf.int32), slack)
    return _crop(image, mask, sides(crop_size), place)


def center_crop(image: tf.Tensor, mask: tf.Tensor, image_size: int | str) -> tuple[tf.Tensor, tf.Tensor]:
    """Cuts the middle of that size out of an image and its mask; continued as by `random_crop` where it is smaller."""
    cut = sides(image_size)
    return _crop(image, mask, cut, tf.maximum(tf.shape(mask) - cut, 0) // 2)


def _crop(image: tf.Tensor, mask: tf.Tensor, cut: Sides, place: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
    size = tf.shape(mask)
    rows, columns = place[0] + tf.range(cut.height), place[1] + tf.range(cut.width)
    is_inside = (rows < size[0])[:, tf.newaxis] & (columns < size[1])[tf.newaxis]
    down, across = mirrored(rows, size[0]), mirrored(columns, size[1])
    image, mask = (tf.gather(tf.gather(one, down), across, axis=1) for one in (image, mask))
    return image, tf.where(is_inside, mask, tf.constant(IGNORE_ID, tf.uint8))


def _random_transforms(count: tf.Tensor, size: Sides, seed: tf.Tensor) -> tf.Tensor:
    """Projective transforms float32 [N, 8] from output to input pixels, about the image's centre.

    The eight numbers are those of ImageProjectiveTransformV3: x' = a0 x + a1 y + a2, y' = b0 x + b1 y + b2, then 0, 0.
    """
    seeds = tf.unstack(tf.random.split(seed, 6))

    def uniform(index: int, low: float, high: float) -> tf.Tensor:
        return tf.random.stateless_uniform(tf.stack([count]), seeds[index], low, high)

    zoom = tf.exp(uniform(0, math.log(MIN_ZOOM), math.log(MAX_ZOOM)))
    stretch = tf.exp(uniform(1, -0.5 * math.log(MAX_STRETCH), 0.5 * math.log(MAX_STRETCH)))
    angle = uniform(2, -MAX_ROTATION, MAX_ROTATION)
    flip = tf.sign(uniform(3, -1.0, 1.0) + 1e-9)
    step_x, step_y = stretch / zoom, 1.0 / (stretch * zoom)  # input pixels per output pixel
    center_x, center_y = (size.width - 1) / 2, (size.height - 1) / 2
    slack_x, slack_y = tf.abs(1.0 - step_x) * center_x, tf.abs(1.0 - step_y) * center_y
    shift_x, shift_y = uniform(4, -1.0, 1.0) * slack_x, uniform(5, -1.0, 1.0) * slack_y
    a0, a1 = flip * step_x * tf.cos(angle), -flip * step_x * tf.sin(angle)
    b0, b1 = step_y * tf.sin(angle), step_y * tf.cos(angle)
    a2 = center_x + shift_x - (a0 * center_x + a1 * center_y)
    b2 = center_y + shift_y - (b0 * center_x + b1 * center_y)
    zero = tf.zeros_like(zoom)
    return tf.stack([a0, a1, a2, b0, b1, b2, zero, zero], axis=1)


def _transform(batch: tf.Tensor, transforms: tf.Tensor, interpolation: str) -> tf.Tensor:
    return tf.raw_ops.ImageProjectiveTransformV3(
        images=batch,
        transforms=transforms,
        output_shape=batch.shape[1:3],
        interpolation=interpolation,
        fill_mode="REFLECT",
        fill_value=0.0,
    )


def _transform_masks(masks: tf.Tensor, transforms: tf.Tensor) -> tf.Tensor:
    """Gives each pixel of uint8 [N, H, W] the class with the most weight of the four pixels that a photo's is mixed of.

    The nearest pixel alone would put up to half a pixel of noise on each border, and thin classes are little else.
    One-hot masks, mixed like photos, would give the same and take as many channels as there are classes.
    """
    rows, columns = (tf.range(side, dtype=tf.float32) for side in masks.shape[1:3])
    a0, a1, a2, b0, b1, b2 = (one[:, tf.newaxis, tf.newaxis] for one in tf.unstack(transforms, axis=1)[:6])
    across = a0 * columns + a1 * rows[:, tf.newaxis] + a2
    down = b0 * columns + b1 * rows[:, tf.newaxis] + b2
    right, below = across - tf.floor(across), down - tf.floor(down)
    channel = masks[:, :, :, tf.newaxis]
    weights, classes = [], []
    for step_down, vertical in ((-0.5, 1.0 - below), (0.5, below)):  # from the nearest pixel: rounded down, or up
        for step_across, horizontal in ((-0.5, 1.0 - right), (0.5, right)):
            shift = tf.constant([0, 0, step_across, 0, 0, step_down, 0, 0], tf.float32)
            classes.append(_transform(channel, transforms + shift, "NEAREST")[:, :, :, 0])
            weights.append(horizontal * vertical)
    most, chosen = tf.zeros_like(across), classes[0]
    for candidate in classes:
        votes = tf.add_n([tf.where(one == candidate, weight, 0.0) for one, weight in zip(classes, weights)])
        most, chosen = tf.maximum(most, votes), tf.where(votes > most, candidate, chosen)
    return chosen


def _jitter_colors(images: tf.Tensor, seed: tf.Tensor) -> tf.Tensor:
    """Changes brightness, contrast, saturation and tint of float32 [N, H, W, 3] in 0..255."""
    seeds = tf.unstack(tf.random.split(seed, 4))
    count = tf.shape(images)[0]

    def factor(index: int, largest: float, channels: int) -> tf.Tensor:
        shape = tf.stack([count, 1, 1, channels])
        return tf.exp(tf.random.stateless_uniform(shape, seeds[index], -1.0, 1.0) * math.log(largest))

    brightness = tf.random.stateless_uniform(tf.stack([count, 1, 1, 1]), seeds[0], -MAX_BRIGHTNESS, MAX_BRIGHTNESS)
    images = images * factor(1, MAX_TINT, CHANNELS) + brightness
    mean = tf.reduce_mean(images, axis=[1, 2, 3], keepdims=True)
    images = mean + (images - mean) * factor(2, MAX_CONTRAST, 1)
    grey = tf.reduce_mean(images, axis=3, keepdims=True)
    images = grey + (images - grey) * factor(3, MAX_SATURATION, 1)
    return tf.clip_by_value(images, 0.0, 255.0)
