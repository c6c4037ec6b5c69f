"""One sheet to look at: photo, truth and prediction of some evaluation images, side by side."""

from __future__ import annotations

import os
from collections.abc import Collection, Sequence
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw, ImageFont, PngImagePlugin

from schemas.colors import color_table, ignored_color
from schemas.features import IGNORE_ID
from schemas.image_ids import shown_name
from schemas.spec import DatasetSpec
from tfx_pipeline.evaluation.eval_predictions import Prediction

SHOWN = (("easy", 0.95), ("easy", 0.85), ("typical", 0.55), ("typical", 0.45), ("hard", 0.15), ("hard", 0.05))
COLUMNS = 2  # triples of photo, truth and prediction side by side
SOURCE_KEY = "Source"  # PNG text: which model and data the sheet shows

TILE = 176  # pixels
GAP = 6
MARGIN = 20
LABEL_HEIGHT = 22
HEADER_HEIGHT = 56  # with a legend of one line
LEGEND_LINE = 26
TEXT_COLOR = "#222222"
TILE_NAMES = "photo | truth | prediction"


def shows(path: Path, source: str) -> bool:
    """Whether the sheet exists and was drawn from this source."""
    return path.is_file() and Image.open(path).info.get(SOURCE_KEY) == source


def write_prediction_sheet(path: Path, predictions: Sequence[Prediction], source: str, spec: DatasetSpec) -> None:
    """Draws six images, from easy to hard by their mean IoU.

    Args:
      path: PNG file to write atomically.
      predictions: To choose from, such as `Predictions.sample`.
      source: Identifies the model and the data; stored in the file.
      spec: Of the data set.
    """
    ordered = sorted(predictions, key=lambda one: (-one.iou, one.image_id))
    ranks = {round((1 - quantile) * (len(ordered) - 1)): kind for kind, quantile in SHOWN}  # fewer for few images
    shown = [(kind, ordered[rank]) for rank, kind in sorted(ranks.items())]
    text = PngImagePlugin.PngInfo()
    text.add_text(SOURCE_KEY, source)
    temporary = path.with_name(f".{path.name}")
    _draw_sheet(shown, spec).save(temporary, format="PNG", pnginfo=text)
    os.replace(temporary, path)


def _draw_sheet(shown: list[tuple[str, Prediction]], spec: DatasetSpec) -> Image.Image:
    rows = -(-len(shown) // COLUMNS)
    triple_width = 3 * TILE + 2 * GAP
    row_height = TILE + LABEL_HEIGHT + GAP
    width = COLUMNS * (triple_width + MARGIN) + MARGIN
    class_ids = {int(i) for _, one in shown for mask in (one.truth, one.predicted) for i in np.unique(mask)}
    legend = _legend_entries(spec, width, class_ids)
    header_height = HEADER_HEIGHT + LEGEND_LINE * max((line for _, _, _, line in legend), default=0)
    sheet = Image.new("RGB", (width, header_height + rows * row_height + MARGIN), "white")
    draw = ImageDraw.Draw(sheet)
    _draw_legend(draw, legend)
    colors = color_table(spec.palette)
    for index, (kind, one) in enumerate(shown):
        # Down the columns, so that easy, typical and hard ones fill one column after the other.
        left = MARGIN + index // rows * (triple_width + MARGIN)
        top = header_height + index % rows * row_height
        name = _drawable(shown_name(one.image_id), one.image_id)
        draw.text((left, top), f"{name} - {kind}, mean IoU {one.iou:.2f}", TEXT_COLOR, _font(14))
        for tile_index, pixels in enumerate((one.photo, colors[one.truth], colors[one.predicted])):
            resampling = Image.Resampling.NEAREST if tile_index else Image.Resampling.BICUBIC
            tile = Image.fromarray(pixels).resize((TILE, TILE), resampling)
            sheet.paste(tile, (left + tile_index * (TILE + GAP), top + LABEL_HEIGHT))
    return sheet


def _legend_entries(
    spec: DatasetSpec, width: int, class_ids: Collection[int]
) -> list[tuple[str, tuple[int, int, int], float, int]]:
    """Name, colour, left edge in pixels and line of each entry, in as many lines as the sheet's width needs.

    Args:
      spec: Of the data set.
      width: Of the sheet, in pixels.
      class_ids: What the sheet shows; nothing else is named.
    """
    named = [(_drawable(one.shown, one.name), one.rgb) for i, one in enumerate(spec.classes) if i in class_ids]
    if IGNORE_ID in class_ids:
        named.append(("ignored", ignored_color(spec.palette)))
    first = MARGIN + _font(16).getlength(TILE_NAMES) + 2 * MARGIN
    entries, left, line = [], first, 0
    for name, color in named:
        extent = 24 + _font(16).getlength(name)
        if left + extent > width - MARGIN and left > first:
            left, line = first, line + 1
        entries.append((name, color, left, line))
        left += extent + MARGIN
    return entries


def _draw_legend(draw: ImageDraw.ImageDraw, entries: list[tuple[str, tuple[int, int, int], float, int]]) -> None:
    draw.text((MARGIN, 16), TILE_NAMES, TEXT_COLOR, _font(16))
    for name, color, left, line in entries:
        top = 16 + LEGEND_LINE * line
        draw.rectangle((left, top + 2, left + 16, top + 18), fill=color, outline=TEXT_COLOR)
        draw.text((left + 24, top), name, TEXT_COLOR, _font(16))


def _drawable(text: str, otherwise: str) -> str:
    """The text where Pillow's own font has its letters, which are those of ASCII alone."""
    return text if text.isascii() else otherwise


def _font(size: int) -> ImageFont.FreeTypeFont | ImageFont.ImageFont:
    return ImageFont.load_default(size=size)
