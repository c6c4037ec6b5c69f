"""The masks in an exported model's answers: class ids, or PNG files from a model of crops."""

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
    """Class ids uint8 [H, W] of each photo that `serving_default` was asked about."""
    if MASK_BYTES in answer:
        yield from map(decode_mask, answer[MASK_BYTES].numpy())
    else:
        yield from answer[CLASS_IDS].numpy().astype(np.uint8)


def decode_mask(data: bytes) -> np.ndarray:
    """A PNG file of class ids to uint8 [H, W]."""
    return np.asarray(Image.open(io.BytesIO(data), formats=("PNG",)))
