"""Run lengths in a CSV file, one object a line, as Kaggle's competitions have them.

    ImageId,EncodedPixels                 pairs of a first pixel, from 1, and how many follow: `1 3 10 5`
    ImageId,ClassId,EncodedPixels         with a class; in one column, `ImageId_ClassId` or `Image_Label`, too

A line without run lengths says that the photo has nothing in it, or nothing of that class. Which way pixels are
counted, dataset.yaml says (`masks.pixels`): the file does not.
"""

from __future__ import annotations

import codecs
import csv
import json
from collections.abc import Iterable, Iterator
from itertools import chain
from typing import NamedTuple

from beam_jobs.codec.annotations.entries import photo_text
from beam_jobs.sources.annotations.coco import MAX_PHOTOS, Annotation, Photo
from schemas.bounded_text import clipped
from schemas.errors import UserError

OBJECT = "object"  # the category where the file names none
MAX_LINE = 16 << 20  # characters
_RUNS = frozenset(("encodedpixels", "encoded_pixels", "rle", "rle_mask", "rle_mask_encoded"))
_NAMES = frozenset(("imageid", "image_id", "image", "img", "id", "file_name", "filename"))
_CLASSES = frozenset(("classid", "class_id", "class", "label", "category"))
_BOTH = frozenset(("imageid_classid", "image_label", "image_class"))


class Columns(NamedTuple):
    """Which columns have the photo, the run lengths, and the class; None where the photo's has it, or none."""

    name: int
    runs: int
    category: int | None
    is_joined: bool


def find_columns(heading: str) -> Columns | None:
    """The columns of a table whose first line is `heading`; None where it has no run lengths."""
    cells = [cell.strip().strip('"').lower() for cell in heading.lstrip("\ufeff").strip().split(",")]
    runs = [index for index, cell in enumerate(cells) if cell in _RUNS]
    joined = [index for index, cell in enumerate(cells) if cell in _BOTH]
    names = [index for index, cell in enumerate(cells) if cell in _NAMES]
    classes = [index for index, cell in enumerate(cells) if cell in _CLASSES]
    if len(runs) != 1 or len(joined or names) != 1:
        return None
    return Columns((joined or names)[0], runs[0], classes[0] if classes and not joined else None, bool(joined))


def read_rle_table(chunks: Iterable[bytes], source: str, along: str) -> Iterator[Photo | Annotation]:
    """Each photo of a table, before the first line that is about it, and the run lengths of each line.

    Args:
      chunks: The file's bytes.
      source: Its name, for messages.
      along: `columns` or `rows`: which way pixels are counted.

    Raises:
      UserError: It is no such table; the message names the line.
    """
    lines = _lines(chunks, source)
    heading = next(lines, "")
    columns = find_columns(heading)
    if columns is None:
        raise UserError(
            f"{source}: needs a heading with the photo and its run lengths, such as ImageId,EncodedPixels; got"
            f" {clipped(heading, 100)!r}"
        )
    seen: set[str] = set()
    for position, line in enumerate(lines, start=2):
        if not line.strip():
            continue
        place = f"{source}: line {position}"
        cells = [cell.strip() for cell in next(csv.reader([line]))]
        if len(cells) <= max(columns.name, columns.runs, columns.category or 0):
            raise UserError(f"{place}: has {len(cells)} columns; put run lengths with commas in quotes")
        name, category = cells[columns.name], OBJECT
        if columns.is_joined:
            name, _, category = name.rpartition("_")
        elif columns.category is not None:
            category = cells[columns.category] or OBJECT
        if not name:
            raise UserError(f"{place}: names no photo")
        if name not in seen:
            seen.add(name)
            if len(seen) > MAX_PHOTOS:
                raise UserError(f"{source}: more than {MAX_PHOTOS:,} photos; split the file")
            yield Photo(name, name, photo_text(name, None, None))
        if cells[columns.runs]:
            text = json.dumps({"category": category, "pairs": cells[columns.runs], "along": along})
            yield Annotation(name, position, text)


def _lines(chunks: Iterable[bytes], source: str) -> Iterator[str]:
    decoder = codecs.getincrementaldecoder("utf-8-sig")()
    rest, number = "", 0
    try:
        for chunk in chain(chunks, (b"",)):
            *whole, rest = (rest + decoder.decode(chunk, final=not chunk)).split("\n")
            for line in whole:
                number += 1
                yield line.rstrip("\r")
            if len(rest) > MAX_LINE:
                raise UserError(f"{source}: line {number + 1} has more than {MAX_LINE:,} characters")
    except UnicodeDecodeError as error:
        raise UserError(f"{source}: line {number + 1}: not UTF-8 ({error.reason}); save it as UTF-8") from None
    if rest:
        yield rest
