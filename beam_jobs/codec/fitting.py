"""Photos and masks in images of another shape: `schemas.fitting` says where, this pads and cuts.

What is measured of a photo, such as its brightness or its perceptual hash, is measured without the padding.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from PIL import Image

from schemas.features import IGNORE_ID
from schemas.fitting import LETTERBOX, PADDING, STRETCH, Fit, photo_box
from schemas.image_size import parse_image_size, sides


def inner_size(photo: Sequence[int], image_size: int | str, fit: Fit) -> int | str:
    """The size that a photo, of height and width, takes in an image of `image_size`, in the form of that; 0 for 0."""
    if fit == STRETCH:
        return image_size
    box = photo_box(photo, sides(image_size), fit)
    return parse_image_size(f"{box.width}x{box.height}")


def pad_photo(image: Image.Image, image_size: int | str) -> Image.Image:
    """Lays a photo of its `inner_size` into the image, mode RGB; the same one where it fills the image."""
    size = sides(image_size)
    if not image_size or image.size == (size.width, size.height):
        return image
    box = photo_box((image.height, image.width), size, LETTERBOX)
    padded = Image.new("RGB", (size.width, size.height), (PADDING,) * 3)
    padded.paste(image, (box.left, box.top))
    return padded


def pad_mask(class_ids: np.ndarray, image_size: int | str) -> np.ndarray:
    """Lays class ids uint8 [H, W] of the `inner_size` into the image's mask, with IGNORE_ID around them."""
    size = sides(image_size)
    if not image_size or class_ids.shape == size:
        return class_ids
    padded = np.full(size, IGNORE_ID, np.uint8)
    padded[photo_box(class_ids.shape, size, LETTERBOX).slices] = class_ids
    return padded


def cut_photo(image: Image.Image, photo: Sequence[int], fit: Fit) -> Image.Image:
    """Cuts the photo, of height and width at its source, out of a record's image."""
    if fit == STRETCH:
        return image
    box = photo_box(photo, (image.height, image.width), fit)
    return image.crop((box.left, box.top, box.left + box.width, box.top + box.height))
