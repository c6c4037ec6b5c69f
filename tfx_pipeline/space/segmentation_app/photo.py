"""Reads visitors' photos: checks the header before anything is decoded, then gives upright RGB over white.

The pipeline's `schemas/photos.py` defines what a photo's bytes mean; `photo.js` is the same in JavaScript.
"""

from __future__ import annotations

import io
import warnings
from typing import Any

import numpy as np
from PIL import Image, UnidentifiedImageError

from .photo_metadata import without_metadata

FORMATS = ("JPEG", "PNG", "GIF", "WEBP")  # no other decoder of Pillow ever sees the data
MIN_SIDE = 16  # pixels; anything smaller shows nothing
MAX_PIXELS = 40_000_000  # 120 MB as RGB; more than phones make
MAX_MEGAPIXELS = f"{MAX_PIXELS // 10**6} megapixels"
SMALLER = "Save it smaller, or choose another one."
MAX_FILE_BYTES = 40_000_000  # upload limit of the server
PNG_START = b"\x89PNG\r\n\x1a\n"
PNG_DEPTH = 24  # position of the bits a sample: www.w3.org/TR/png-3, 5.3 and 11.2.1
warnings.simplefilter("ignore", Image.DecompressionBombWarning)  # `MAX_PIXELS` gives a clearer message


class PhotoRefused(Exception):
    """A photo cannot be used; the message says why and what the visitor can do."""


def read_photo(data: bytes) -> np.ndarray:
    """Decodes a photo to uint8 [H, W, 3], rotated and flattened like the training photos.

    Raises:
      PhotoRefused: Not a photo, too small, too large, damaged, or of a kind that training does not accept.
    """
    try:
        data, orientation = without_metadata(data)
        image = Image.open(io.BytesIO(data), formats=FORMATS)
        _check_size(*image.size)
        image.load()
    except UnidentifiedImageError:
        raise PhotoRefused("This file is not a photo. Choose a JPEG, PNG, GIF or WebP file.") from None
    except Image.DecompressionBombError:
        raise PhotoRefused(f"This photo is too large: the limit is {MAX_MEGAPIXELS}. {SMALLER}") from None
    except (OSError, ValueError, SyntaxError, EOFError):
        raise PhotoRefused("This photo is damaged or ends too early. Choose another one.") from None
    depth = data[PNG_DEPTH] if image.format == "PNG" else 8
    pixels = np.asarray(_whiten_key(image, data) if _has_key_of_16_bits(image, depth) else _flattened(image, depth))
    turned = pixels.swapaxes(0, 1) if orientation >= 5 else pixels
    turned = turned[:: -1 if orientation in (3, 4, 7, 8) else 1, :: -1 if orientation in (2, 3, 6, 7) else 1]
    return np.ascontiguousarray(turned)


def check_depth(data: bytes, info: dict[str, Any]) -> None:
    """Refuses a photo of 16 bits where the model was trained on a range of them, which no page can show.

    Raises:
      PhotoRefused: It is one.
    """
    photo_range = info.get("photo_range")  # models of earlier versions lack it
    if photo_range and data.startswith(PNG_START) and data[PNG_DEPTH : PNG_DEPTH + 1] == b"\x10":
        raise PhotoRefused(
            f"This photo has 16 bits a channel. Save it with 8 bits, {photo_range[0]} as 0 and {photo_range[1]} as 255."
        )


def read_class_ids(data: bytes, height: int, width: int) -> np.ndarray:
    """Decodes a file of class ids, as this app writes it, to uint8 [H, W].

    Raises:
      PhotoRefused: It is none, or not of this height and width, which are the photo's.
    """
    try:
        image = Image.open(io.BytesIO(data), formats=("PNG",))
        if image.mode == "L" and (image.height, image.width) == (height, width):
            return np.array(image)
    except (OSError, ValueError, SyntaxError, EOFError, Image.DecompressionBombError):
        pass
    raise PhotoRefused("These class ids are not those of the photo. Segment the photo again.")


def _check_size(width: int, height: int) -> None:
    if min(width, height) < MIN_SIDE:
        raise PhotoRefused(
            f"This photo has {width} x {height} pixels. Each side needs at least {MIN_SIDE}. Choose a larger one."
        )
    if width * height > MAX_PIXELS:
        raise PhotoRefused(
            f"This photo is too large: {width} x {height} pixels. The limit is {MAX_MEGAPIXELS}. {SMALLER}"
        )


def _flattened(image: Image.Image, depth: int) -> Image.Image:
    """RGB over white; `depth` is the bits of a sample in the file."""
    if image.format == "PNG" and image.mode in ("1", "L", "I;16", "RGB") and "transparency" in image.info:
        return _without_key(image, depth)
    if image.has_transparency_data:
        rgba = image.convert("RGBA")
        return Image.alpha_composite(Image.new("RGBA", rgba.size, "white"), rgba).convert("RGB")
    return _eight_bits(image).convert("RGB")


def _has_key_of_16_bits(image: Image.Image, depth: int) -> bool:
    return image.format == "PNG" and image.mode == "RGB" and depth > 8 and "transparency" in image.info


def _whiten_key(high: Image.Image, data: bytes) -> np.ndarray:
    """White in place of a transparent colour of 16 bits a sample, of which Pillow loads the upper bytes."""
    low = Image.open(io.BytesIO(data), formats=("PNG",))
    low.tile = [
        low.tile[0]._replace(args="RGB;16L")
    ]  # reading them as little-endian swaps the lower and the upper bytes
    low.load()
    key = np.array(high.info["transparency"])
    pixels = np.array(high)
    pixels[((pixels == key >> 8) & (np.asarray(low) == key & 255)).all(axis=-1)] = 255
    return pixels


def _without_key(image: Image.Image, depth: int) -> Image.Image:
    """White in place of the one colour that is transparent: Pillow does not compare it at the file's own depth."""
    scale = 255 // (2**depth - 1) if image.mode == "L" else 1  # as Pillow has scaled the samples
    key = np.multiply(image.info["transparency"], scale)
    clear = (np.asarray(image) == key).reshape(image.height, image.width, -1).all(axis=-1)
    flat = _eight_bits(image).convert("RGB")
    flat.paste("white", mask=Image.fromarray(clear))
    return flat


def _eight_bits(image: Image.Image) -> Image.Image:
    """The upper byte of 16 bits of grey, which Pillow would clip to 255."""
    if image.mode != "I;16":
        return image
    return Image.fromarray((np.asarray(image) >> 8).astype(np.uint8))
