"""Small pictures of the report. Everything shown was decoded and encoded again: no byte of a source is copied."""

from __future__ import annotations

import io
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from PIL import Image

from beam_jobs.codec import png
from beam_jobs.codec.masks import read_values
from beam_jobs.codec.photos import check_size, decode_photo
from beam_jobs.html.class_png import class_png
from beam_jobs.html.pictures import Picture, display_size
from beam_jobs.rejections import Rejection
from beam_jobs.sources.input_files import read_input
from schemas.class_ids import ids_of_mask_values
from schemas.colors import color_table, unknown_color
from schemas.fitting import STRETCH, Fit
from schemas.spec import DatasetSpec

SAMPLE_SIDE = 384  # pixels, at most; smaller records are shown as they are
TILE_SIDE = 160  # pixels of a rejected input's longer side
JPEG_QUALITY = 82


class Sample(NamedTuple):
    """A published record: its picture, and the class ids below IGNORE_ID that its mask shows."""

    picture: Picture
    class_ids: tuple[int, ...]


class Tile(NamedTuple):
    """A rejected input.

    Attributes:
      photo, mask: JPEG, and PNG in the classes' colours; empty where the file can't be shown, None where there is none.
    """

    image_id: str
    detail: str
    photo: bytes | None
    mask: bytes | None


def make_sample(
    image_id: str, photo: bytes, mask: bytes, spec: DatasetSpec, source: Sequence[int] = (), fit: Fit = STRETCH
) -> Sample:
    """Draws a record from its own bytes.

    Args:
      photo: JPEG or PNG as the record holds it, uint8 [H, W, 3].
      mask: PNG as the record holds it, uint8 [H, W], class ids.
      source: Height and width of the photo, whose aspect the picture has; empty for the record's own.
      fit: How it was fitted into the record, whose padding is shown, too.
    """
    picture = Image.open(io.BytesIO(photo), formats=("JPEG", "PNG"))
    size = _fit(picture.size, min(SAMPLE_SIDE, max(picture.size)))
    class_ids = np.asarray(Image.open(io.BytesIO(mask), formats=("PNG",)).resize(size, Image.Resampling.NEAREST))
    drawn = _jpeg(picture, size), _coloured_png(class_ids, spec)
    present = tuple(one for one in np.unique(class_ids).tolist() if one < len(spec.classes))
    return Sample(Picture(image_id, *display_size(size, source if fit == STRETCH else ()), *drawn), present)


def make_tile(rejection: Rejection, spec: DatasetSpec) -> Tile:
    """Draws a rejected input as far as possible; its files are checked by header, and never trusted."""
    pictures = []
    reading = spec.reading_of(rejection.image_id)
    for source, draw in ((rejection.image, _draw_photo), (rejection.mask, _draw_mask)):
        try:
            pictures.append(draw(read_input(source), reading) if source else None)
        except Exception:  # any error of a decoder: the tile then shows the reason
            pictures.append(b"")
    return Tile(rejection.image_id, rejection.detail, *pictures)


def draw_photo(data: bytes, side: int, photo_range: tuple[int, int] | None = None) -> bytes:
    """JPEG of an encoded photo in its own aspect; the longer side has `side` pixels.

    Raises:
      InputRejected: Nothing of it can be decoded.
    """
    photo = decode_photo(data, side, 1, photo_range)  # what is left of a photo that ends early is shown
    return _jpeg(photo.image, _fit((photo.source_width, photo.source_height), side))


def _draw_photo(data: bytes, spec: DatasetSpec) -> bytes:
    return draw_photo(data, TILE_SIDE, spec.photo_range)


def _draw_mask(data: bytes, spec: DatasetSpec) -> bytes:
    source = png.read_png(data)
    check_size(*source.size)
    if source.color_type not in (png.GREY, png.PALETTE) or source.depth > 8:
        return b""
    image = read_values(source)
    values = np.asarray(image.resize(_fit(image.size, TILE_SIDE), Image.Resampling.NEAREST))
    table = np.full(256, len(spec.classes), np.uint8)
    for value, class_id in ids_of_mask_values(spec).items():
        if value < len(table):
            table[value] = class_id
    return _coloured_png(table[values], spec)


def _fit(size: tuple[int, int], side: int) -> tuple[int, int]:
    """Width and height with the same aspect ratio and `side` as the longer one."""
    width, height = (max(1, round(side * one / max(size))) for one in size)
    return width, height


def _jpeg(image: Image.Image, size: tuple[int, int]) -> bytes:
    buffer = io.BytesIO()
    image.convert("RGB").resize(size, Image.Resampling.BOX).save(buffer, "JPEG", quality=JPEG_QUALITY)
    return buffer.getvalue()


def _coloured_png(class_ids: np.ndarray, spec: DatasetSpec) -> bytes:
    """PNG of uint8 [H, W] class ids and IGNORE_ID, where the number of classes stands for an unknown value."""
    colors = color_table(spec.palette)
    colors[len(spec.classes)] = unknown_color(spec.palette)
    return class_png(class_ids, colors)
