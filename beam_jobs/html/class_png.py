"""A mask as a picture: a PNG with a palette, so that every pixel has exactly its class's colour, in few bytes."""

from __future__ import annotations

import io

import numpy as np
from PIL import Image


def class_png(class_ids: np.ndarray, colors: np.ndarray) -> bytes:
    """PNG of uint8 [H, W], each value in its own of the colours uint8 [256, 3]."""
    image = Image.fromarray(class_ids)
    image.putpalette(colors[: int(class_ids.max()) + 1].tobytes())  # few entries make few bits a pixel
    buffer = io.BytesIO()
    image.save(buffer, "PNG", optimize=True)
    return buffer.getvalue()
