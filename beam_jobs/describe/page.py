"""The page beside `dataset.yaml`: photos, masks as they were read, and what each value seems to mean."""

from __future__ import annotations

import io
from collections.abc import Sequence

import numpy as np
from PIL import Image

from beam_jobs.codec.mask_kinds import color_name, read_pixels
from beam_jobs.codec.photos import decode_photo
from beam_jobs.describe.guesses import Guesses
from beam_jobs.elements import SourceFile
from beam_jobs.html.document import document
from beam_jobs.html.labels import swatch
from beam_jobs.html.markup import Markup, data_uri, element, join
from beam_jobs.html.tables import scrolled
from beam_jobs.rejections import InputRejected
from beam_jobs.sources.input_files import read_input
from schemas.photos import container_of
from schemas.shorthand import class_colors
from schemas.version_files import DATASET_FILE

SHOWN = 8  # pairs
SIDE = 320  # pixels
_OTHER = (255, 0, 255)  # of all other values


def describing_page(name: str, text: str, guesses: Guesses, pairs: Sequence[tuple[str, str]]) -> str:
    """The whole page.

    Args:
      name: Of the data set.
      text: Of its `dataset.yaml`.
      guesses: What is in it.
      pairs: (photo, mask) to show, the first few of them.
    """
    colors = dict(zip((one.value for one in guesses.classes), class_colors(len(guesses.classes))))
    header = join(
        element("h1", name),
        element("p", "What the describe job found. Correct the names in dataset.yaml; then prepare.", class_="lead"),
    )
    rows = [
        element(
            "tr",
            element("td", swatch("rgb({}, {}, {})".format(*colors[one.value]))),
            element("td", one.value),
            element("td", element("strong", one.name)),
            element("td", one.reason),
        )
        for one in guesses.classes
    ]
    table = element("table", element("tbody", *rows))
    photo_range = guesses.photo_range[0] if guesses.photo_range else None
    pictures = [figure for pair in pairs[:SHOWN] if (figure := _figure(*pair, colors, photo_range))]
    sections = [
        ("classes", "Values and what they may mean", table),
        ("pairs", "Photos and their masks", element("div", *pictures, class_="near")),
        ("file", DATASET_FILE, scrolled(element("pre", text), DATASET_FILE)),
    ]
    return document(f"{name}: description", header, sections)


def _figure(
    photo: str, mask: str, colors: dict[str, tuple[int, int, int]], photo_range: tuple[int, int] | None
) -> Markup | None:
    try:
        picture = decode_photo(read_input(SourceFile(photo, 0)), SIDE, 1, photo_range).image
        drawn = _draw_mask(read_input(SourceFile(mask, 0)), colors)
    except (InputRejected, OSError, ValueError, SyntaxError):
        return None
    kinds = zip(("jpeg", "png"), thumbnails(picture, drawn), ("photo", "mask"))
    images = [element("img", src=data_uri(f"image/{kind}", data), alt=words) for kind, data, words in kinds]
    return element("figure", element("div", *images, class_="sides"), element("figcaption", f"{photo} and {mask}"))


def thumbnails(photo: Image.Image, mask: Image.Image) -> tuple[bytes, bytes]:
    """A photo as JPEG and its drawn mask as PNG, both as large as pages show them."""
    scale = SIDE / max(photo.size)
    size = max(1, round(scale * photo.width)), max(1, round(scale * photo.height))
    encoded = io.BytesIO(), io.BytesIO()
    photo.resize(size).save(encoded[0], "JPEG")
    mask.resize(size, Image.Resampling.NEAREST).save(encoded[1], "PNG")
    return encoded[0].getvalue(), encoded[1].getvalue()


def _draw_mask(data: bytes, colors: dict[str, tuple[int, int, int]]) -> Image.Image:
    pixels = read_pixels(data, container_of(data) or "", palette_colors=False)
    found, inverse = np.unique(pixels.raster, return_inverse=True)
    name = color_name if pixels.values is None else str
    table = [colors.get(name(value), _OTHER) for value in found.tolist()]
    return Image.fromarray(np.array(table, np.uint8)[inverse].reshape(*pixels.raster.shape, 3))
