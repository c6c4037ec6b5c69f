"""Photo bytes to RGB pixels: checked by header first, repaired where the meaning is plain, else rejected."""

from __future__ import annotations

import io
import warnings
from typing import NamedTuple

from PIL import Image, UnidentifiedImageError

from beam_jobs.codec.jpeg import can_decode, decode_jpeg
from beam_jobs.codec.png import check_chunks
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
warnings.simplefilter("ignore", Image.DecompressionBombWarning)  # `check_size` refuses in words what is too large

_EXIF_ORIENTATION = 0x0112
_TURN_UPRIGHT = {  # orientation (EXIF 2.32, 4.6.4) to what undoes it
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}

# Kinds of repair, as the manifest counts them; `beam_jobs.codec.jpeg` has those of a JPEG stream.
REENCODED_GIF = "gif"
REENCODED_PNG = "png"
FLATTENED_ALPHA = "alpha"
CONVERTED_CMYK = "cmyk"
CONVERTED_GREY = "grey"
CONVERTED_PALETTE = "palette"
ROTATED = "exif_rotated"

_REPAIR_OF_FORMAT = {"GIF": (REENCODED_GIF,), "PNG": (REENCODED_PNG,)}
_REPAIR_OF_MODE = {
    "RGB": (),
    "CMYK": (CONVERTED_CMYK,),
    "L": (CONVERTED_GREY,),
    "1": (CONVERTED_GREY,),
    "P": (CONVERTED_PALETTE,),
    "LA": (FLATTENED_ALPHA,),
    "RGBA": (FLATTENED_ALPHA,),
}


class Photo(NamedTuple):
    """A decoded photo.

    Attributes:
      image: Mode RGB, upright, at source size or at a fraction of it.
      source_width, source_height: Upright pixels of the source.
      repairs: Kinds of repair that were needed; empty for a plain JPEG.
    """

    image: Image.Image
    source_width: int
    source_height: int
    repairs: tuple[str, ...]


def decode_photo(data: bytes, min_side: int, max_missing_fraction: float = 0.0) -> Photo:
    """Decodes a photo as upright RGB.

    Args:
      data: Bytes of a JPEG, PNG or GIF (its first frame), whatever the file was named.
      min_side: A JPEG may be decoded at 1/2, 1/4 or 1/8 of its size, where both sides keep this many pixels, in less
        time; 0 keeps the size.
      max_missing_fraction: A JPEG that ends early is repaired where at most this share of its pixels is missing; they
        become mid grey. 0 repairs none, and no other format is repaired.

    Raises:
      InputRejected: The bytes are no photo that can be published.
    """
    header = _read_header(data)
    check_size(header)
    repairs = _format_repairs(header)
    try:
        if can_decode(data, header):
            image, stream_repairs = decode_jpeg(data, header, min_side, max_missing_fraction)
            repairs += stream_repairs
        else:
            image = _decode_with_pillow(data, header)
        orientation = header.getexif().get(_EXIF_ORIENTATION, 1)
    except (OSError, ValueError, SyntaxError, EOFError) as error:
        reason = TRUNCATED_IMAGE if "truncated" in str(error).lower() else DAMAGED_IMAGE
        raise InputRejected(reason, str(error)) from None
    width, height = header.size
    if orientation in _TURN_UPRIGHT:
        image = image.transpose(_TURN_UPRIGHT[orientation])
        repairs += (ROTATED,)
        width, height = (height, width) if orientation >= 5 else (width, height)
    return Photo(image, width, height, repairs)


def resize_photo(image: Image.Image, image_size: int) -> Image.Image:
    """Resizes to a square with an antialiasing filter, without regard to the aspect ratio; 0 keeps the size."""
    return image.resize((image_size, image_size), Image.Resampling.BILINEAR) if image_size else image


def _read_header(data: bytes) -> Image.Image:
    """Reads format, mode and size; pixels are decoded when they are asked for."""
    if not data:
        raise InputRejected(EMPTY_IMAGE, "file has zero bytes")
    try:
        return Image.open(io.BytesIO(data), formats=FORMATS)
    except UnidentifiedImageError:
        raise InputRejected(NOT_AN_IMAGE, f"no JPEG, PNG or GIF; begins with {data[:8]!r}") from None
    except Image.DecompressionBombError as error:
        raise InputRejected(IMAGE_SIZE, str(error)) from None
    except (OSError, ValueError, SyntaxError) as error:
        raise InputRejected(DAMAGED_IMAGE, f"unreadable header: {error}") from None


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


def _format_repairs(image: Image.Image) -> tuple[str, ...]:
    if image.mode not in _REPAIR_OF_MODE:
        raise InputRejected(IMAGE_MODE, f"pixels of mode {image.mode}; 8 bits a channel are supported")
    return _REPAIR_OF_FORMAT.get(image.format or "", ()) + _REPAIR_OF_MODE[image.mode]


def _decode_with_pillow(data: bytes, image: Image.Image) -> Image.Image:
    if image.format == "PNG":
        check_chunks(data)
    image.load()
    if image.has_transparency_data:
        image = image.convert("RGBA")
        # over white, as a viewer shows it; the colours behind transparent pixels are arbitrary
        return Image.alpha_composite(Image.new("RGBA", image.size, "white"), image).convert("RGB")
    return image.convert("RGB")
