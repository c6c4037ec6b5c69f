"""Mask bytes to class ids: checked against the data set's contract, never guessed, never interpolated."""

from __future__ import annotations

import io

import numpy as np
from PIL import Image, UnidentifiedImageError

from beam_jobs.codec.photos import check_size
from beam_jobs.codec.png import check_chunks
from beam_jobs.rejections import (
    EMPTY_MASK,
    MASK_ALL_IGNORED,
    MASK_LACKS_CLASS,
    MASK_SIZE,
    MASK_VALUE,
    NOT_A_MASK,
    InputRejected,
)
from schemas.features import IGNORE_ID
from schemas.spec import DatasetSpec


def decode_mask(data: bytes, spec: DatasetSpec, photo_size: tuple[int, int]) -> Image.Image:
    """Decodes a mask and checks every one of its values.

    Args:
      data: Bytes of a PNG with one 8-bit channel (grey, or palette, whose indices are the values).
      spec: Says which values there are and which classes must be present.
      photo_size: Width and height of the upright photo, which the mask's must equal.

    Returns:
      The source values at source size, mode L or P.

    Raises:
      InputRejected: The bytes are no mask of this data set. A mask that is damaged or ends early is never repaired.
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
        check_chunks(data)
        image.load()
    except UnidentifiedImageError:
        raise InputRejected(NOT_A_MASK, f"no PNG; begins with {data[:8]!r}") from None
    except (OSError, ValueError, SyntaxError, Image.DecompressionBombError) as error:
        raise InputRejected(NOT_A_MASK, f"damaged PNG: {error}") from None
    _check_values(image.histogram(), spec)
    return image


def resize_mask(image: Image.Image, spec: DatasetSpec, image_size: int) -> np.ndarray:
    """Resizes a decoded mask with nearest neighbour and maps its values to class ids.

    Args:
      image: What `decode_mask` has returned.
      spec: Says which class a value means and which classes must be present.
      image_size: Side in pixels of the square result; 0 keeps the size.

    Returns:
      uint8 [S, S] (or [H, W] at image size 0), class ids, and IGNORE_ID for the data set's ignored values.

    Raises:
      InputRejected: The resize has left no pixel of a class that must be present.
    """
    if image_size:  # before the values are mapped, so that only pixels that stay are
        image = image.resize((image_size, image_size), Image.Resampling.NEAREST)
    table = bytearray(256)
    for value, class_id in spec.class_id_of_mask_value.items():
        table[value] = class_id
    class_ids = image.tobytes().translate(table)  # half the time of indexing an array
    if spec.ignore_values and class_ids.count(IGNORE_ID) == len(class_ids):
        raise InputRejected(MASK_ALL_IGNORED, f"no pixel of any class after the resize to {image_size}")
    for class_id in spec.required_class_ids:
        if class_id not in class_ids:
            name = spec.class_names[class_id]
            raise InputRejected(MASK_LACKS_CLASS, f"no pixel of class {name!r} after the resize to {image_size}")
    return np.frombuffer(class_ids, np.uint8).reshape(image.height, image.width)


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
