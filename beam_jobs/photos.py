"""Photo bytes to RGB pixels: checked by header first, repaired where the meaning is plain, else rejected."""

from __future__ import annotations

import io
from typing import NamedTuple

from PIL import Image, ImageOps, UnidentifiedImageError

from beam_jobs.rejections import (
    DAMAGED_IMAGE,
    EMPTY_IMAGE,
    IMAGE_MODE,
    IMAGE_SIZE,
    NOT_AN_IMAGE,
    TRUNCATED_IMAGE,
    InputRejected,
)

FORMATS = ("JPEG", "PNG", "GIF")  # no other decoder of Pillow ever sees the data
MIN_SIDE = 16  # pixels; less holds no picture
MAX_SIDE = 65_500  # pixels; the largest side of a JPEG
MAX_PIXELS = 100_000_000  # 300 MB as RGB; read from the header, before anything is decoded
_EXIF_ORIENTATION = 0x0112

# Kinds of repair, as the manifest counts them.
REENCODED_GIF = "gif"
REENCODED_PNG = "png"
FLATTENED_ALPHA = "alpha"
CONVERTED_CMYK = "cmyk"
CONVERTED_GREY = "grey"
CONVERTED_PALETTE = "palette"
ROTATED = "exif_rotated"


class Photo(NamedTuple):
    """A decoded photo.

    Attributes:
      image: Mode RGB, upright, at `image_size` squared or at source size.
      source_width, source_height: Upright pixels before the resize.
      repairs: Kinds of repair that were needed; empty for a plain JPEG.
    """

    image: Image.Image
    source_width: int
    source_height: int
    repairs: tuple[str, ...]


def decode_photo(data: bytes, image_size: int) -> Photo:
    """Decodes a photo as upright RGB and resizes it with an antialiasing filter.

    Args:
      data: Bytes of a JPEG, PNG or GIF (its first frame), whatever the file was named.
      image_size: Side in pixels of the square result, which takes no account of the aspect ratio; 0 keeps the size.

    Raises:
      InputRejected: The bytes are no photo that can be published.
    """
    if not data:
        raise InputRejected(EMPTY_IMAGE, "file has zero bytes")
    try:
        image = Image.open(io.BytesIO(data), formats=FORMATS)
    except UnidentifiedImageError:
        raise InputRejected(NOT_AN_IMAGE, f"no JPEG, PNG or GIF; begins with {data[:8]!r}") from None
    except Image.DecompressionBombError as error:
        raise InputRejected(IMAGE_SIZE, str(error)) from None
    except (OSError, ValueError, SyntaxError) as error:
        raise InputRejected(DAMAGED_IMAGE, f"unreadable header: {error}") from None
    check_size(image)
    width, height = image.size
    if image_size and image.mode == "RGB":
        # libjpeg then decodes at a fraction of the size, never below twice the target
        image.draft("RGB", (2 * image_size, 2 * image_size))
    try:
        image.load()
        orientation = image.getexif().get(_EXIF_ORIENTATION, 1)
    except (OSError, ValueError, SyntaxError, EOFError) as error:
        reason = TRUNCATED_IMAGE if "truncated" in str(error).lower() else DAMAGED_IMAGE
        raise InputRejected(reason, str(error)) from None
    repairs = _needed_repairs(image, orientation)
    if ROTATED in repairs:
        image = ImageOps.exif_transpose(image)
        width, height = (height, width) if orientation >= 5 else (width, height)
    image = _to_rgb(image)
    if image_size:
        image = image.resize((image_size, image_size), Image.Resampling.BILINEAR)
    return Photo(image, width, height, repairs)


def check_size(image: Image.Image) -> None:
    """Refuses, by the header alone, sizes that hold no picture or would exhaust memory.

    Raises:
      InputRejected: A side or the number of pixels is out of bounds.
    """
    width, height = image.size
    if min(width, height) < MIN_SIDE or max(width, height) > MAX_SIDE or width * height > MAX_PIXELS:
        raise InputRejected(
            IMAGE_SIZE, f"{width}x{height}; sides must be in [{MIN_SIDE}, {MAX_SIDE}], pixels at most {MAX_PIXELS}"
        )


def _needed_repairs(image: Image.Image, orientation: int) -> tuple[str, ...]:
    repairs = []
    if image.format == "GIF":
        repairs.append(REENCODED_GIF)
    elif image.format == "PNG":
        repairs.append(REENCODED_PNG)
    by_mode = {
        "RGB": None,
        "CMYK": CONVERTED_CMYK,
        "L": CONVERTED_GREY,
        "1": CONVERTED_GREY,
        "P": CONVERTED_PALETTE,
        "LA": FLATTENED_ALPHA,
        "RGBA": FLATTENED_ALPHA,
    }
    if image.mode not in by_mode:
        raise InputRejected(IMAGE_MODE, f"pixels of mode {image.mode}; 8 bits a channel are supported")
    if repair := by_mode[image.mode]:
        repairs.append(repair)
    if orientation in range(2, 9):
        repairs.append(ROTATED)
    return tuple(repairs)


def _to_rgb(image: Image.Image) -> Image.Image:
    if image.has_transparency_data:
        image = image.convert("RGBA")
        # over white, as a viewer shows it; the colours behind transparent pixels are arbitrary
        return Image.alpha_composite(Image.new("RGBA", image.size, "white"), image).convert("RGB")
    return image.convert("RGB")
