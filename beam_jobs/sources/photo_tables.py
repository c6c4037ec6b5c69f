"""Tables that say something of each photo, such as its group: CSV, read as lists of splits are.

    v1_0.jpg,v1                     two columns without a heading: the photo, by id, file name or path, and the value
    image;camera;patient            with a heading, among other columns; the separator is a comma, semicolon or tab

The column of the value has one of the names that are usual for it, or the one that dataset.yaml says. In a table of two
columns, one known name is enough.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from beam_jobs.elements import SourceFile
from beam_jobs.sources.split_lists import NAME_COLUMNS, SEPARATORS, is_picture, numbered_lines, read_row
from schemas.bounded_text import clipped, enumerated
from schemas.errors import UserError

GROUP_COLUMNS = frozenset(
    ("group", "group_id", "patient", "patient_id", "subject", "subject_id", "case", "case_id", "video", "video_id")
) | {"clip", "sequence", "scene", "scene_id", "tile", "site"}


class ValueColumn(NamedTuple):
    """The column of a table that is read beside the photo's.

    Attributes:
      key: What says the table in dataset.yaml: `group` or `weights`.
      what: What a value is called: `group` or `weight`.
      usual: Its usual headings, in lower case.
      heading: The heading that dataset.yaml says; None where it says none.
    """

    key: str
    what: str
    usual: frozenset[str]
    heading: str | None = None


class Row(NamedTuple):
    """What a table says of one photo: the number of the line, the photo as it is written there, and the value."""

    line: int
    name: str
    value: str


class _Columns(NamedTuple):
    separator: str
    name: int
    value: int
    has_heading: bool


def read_photo_table(source: SourceFile, column: ValueColumn) -> Iterator[Row]:
    """The rows of a table, in its order.

    Raises:
      UserError: It can't be read, is not a table, lacks a column, or a row lacks the photo or the value.
    """
    numbered = numbered_lines(source, "a table that dataset.yaml names")
    if not numbered:
        raise UserError(
            f"{source}: is empty; {column.key}: needs a row for each photo, with its name and {column.what}"
        )
    columns = _columns(numbered, column, str(source))
    for number, line in numbered[columns.has_heading :]:
        place = f"{source}: line {number}"
        cells = read_row(line, columns.separator, place)
        if not columns.has_heading and len(cells) != 2:
            raise UserError(f"{place}: {len(cells)} columns, and those before have two; {_quoting(columns.separator)}")
        name, value = (cells[one] if len(cells) > one else "" for one in (columns.name, columns.value))
        if not name and not value:
            continue
        if not name or not value:
            lacking = f"no {column.what} for {clipped(name)}" if name else f"names no photo for {clipped(value)}"
            raise UserError(f"{place}: {lacking}; fill it in, or delete the line")
        yield Row(number, name, value)


def _columns(numbered: list[tuple[int, str]], column: ValueColumn, source: str) -> _Columns:
    number, first = numbered[0]
    place = f"{source}: line {number}"
    rows = {separator: read_row(first, separator, place) for separator in SEPARATORS}
    headings = {one: [cell.lower() for cell in cells] for one, cells in rows.items() if len(cells) > 1}
    if column.heading is not None:
        return _stated(headings, column, rows, place)
    for separator, cells in headings.items():
        names = [index for index, cell in enumerate(cells) if cell in NAME_COLUMNS]
        values = [index for index, cell in enumerate(cells) if cell in column.usual]
        if names and values:
            return _Columns(separator, names[0], values[0], True)
        if len(cells) == 2 and names:
            return _Columns(separator, names[0], 1 - names[0], True)
        if len(cells) == 2 and values and not is_picture(cells[1 - values[0]]):
            return _Columns(separator, 1 - values[0], values[0], True)
        if names:
            raise UserError(
                f"{place}: which column is the {column.what}? Say it in dataset.yaml, as {column.key}: {{table: ...,"
                f" column: {_other(rows[separator], names)}}}; there are: {enumerated(rows[separator])}"
            )
    pairs = [one for one, cells in headings.items() if len(cells) == 2]
    if not pairs:
        raise UserError(
            f"{place}: needs two columns, a photo's name and its {column.what}, separated by a comma, semicolon or tab,"
            f" or a heading such as image,{column.what}; got {clipped(first, 100)!r}"
        )
    whole = [one for one in pairs if all(len(read_row(line, one, place)) == 2 for _, line in numbered[1:])]
    return _Columns((whole or pairs)[0], 0, 1, False)


def _stated(headings: dict[str, list[str]], column: ValueColumn, rows: dict[str, list[str]], place: str) -> _Columns:
    """The columns of a table whose column of values dataset.yaml says."""
    wanted = (column.heading or "").lower()
    for separator, cells in headings.items():
        if cells.count(wanted) > 1:
            raise UserError(f"{place}: has two columns {column.heading!r}; rename one of them")
        if wanted in cells:
            value = cells.index(wanted)
            names = [index for index, cell in enumerate(cells) if cell in NAME_COLUMNS and index != value]
            if not names and len(cells) > 2:
                raise UserError(f"{place}: no column names the photo; call it image; there are: {enumerated(cells)}")
            return _Columns(separator, names[0] if names else 1 - value, value, True)
    cells = max(rows.values(), key=len)
    raise UserError(
        f"{place}: no column {column.heading!r}, which dataset.yaml says in {column.key}.column; there are:"
        f" {enumerated(cells)}"
    )


def _other(cells: list[str], names: list[int]) -> str:
    return next(cell for index, cell in enumerate(cells) if index not in names) if len(names) < len(cells) else "NAME"


def _quoting(separator: str) -> str:
    return "put a name that has a comma in quotes" if separator == "," else "give each line the same columns"
