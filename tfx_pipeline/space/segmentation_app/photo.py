"""Photos as visitors send them: checked by header before anything is decoded, then upright RGB over white."""

from __future__ import annotations

import warnings
from pathlib import Path

import numpy as np
from PIL import Image, ImageOps, UnidentifiedImageError

FORMATS = ("JPEG", "PNG", "GIF", "WEBP")  # no other decoder of Pillow ever sees the data
MIN_SIDE = 16  # pixels; less holds no picture
MAX_PIXELS = 40_000_000  # 120 MB as RGB; more than phones make
MAX_FILE_SIZE = "40mb"  # what the server takes at all
warnings.simplefilter("ignore", Image.DecompressionBombWarning)  # `MAX_PIXELS` refuses in words what is too large


class PhotoRefused(Exception):
    """A photo cannot be used; the message tells the visitor why and what to do."""


def read_photo(path: str | Path) -> np.ndarray:
    """Reads a photo to uint8 [H, W, 3].

    Turned upright by a JPEG's EXIF orientation and laid over white where transparent, as the training's photos were.

    Raises:
      PhotoRefused: No photo, too small, too large, or damaged.
    """
    try:
        image = Image.open(path, formats=FORMATS)
        _check_size(*image.size)
        image.load()
    except UnidentifiedImageError:
        raise PhotoRefused("This file is not a photo. Choose a JPEG, PNG, GIF or WebP file.") from None
    except Image.DecompressionBombError:
        raise PhotoRefused(f"This photo is too large: at most {MAX_PIXELS // 10**6} megapixels.") from None
    except (OSError, ValueError, SyntaxError, EOFError):
        raise PhotoRefused("This photo is damaged or ends too early. Choose another one.") from None
    upright = ImageOps.exif_transpose(image) if image.format == "JPEG" else image
    if upright.has_transparency_data:
        rgba = upright.convert("RGBA")
        upright = Image.alpha_composite(Image.new("RGBA", rgba.size, "white"), rgba)
    return np.asarray(upright.convert("RGB"))


def _check_size(width: int, height: int) -> None:
    if min(width, height) < MIN_SIDE:
        raise PhotoRefused(f"This photo has {width} x {height} pixels. Each side needs at least {MIN_SIDE}.")
    if width * height > MAX_PIXELS:
        raise PhotoRefused(
            f"This photo is too large: {width} x {height} pixels. At most {MAX_PIXELS // 10**6} megapixels are taken."
        )
