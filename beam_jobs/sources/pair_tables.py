"""Tables that say which mask each photo has, where their names do not: JSON Lines, CSV, or two names a line.

    {"file_name": "images/1.jpg", "mask_file_name": "masks/x7.png"}   metadata.jsonl, as Hugging Face's imagefolder
    image,mask,split                                                  CSV with a heading; comma, semicolon or tab
    images/1.jpg masks/x7.png                                         lines of two names, as PaddleSeg's lists

Names are those below the table's own folder, or below the input folder.
"""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterator, Mapping
from typing import NamedTuple

from beam_jobs.elements import SourceFile, spell_out
from beam_jobs.sources.split_lists import NAME_COLUMNS, SEPARATORS, is_picture, numbered_lines, read_row
from schemas.bounded_text import clipped, enumerated
from schemas.documents import parse_json_object
from schemas.errors import UserError
from schemas.image_ids import image_id_of
from schemas.path_pattern import PathPattern
from schemas.spec import DatasetSpec
from schemas.table_spec import PairSpec

JSON_LINES = (".jsonl", ".ndjson")
_MASK_COLUMN = re.compile(
    r"(?i)(mask|label|annotation|segmentation|gt|ground.?truth|target)s?([ _-]?(file|image|img))?"
)
_PATH_WORDS = re.compile(r"(?i)[ _-]?(file[ _-]?name|path|name|id)$")
_MAX_LINE = 1 << 20  # bytes of JSON


class Row(NamedTuple):
    """One line of a table: its number, and the photo and the mask as they are written there."""

    line: int
    photo: str
    mask: str


def read_pair_table(source: SourceFile, spec: PairSpec) -> Iterator[Row]:
    """The rows of a table, in its order, without those that name no mask.

    Raises:
      UserError: It can't be read, is not a table, or lacks one of the two columns.
    """
    numbered = numbered_lines(source, "a table that dataset.yaml names in pairs")
    if str(source).lower().endswith(JSON_LINES):
        rows = ((number, parse_json_object(line, f"{source}: line {number}", _MAX_LINE)) for number, line in numbered)
    else:
        rows = _table(numbered, str(source))
    keys: tuple[str, str] | None = None
    for number, values in rows:
        place = f"{source}: line {number}"
        if keys is None:
            keys = _keys(values, spec, place)
        photo, mask = (str(values.get(key) or "") for key in keys)
        if mask and not photo:
            raise UserError(f"{place}: names no photo for {clipped(mask)}; fill it in, or delete the line")
        if mask:
            yield Row(number, photo, mask)


def read_pairs(file: tuple[str, SourceFile], folder: str, spec: DatasetSpec) -> Iterator[tuple[str, str]]:
    """(id of the mask, id of its photo) for each row of a table.

    Args:
      file: The split that its name says, or nothing, and where it is.
      folder: The input folder, below which it lies.
      spec: Says its columns, and has the patterns of photos and masks, which give the ids.

    Raises:
      UserError: As `read_pair_table`, or a row's name does not match its pattern.
    """
    _, source = file
    if spec.pairs is None or spec.mask_path is None:
        raise ValueError(f"{spec.name}: has no table of pairs")
    patterns = {"image_path": spec.image_path, "mask_path": spec.mask_path}
    relative = str(source).removeprefix(f"{folder}/")
    for row in read_pair_table(source, spec.pairs):
        ids = []
        for (key, pattern), name in zip(patterns.items(), (row.photo, row.mask)):
            found = id_of_name(name, posixpath.dirname(relative), pattern)
            if found is None:
                raise UserError(
                    f"{source}: line {row.line}: {clipped(name)} does not match {key}, {pattern}; correct one of them,"
                    " or delete the line"
                )
            ids.append(found)
        yield ids[1], ids[0]


def id_of_name(name: str, folder: str, pattern: str) -> str | None:
    """The id of a file that a table in `folder` calls `name`; None where it does not match. No file is opened."""
    known = PathPattern(pattern)
    for path in paths_of_name(name, folder):
        if found := known.id_of(path):
            return image_id_of(spell_out(found))
    return None


def paths_of_name(name: str, folder: str) -> tuple[str, str]:
    """The paths below the input folder that a name in a table may mean, the likelier one first."""
    name = name.replace("\\", "/")
    return posixpath.normpath(posixpath.join(folder, name)), posixpath.normpath(name)


def _table(numbered: list[tuple[int, str]], source: str) -> Iterator[tuple[int, Mapping[str, str]]]:
    """Rows by column; without a heading, `image` and `mask`."""
    if not numbered:
        return
    first, line = numbered[0]
    separator = next((one for one in SEPARATORS if one in line), " ")
    cells = read_row(line, separator, f"{source}: line {first}")
    has_heading = not any(map(is_picture, cells))
    if not has_heading and len(cells) != 2:
        raise UserError(
            f"{source}: line {first}: needs a heading such as image,mask, or two names, of a photo and its mask; got"
            f" {clipped(line, 100)!r}"
        )
    heading = cells if has_heading else ["image", "mask"]
    for number, row in numbered[has_heading:]:
        yield number, dict(zip(heading, read_row(row, separator, f"{source}: line {number}")))


def _keys(values: Mapping[str, object], spec: PairSpec, place: str) -> tuple[str, str]:
    """The columns of photo and mask."""
    columns = list(values)
    for key, wanted in (("image", spec.image), ("mask", spec.mask)):
        if wanted is not None and wanted not in columns:
            raise UserError(
                f"{place}: no column {wanted!r}, which dataset.yaml says in pairs.{key}; there are:"
                f" {enumerated(columns)}"
            )
    photos = [spec.image] if spec.image else [one for one in columns if _is_photo(one)]
    masks = [spec.mask] if spec.mask else [one for one in columns if _is_mask(one)]
    if len(photos) == len(masks) == 1:
        return photos[0], masks[0]
    lacking = "photo" if len(photos) != 1 else "mask"
    raise UserError(
        f"{place}: which column names the {lacking}? Say it in dataset.yaml, as pairs: {{table: ..., image: ...,"
        f" mask: ...}}; there are: {enumerated(columns)}"
    )


def _is_photo(column: str) -> bool:
    return column.strip().lower() in NAME_COLUMNS and not _is_mask(column)


def _is_mask(column: str) -> bool:
    return _MASK_COLUMN.fullmatch(_PATH_WORDS.sub("", column.strip())) is not None
