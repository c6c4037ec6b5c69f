"""Samples of 16 bits: both bytes of each; where there are several channels, Pillow alone keeps the upper ones."""

from __future__ import annotations

import io
import sys
from collections.abc import Iterator

import numpy as np
from PIL import Image

from beam_jobs.codec import png
from beam_jobs.rejections import IMAGE_MODE, InputRejected
from schemas.photo_range import level_table

_BITS_PER_SAMPLE, _PLANAR = 258, 284  # tags of a TIFF
_IN_PLANES = 2
_OTHER_ORDER = {"L": "B", "B": "L", "N": "B" if sys.byteorder == "little" else "L"}
_STRIP_PIXELS = 1 << 20  # that are mapped at a time
_COLORS = 3
_PREMULTIPLIED = "RGBa"  # begins what Pillow calls such pixels


def has_16_bits(image: Image.Image) -> bool:
    """Whether the samples of a TIFF or PNM file have 16 bits.

    Raises:
      InputRejected: It is a TIFF with a plane for each channel, which Pillow takes for one of 8 bits.
    """
    tags = getattr(image, "tag_v2", {})
    bits = tags.get(_BITS_PER_SAMPLE, ())
    if not image.mode.startswith("I;16") and 16 not in bits:
        return False
    if len(bits) > 1 and tags.get(_PLANAR) == _IN_PLANES:
        raise InputRejected(
            IMAGE_MODE,
            "TIFF of 16 bits with a plane for each channel; save it with interleaved channels (gdal_translate"
            " -co INTERLEAVE=PIXEL)",
        )
    return True


def map_png(source: png.Png, image: Image.Image, photo_range: tuple[int, int]) -> Image.Image:
    """A loaded PNG of 16 bits with the levels of a range, as mode L, RGB or RGBA.

    Raises:
      InputRejected: It is grey with an alpha channel.
    """
    if source.color_type == png.GREY_ALPHA:
        raise InputRejected(IMAGE_MODE, "PNG of 16 bits, grey with an alpha channel; save it without")
    if source.color_type == png.GREY:
        return _map_grey(image, photo_range)
    return _map_colors(image, png.load_low_bytes(source), photo_range)


def map_tiff(data: bytes, image: Image.Image, photo_range: tuple[int, int]) -> Image.Image:
    """A loaded TIFF of 16 bits with the levels of a range, as mode L, RGB or RGBA.

    Raises:
      InputRejected: It has the inks of print, or premultiplied alpha.
    """
    if image.mode.startswith("I;16"):
        return _map_grey(image, photo_range)
    if image.mode not in ("RGB", "RGBA"):
        raise InputRejected(IMAGE_MODE, f"TIFF of 16 bits and mode {image.mode}; save it as RGB")
    return _map_colors(image, _low_bytes(data), photo_range)


def extremes(data: bytes, container: str) -> tuple[int, int] | None:
    """The least and the largest sample of a photo of 16 bits; None for others.

    Raises:
      InputRejected, OSError, ValueError, SyntaxError: It can't be decoded.
    """
    pairs = [(int(values.min()), int(values.max())) for values in _samples(data, container)]
    return (min(low for low, _ in pairs), max(high for _, high in pairs)) if pairs else None


def _samples(data: bytes, container: str) -> Iterator[np.ndarray]:
    """uint16 [rows, W] or [rows, W, 3], of photos of 16 bits alone."""
    if container == "PNG":
        source = png.read_png(data)
        if source.depth < 16 or source.color_type == png.GREY_ALPHA:
            return
        image, low = png.load(source), None
        if source.color_type != png.GREY:
            low = png.load_low_bytes(source)
    elif container == "TIFF":
        image, low = Image.open(io.BytesIO(data), formats=("TIFF",)), None
        if not has_16_bits(image):
            return
        image.load()
        if not image.mode.startswith("I;16"):
            low = _low_bytes(data)
    else:
        return
    for box in _strips(image):
        yield _values(image, box) if low is None else _joined(image, low, box)[..., :_COLORS]


def _map_grey(image: Image.Image, photo_range: tuple[int, int]) -> Image.Image:
    table, mapped = level_table(photo_range), Image.new("L", image.size)
    for box in _strips(image):
        mapped.paste(Image.fromarray(table[_values(image, box)]), box)
    return mapped


def _map_colors(high: Image.Image, low: Image.Image, photo_range: tuple[int, int]) -> Image.Image:
    table, mapped = level_table(photo_range), high.copy()
    for box in _strips(high):
        levels = np.asarray(high.crop(box)).copy()  # an alpha channel keeps its upper byte
        levels[..., :_COLORS] = table[_joined(high, low, box)[..., :_COLORS]]
        mapped.paste(Image.fromarray(levels), box)
    return mapped


def _strips(image: Image.Image) -> Iterator[tuple[int, int, int, int]]:
    width, height = image.size
    rows = max(1, _STRIP_PIXELS // width)
    for top in range(0, height, rows):
        yield 0, top, width, min(top + rows, height)


def _values(image: Image.Image, box: tuple[int, int, int, int]) -> np.ndarray:
    return np.asarray(image.crop(box)).astype(np.uint16)


def _joined(high: Image.Image, low: Image.Image, box: tuple[int, int, int, int]) -> np.ndarray:
    return np.asarray(high.crop(box)).astype(np.uint16) << 8 | np.asarray(low.crop(box))


def _low_bytes(tiff: bytes) -> Image.Image:
    """The lower byte of each sample of a TIFF with several channels.

    Read in the other order of bytes, Pillow takes it for the upper one.

    Raises:
      InputRejected: Its colours are multiplied by alpha, which Pillow undoes by the upper bytes alone.
    """
    image = Image.open(io.BytesIO(tiff), formats=("TIFF",))
    swapped = []
    for tile in image.tile:
        mode, *rest = tile.args if isinstance(tile.args, tuple) else (str(tile.args),)
        if mode.startswith(_PREMULTIPLIED):
            raise InputRejected(
                IMAGE_MODE, "TIFF of 16 bits whose colours are multiplied by alpha; save it without alpha"
            )
        swapped.append(tile._replace(args=(f"{mode[:-1]}{_OTHER_ORDER[mode[-1]]}", *rest)))
    image.tile = swapped
    image.load()
    return image
