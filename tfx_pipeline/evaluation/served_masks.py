"""Extracts masks from an exported model's outputs: class ids, or PNG files from a crop model."""

from __future__ import annotations

import io
from collections.abc import Iterator
from typing import TYPE_CHECKING

import numpy as np
from PIL import Image

from schemas.exported_model import CLASS_IDS, MASK_BYTES

if TYPE_CHECKING:
    import tensorflow as tf


def masks_of(answer: dict[str, tf.Tensor]) -> Iterator[np.ndarray]:
    """Class ids uint8 [H, W] of each photo in an output of `serving_default`."""
    if MASK_BYTES in answer:
        yield from map(decode_mask, answer[MASK_BYTES].numpy())
    else:
        yield from answer[CLASS_IDS].numpy().astype(np.uint8)


def decode_mask(data: bytes) -> np.ndarray:
    """Decodes a PNG file of class ids to uint8 [H, W]."""
    return np.asarray(Image.open(io.BytesIO(data), formats=("PNG",)))
