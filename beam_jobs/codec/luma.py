"""Light and contrast of a photo, as records and the log of what is served hold them."""

from __future__ import annotations

import math

import numpy as np
from PIL import Image

_MOMENTS = np.arange(256) ** np.arange(3)[:, None]  # int64 [3, 256]: levels to the powers of 0, 1 and 2


def luma_statistics(image: Image.Image) -> tuple[float, float]:
    """Mean and standard deviation of a photo's luma (ITU-R 601-2), in [0, 1] and [0, 0.5]."""
    # integers up to the last step, so that every processor gives the same bytes
    pixels, total, squares = (_MOMENTS @ image.convert("L").histogram()).tolist()
    return total / (255 * pixels), math.sqrt(pixels * squares - total * total) / (255 * pixels)
