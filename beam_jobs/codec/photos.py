"""Photo bytes to RGB pixels: checked by header first, repaired if unambiguous, else rejected.

`schemas.photos` has the table of how the bytes of a photo are read.
"""

from __future__ import annotations

import io
import warnings
from typing import NamedTuple

import numpy as np
from PIL import Image, ImageOps, UnidentifiedImageError

from beam_jobs.codec import png
from beam_jobs.codec.heic import HeicFile
from beam_jobs.codec.jpeg import check_scans, decode_jpeg
from beam_jobs.codec.jpeg_header import TruncatedHeader, UnsupportedFrame, read_jpeg_header
from beam_jobs.codec.orientation import exchanges_sides, turn_upright
from beam_jobs.codec.sixteen_bits import has_16_bits, map_png, map_tiff
from beam_jobs.rejections import (
    DAMAGED_IMAGE,
    EMPTY_IMAGE,
    IMAGE_MODE,
    IMAGE_SIZE,
    NOT_AN_IMAGE,
    TRUNCATED_IMAGE,
    InputRejected,
)
from schemas.image_size import sides
from schemas.photos import MAX_PIXELS, MAX_SIDE, MIN_SIDE, UPRIGHT, container_of

warnings.simplefilter("ignore", Image.DecompressionBombWarning)  # `check_size` refuses in words what is too large

OTHERS = ("BMP", "TIFF", "WEBP", "PPM", "AVIF")  # containers that Pillow decodes without help
_OPAQUE = 255
_STRIP_PIXELS = 1 << 20  # of what is laid over white at a time

# Kinds of repair, as the manifest counts them; `beam_jobs.codec.jpeg` has those of a JPEG stream. What a sound file of
# any kind needs to become RGB, such as grey or a palette, is none.
JPEG, PNG, GIF = "jpeg", "png", "gif"  # also a kind of repair: the name says that it is another
FLATTENED_ALPHA = "alpha"
CONVERTED_CMYK = "cmyk"
ROTATED = "exif_rotated"

_CMYK_COMPONENTS = 4  # of a JPEG
_EXTENSIONS = {
    JPEG: ("jpg", "jpeg", "jpe", "jfif", "mpo"),
    PNG: ("png", "apng"),
    GIF: ("gif",),
    "bmp": ("bmp", "dib"),
    "tiff": ("tif", "tiff"),
    "webp": ("webp",),
    "ppm": ("ppm", "pgm", "pnm"),
    "avif": ("avif",),
    "heic": ("heic", "heif", "hif"),
}


class Photo(NamedTuple):
    """A decoded photo.

    Attributes:
      image: Mode RGB, upright, at source size or at a fraction of it.
      source_width, source_height: Upright pixels of the source.
      repairs: Kinds of repair that were needed; empty for a sound file.
      container: What kind of file the bytes are: JPEG, PNG or GIF.
    """

    image: Image.Image
    source_width: int
    source_height: int
    repairs: tuple[str, ...]
    container: str = JPEG


