"""The page beside `dataset.yaml`: photos, masks as they were read, and what each value seems to mean."""

from __future__ import annotations

import io
from collections.abc import Sequence

import numpy as np
from PIL import Image

from beam_jobs.codec.mask_kinds import read_pixels
from beam_jobs.codec.photos import decode_photo
from beam_jobs.describe.guesses import Guesses
from beam_jobs.elements import SourceFile
from beam_jobs.html.document import document
from beam_jobs.html.labels import swatch
from beam_jobs.html.markup import Markup, data_uri, element, join
from beam_jobs.rejections import InputRejected
from beam_jobs.sources.input_files import read_input
from schemas.photos import container_of
from schemas.shorthand import class_colors
from schemas.version_files import DATASET_FILE

SHOWN = 8  # pairs
_SIDE = 320  # pixels
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
    pictures = [figure for pair in pairs[:SHOWN] if (figure := _figure(*pair, colors))]
    sections = [
        ("classes", "Values and what they may mean", table),
        ("pairs", "Photos and their masks", element("div", *pictures, class_="gallery")),
        ("file", DATASET_FILE, element("pre", text)),
    ]
    return document(f"{name}: description", header, sections)


def _figure(photo: str, mask: str, colors: dict[str, tuple[int, int, int]]) -> Markup | None:
    try:
        picture = decode_photo(read_input(SourceFile(photo, 0)), _SIDE, max_missing_fraction=1).image
        drawn = _draw_mask(read_input(SourceFile(mask, 0)), colors)
    except (InputRejected, OSError, ValueError, SyntaxError):
        return None
    scale = _SIDE / max(picture.size)
    size = max(1, round(scale * picture.width)), max(1, round(scale * picture.height))
    images = []
    for one, kind in ((picture.resize(size), "JPEG"), (drawn.resize(size, Image.Resampling.NEAREST), "PNG")):
        buffer = io.BytesIO()
        one.save(buffer, kind)
        images.append(element("img", src=data_uri(f"image/{kind.lower()}", buffer.getvalue()), alt=kind))
    return element("figure", *images, element("figcaption", f"{photo} and {mask}"))


def _draw_mask(data: bytes, colors: dict[str, tuple[int, int, int]]) -> Image.Image:
    pixels = read_pixels(data, container_of(data) or "", palette_colors=False)
    values = pixels.values if pixels.values is not None else pixels.colors
    assert values is not None  # one of the two is there, as `read_pixels` says
    found, inverse = np.unique(values, return_inverse=True)
    table = []
    for value in found.tolist():
        name = str(value) if pixels.values is not None else "transparent" if value >> 24 else f"#{value:06x}"
        table.append(colors.get(name, _OTHER))
    return Image.fromarray(np.array(table, np.uint8)[inverse].reshape(*values.shape, 3))
