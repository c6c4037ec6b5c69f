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

_UNKNOWN = 255  # no class id: data sets have at most 255 classes


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
    values = np.asarray(image)
    table = np.full(256, _UNKNOWN, np.uint8)
    for value, class_id in spec.class_id_of_mask_value.items():
        table[value] = class_id
    class_ids = table[values]
    if (class_ids == _UNKNOWN).any():
        found, counts = np.unique(values[class_ids == _UNKNOWN], return_counts=True)
        pixels = ", ".join(f"{value} ({count} pixels)" for value, count in zip(found[:5], counts[:5]))
        allowed = sorted(spec.class_id_of_mask_value)
        raise InputRejected(MASK_VALUE, f"value {pixels}; known are {allowed}")
    _check_required(class_ids, spec, "")
    if image_size:
        small = Image.fromarray(class_ids).resize((image_size, image_size), Image.Resampling.NEAREST)
        class_ids = np.asarray(small)
        _check_required(class_ids, spec, f" after the resize to {image_size}")
    return class_ids


def _by(size: tuple[int, int]) -> str:
    return f"{size[0]}x{size[1]}"


def _check_required(class_ids: np.ndarray, spec: DatasetSpec, when: str) -> None:
    for class_id in spec.required_class_ids:
        if not (class_ids == class_id).any():
            raise InputRejected(MASK_LACKS_CLASS, f"no pixel of class {spec.class_names[class_id]!r}{when}")