def decode_photo(
    data: bytes, min_side: int, max_missing_fraction: float = 0.0, photo_range: tuple[int, int] | None = None
) -> Photo:
    """Decodes a photo as upright RGB.

    Args:
      data: Bytes of a photo as `schemas.photos` lists them, under any file name.
      min_side: A JPEG may be decoded at 1/2, 1/4 or 1/8 of its size, where both sides keep this many pixels, in less
        time; 0 keeps the size.
      max_missing_fraction: A JPEG that ends early is repaired where at most this share of its pixels is missing; they
        become mid grey. 0 repairs none, and no other format is repaired.
      photo_range: Samples of 16 bits that become 0 and 255, see `schemas.photo_range`; None: their upper byte counts.

    Raises:
      InputRejected: The bytes are not a photo that can be published.
    """
    if not data:
        raise InputRejected(EMPTY_IMAGE, "file has zero bytes")
    try:
        container = container_of(data)
        if container == "JPEG":
            return _decode_jpeg(data, min_side, max_missing_fraction)
        if container == "PNG":
            return _decode_png(data, photo_range)
        if container == "GIF":
            return _decode_gif(data)
        if container in OTHERS:
            return _decode_other(data, container, photo_range)
    except UnsupportedFrame as error:
        raise InputRejected(IMAGE_MODE, str(error)) from None
    except UnidentifiedImageError:  # its own message has the address of an object in it
        kind = ", or it has bands that can't be read; save it as RGB" if container_of(data) == "TIFF" else ""
        raise InputRejected(DAMAGED_IMAGE, f"its header is damaged or ends early{kind}") from None
    except Image.DecompressionBombError as error:
        raise InputRejected(IMAGE_SIZE, str(error)) from None
    except (OSError, ValueError, SyntaxError, EOFError) as error:
        is_truncated = isinstance(error, TruncatedHeader) or "truncated" in str(error).lower()
        raise InputRejected(TRUNCATED_IMAGE if is_truncated else DAMAGED_IMAGE, str(error)) from None
    if container == "HEIC":
        return _decode_heic(data)
    raise InputRejected(NOT_AN_IMAGE, f"not a JPEG, PNG, GIF, {', '.join(OTHERS)}; starts with {data[:8]!r}")


def misnamed(photo: Photo, name: str) -> tuple[str, ...]:
    """A repair where the extension of the file's name is that of another kind of picture; else nothing."""
    extension = name.rpartition(".")[2].lower()
    if extension in _EXTENSIONS[photo.container] or not any(extension in known for known in _EXTENSIONS.values()):
        return ()
    return (photo.container,)


def resize_photo(image: Image.Image, image_size: int | str) -> Image.Image:
    """Resizes with an antialiasing filter, without regard to the photo's aspect ratio; 0 keeps the size."""
    height, width = sides(image_size)
    return image.resize((width, height), Image.Resampling.BILINEAR) if image_size else image


def check_size(width: int, height: int) -> None:
    """Refuses, by the header alone, sizes that hold no picture or would exhaust memory.

    Raises:
      InputRejected: A side or the number of pixels is out of bounds.
    """
    if min(width, height) < MIN_SIDE or max(width, height) > MAX_SIDE or width * height > MAX_PIXELS:
        raise InputRejected(
            IMAGE_SIZE, f"{width}x{height}; sides must be in [{MIN_SIDE}, {MAX_SIDE}], pixels at most {MAX_PIXELS}"
        )


def _decode_jpeg(data: bytes, min_side: int, max_missing_fraction: float) -> Photo:
    header = read_jpeg_header(data)
    check_size(*header.size)
    check_scans(header)
    image, repairs = decode_jpeg(header, min_side, max_missing_fraction)
    if header.components == _CMYK_COMPONENTS:
        repairs = (CONVERTED_CMYK, *repairs)
    width, height = header.size
    if header.orientation == UPRIGHT:
        return Photo(image, width, height, repairs)
    if exchanges_sides(header.orientation):
        width, height = height, width
    return Photo(turn_upright(image, header.orientation), width, height, (*repairs, ROTATED))


def _decode_png(data: bytes, photo_range: tuple[int, int] | None) -> Photo:
    source = png.read_png(data)
    check_size(*source.size)
    image = png.load(source)
    upper = image
    if photo_range is not None and source.depth == 16:
        image = map_png(source, image, photo_range)
    least_alpha = np.asarray(image.getchannel("A")).min() if "A" in image.getbands() else _OPAQUE
    repairs = (FLATTENED_ALPHA,) if least_alpha < _OPAQUE else ()
    if source.color_type == png.GREY:
        image = _grey_to_rgb(image, upper, source)
    elif source.color_type == png.RGB and source.depth == 16 and source.transparency:
        image = _whiten_key(image, (upper, png.load_low_bytes(source)), source.transparency)
    else:
        image = _lay_over_white(image)
    return Photo(image, *source.size, repairs, PNG)


def _decode_gif(data: bytes) -> Photo:
    image = Image.open(io.BytesIO(data), formats=("GIF",))
    check_size(*image.size)
    image.load()
    return Photo(_lay_over_white(image), *image.size, (), GIF)


