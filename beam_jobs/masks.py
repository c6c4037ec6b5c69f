"""Mask bytes to class ids: checked against the data set's contract, never guessed, never interpolated."""

from __future__ import annotations

import io

import numpy as np
from PIL import Image, UnidentifiedImageError

from beam_jobs.photos import check_size
from beam_jobs.rejections import (
    EMPTY_MASK,
    MASK_LACKS_CLASS,
    MASK_SIZE,
    MASK_VALUE,
    NOT_A_MASK,
    InputRejected,
)
from schemas.spec import DatasetSpec


def decode_mask(data: bytes, spec: DatasetSpec, photo_size: tuple[int, int], image_size: int) -> np.ndarray:
    """Decodes a mask, maps its values to class ids and resizes it with nearest neighbour.

    Args:
      data: Bytes of a PNG with one 8-bit channel (grey, or palette, whose indices are the values).
      spec: Says which values there are and which classes must be present.
      photo_size: Width and height of the upright photo, which the mask's must equal.
      image_size: Side in pixels of the square result; 0 keeps the size.

    Returns:
      uint8 [S, S] (or [H, W] at image size 0), class ids.

    Raises:
      InputRejected: The bytes are no mask of this data set.
    """
    if not data:
        raise InputRejected(EMPTY_MASK, "file has zero bytes")
    try:
        image = Image.open(io.BytesIO(data), formats=("PNG",))
        check_size(image)
        if image.mode not in ("L", "P"):
            raise InputRejected(NOT_A_MASK, f"PNG of mode {image.mode}; one channel of 8 bits is needed")
        if image.size != photo_size:
            raise InputRejected(MASK_SIZE, f"mask is {_by(image.size)} pixels, its photo {_by(photo_size)}")
        image.load()
    except UnidentifiedImageError:
        raise InputRejected(NOT_A_MASK, f"no PNG; begins with {data[:8]!r}") from None
    except (OSError, ValueError, SyntaxError, Image.DecompressionBombError) as error:
        raise InputRejected(NOT_A_MASK, f"damaged PNG: {error}") from None
    _check_values(image.histogram(), spec)
    if image_size:  # before the values are mapped, so that only pixels that stay are
        image = image.resize((image_size, image_size), Image.Resampling.NEAREST)
    table = np.zeros(256, np.uint8)
    for value, class_id in spec.class_id_of_mask_value.items():
        table[value] = class_id
    class_ids = table[np.asarray(image)]
    for class_id in spec.required_class_ids:
        if not (class_ids == class_id).any():
            name = spec.class_names[class_id]
            raise InputRejected(MASK_LACKS_CLASS, f"no pixel of class {name!r} after the resize to {image_size}")
    return class_ids


def _check_values(counts: list[int], spec: DatasetSpec) -> None:
    """Checks the number of pixels of each of the 256 values."""
    known = spec.class_id_of_mask_value
    if unknown := [value for value, count in enumerate(counts) if count and value not in known]:
        found = ", ".join(f"{value} ({counts[value]} pixels)" for value in unknown[:5])
        raise InputRejected(MASK_VALUE, f"value {found}; known are {sorted(known)}")
    for one in spec.classes:
        if one.required and not any(counts[value] for value in one.mask_values):
            raise InputRejected(MASK_LACKS_CLASS, f"no pixel of class {one.name!r}")


def _by(size: tuple[int, int]) -> str:
    return f"{size[0]}x{size[1]}"