def _decode_other(data: bytes, container: str, photo_range: tuple[int, int] | None) -> Photo:
    """The first picture of a file that Pillow alone decodes."""
    image = Image.open(io.BytesIO(data), formats=(container,))
    check_size(*image.size)
    is_deep = has_16_bits(image)  # before the pixels: it refuses what would be misread
    image.load()  # turns a TIFF upright
    if container == "AVIF":
        ImageOps.exif_transpose(image, in_place=True)  # the decoder tells in this way what the container says
    repairs = (FLATTENED_ALPHA,) if image.has_transparency_data else ()
    if is_deep and photo_range is not None:
        image = map_tiff(data, image, photo_range)
    elif image.mode.startswith("I;16"):
        image = _high_bytes(image, None)
    if image.mode not in ("1", "L", "LA", "P", "PA", "RGB", "RGBA", "RGBX", "CMYK", "YCbCr"):
        raise InputRejected(IMAGE_MODE, f"{container} of mode {image.mode}; save it with 8 bits a channel")
    return Photo(_lay_over_white(image), *image.size, repairs, container.lower())


def _decode_heic(data: bytes) -> Photo:
    source = HeicFile(data)
    check_size(*source.size)
    image = source.load()
    repairs = (FLATTENED_ALPHA,) if image.has_transparency_data else ()
    return Photo(_lay_over_white(image), *image.size, repairs, "heic")


def _grey_to_rgb(image: Image.Image, upper: Image.Image, source: png.Png) -> Image.Image:
    """A grey PNG of any depth as RGB; Pillow clips 16 bits, and knows a key of no depth but 8.

    `upper` is the picture as it was loaded, and `image` the same, or its 16 bits mapped to levels.
    """
    key = int.from_bytes(source.transparency[:2], "big") & (2**source.depth - 1) if source.transparency else None
    if source.depth == 16 and image is not upper:
        levels = np.asarray(image).copy()
        if key is not None:
            levels[np.asarray(upper) == key] = 255
        return Image.fromarray(levels).convert("RGB")
    if source.depth == 16:
        return _high_bytes(image, key).convert("RGB")
    levels = image.convert("L")
    if key is not None:
        scaled = key * 255 // (2**source.depth - 1)
        levels = levels.point([255 if level == scaled else level for level in range(256)])
    return levels.convert("RGB")


def _high_bytes(image: Image.Image, key: int | None) -> Image.Image:
    """Grey of 16 bits as mode L, white where it is the transparent key."""
    values = np.asarray(image)  # uint16 [H, W]
    levels = values.astype("<u2", copy=False).view(np.uint8)[:, 1::2].copy()
    if key is not None:
        levels[values == key] = 255
    return Image.fromarray(levels)


def _whiten_key(image: Image.Image, samples: tuple[Image.Image, Image.Image], key: bytes) -> Image.Image:
    """White where both bytes of each sample are those of the transparent colour; `image` is changed in place."""
    width, height = image.size
    rows = max(1, _STRIP_PIXELS // width)
    for top in range(0, height, rows):
        box = (0, top, width, min(top + rows, height))
        matches = [np.asarray(one.crop(box)) == list(key[byte::2]) for byte, one in enumerate(samples)]
        clear = np.logical_and(*matches).all(axis=-1)
        image.paste("white", box, Image.fromarray(clear))
    return image


def _lay_over_white(image: Image.Image) -> Image.Image:
    """RGB as a viewer shows it; the colours behind transparent pixels are arbitrary."""
    if not image.has_transparency_data:
        return image if image.mode == "RGB" else image.convert("RGB")
    width, height = image.size
    flat = Image.new("RGB", image.size)
    rows = max(1, _STRIP_PIXELS // width)
    for top in range(0, height, rows):  # a copy of the whole picture for each step takes four times its memory
        strip = image.crop((0, top, width, min(top + rows, height))).convert("RGBA")
        white = Image.new("RGBA", strip.size, "white")
        flat.paste(Image.alpha_composite(white, strip).convert("RGB"), (0, top))
    return flat
