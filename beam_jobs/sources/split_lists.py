"""Lists of the photos of a split, as people, tools and data sets write them: ids, names, paths, or a table.

    pug_1                                  an id; columns of numbers behind it do not matter
    IMG 1 (2).jpg                          a file's name, of a photo or a mask, whatever its extension
    /data/train/x.png /data/labels/x.png   a path, of which the end is compared with the data set's patterns
    image,split                            a table of comma, semicolon or tab, with a heading; rows of other splits are
    images/x.jpg,val                       left to their own list, which may be the same file

Empty lines and lines that begin with `#` are skipped.
"""

from __future__ import annotations

import codecs
import csv
import re
from collections.abc import Iterable, Iterator
from typing import NamedTuple

from beam_jobs.elements import SourceFile
from beam_jobs.rejections import InputRejected
from beam_jobs.sources.annotations.names import photo_id
from beam_jobs.sources.input_files import read_input
from schemas.errors import UserError
from schemas.features import EVAL, TEST
from schemas.image_ids import image_id_of, is_image_id
from schemas.path_pattern import SPLIT_NAMES, PathPattern

_MARKS = (  # byte order marks; that of UTF-32 begins like that of UTF-16
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
_REMEDY = "save it as UTF-8"

IDS, NAMES, PATHS = "ids", "file_names", "paths"
NAME_COLUMNS = frozenset(
    ("id", "image_id", "imageid", "image", "image_name", "image_path", "img", "file", "file_name", "filename", "name")
) | {"path", "photo", "photo_id"}
_SPLIT_COLUMNS = frozenset(("split", "set", "subset", "partition"))
SEPARATORS = (",", ";", "\t")
_PICTURE = re.compile(r"\.(?:jpe?g|png|bmp|tiff?|webp|gif|avif|heic)$", re.IGNORECASE)


class Entry(NamedTuple):
    """One photo in a list: the line that names it, the name as it is written, and what its column of splits says."""

    line: int
    name: str
    split: str = ""


class Listed(NamedTuple):
    """The id that an entry means, and how it was read: one of IDS, NAMES and PATHS."""

    image_id: str
    form: str


def read_split_list(source: SourceFile) -> Iterator[Entry]:
    """The entries of a list, in its order.

    Raises:
      UserError: The list can't be read, or is not text.
    """
    yield from entries_of(numbered_lines(source, "a list of a split"), str(source))


def entries_of(numbered: list[tuple[int, str]], source: str) -> Iterator[Entry]:
    """The entries of a list's lines, which may be a table; `source` names the list in a UserError."""
    if numbered and (columns := _heading(numbered[0][1])):
        yield from _read_table(numbered[1:], columns, source)
        return
    pick = _first_name if _has_columns([line for _, line in numbered]) else _whole_line
    for number, line in numbered:
        yield Entry(number, pick(line))


def numbered_lines(source: SourceFile, what: str) -> list[tuple[int, str]]:
    """The lines of a list or a table with their numbers, from 1; without empty ones and comments.

    Raises:
      UserError: The file, which is `what`, can't be read, or is not text.
    """
    try:
        data = read_input(source)
    except InputRejected as error:
        raise UserError(f"{error.detail}; {what} can't be left out") from None
    return lines_of(data, str(source))


def lines_of(data: bytes, source: str) -> list[tuple[int, str]]:
    """As `numbered_lines`, of a file's content."""
    text = _decode(data, source)
    lines = [line.replace("\ufeff", "").strip() for line in re.split("\r\n|\n|\r", text)]  # marks of joined lists
    return [(number, line) for number, line in enumerate(lines, start=1) if line and not line.startswith("#")]


def read_row(line: str, separator: str, place: str) -> list[str]:
    """The cells of a line of a table; UserError, which names its `place`, where it is not one."""
    try:
        return [cell.strip() for cell in next(csv.reader([line], delimiter=separator), [])]
    except csv.Error as error:
        raise UserError(f"{place}: not a row of a table ({error})") from None


def is_picture(name: str) -> bool:
    """Whether a name ends as those of photos and masks do."""
    return _PICTURE.search(name) is not None


def splits_of_column(entries: Iterable[Entry]) -> dict[str, str]:
    """Each word in the column of splits to the split that it means, or to itself."""
    splits = {one.split: SPLIT_NAMES.get(one.split.lower(), one.split) for one in entries if one.split}
    if EVAL not in splits.values():  # as in folders: `test` is eval where nothing else is
        splits = {name: EVAL if one == TEST else one for name, one in splits.items()}
    return splits


def photo_listed(name: str, image_path: str, mask_path: str | None) -> Listed:
    """The id of the photo that a list calls `name`; it need not exist."""
    parts = name.replace("\\", "/").split("/")
    form = PATHS if len(parts) > 1 else NAMES if is_picture(name) else IDS
    if form == IDS and "~" in name and is_image_id(name):  # as quarantines and tables of predictions write it
        return Listed(name, IDS)
    relative = "/".join(part for part in parts if part not in ("", "."))
    patterns = sorted(filter(None, (image_path, mask_path)), key=_literal_length, reverse=True)
    for pattern in patterns:
        if image_id := photo_id(relative, pattern):
            return Listed(image_id, form)
    for pattern in patterns:
        if image_id := photo_id(_with_extension(relative, pattern), pattern):
            return Listed(image_id, form)
    return Listed(image_id_of(_PICTURE.sub("", relative) or name), form)


def _literal_length(pattern: str) -> int:
    """Of two patterns that match a name, `{id}.png` and `{id}_mask.png`, the longer one has it."""
    return PathPattern(pattern.rpartition("/")[2]).literal_length


def _with_extension(name: str, pattern: str) -> str:
    """A name with the extension that the pattern has: lists and photos may differ, and ids have none."""
    extension = pattern.rpartition(".")[2]
    return f"{_PICTURE.sub('', name)}.{extension if extension.isalnum() else 'png'}"


def _heading(line: str) -> tuple[str, int, int | None] | None:
    """Of a table: what separates its columns, and which have the name and the split; None for any other line."""
    for separator in SEPARATORS:
        cells = [cell.strip().strip('"').lower() for cell in line.split(separator)]
        names = [index for index, cell in enumerate(cells) if cell in NAME_COLUMNS]
        if names and (len(cells) > 1 or "_" in line or "file" in line.lower()):
            splits = [index for index, cell in enumerate(cells) if cell in _SPLIT_COLUMNS]
            return separator, names[0], splits[0] if splits else None
    return None


def _read_table(numbered: list[tuple[int, str]], columns: tuple[str, int, int | None], source: str) -> Iterator[Entry]:
    separator, name, split = columns
    for number, line in numbered:
        cells = read_row(line, separator, f"{source}: line {number}")
        if len(cells) > name and cells[name]:
            yield Entry(number, cells[name], cells[split] if split is not None and len(cells) > split else "")


def _has_columns(lines: list[str]) -> bool:
    """Whether lines without extensions are an id and other columns, rather than a name with spaces in it.

    The first words of names such as `IMG 1` are mostly the same, and those of ids are not.
    """
    several = [line.split()[0] for line in lines if len(line.split()) > 1]
    return 2 * len(set(several)) > len(several)


def _first_name(line: str) -> str:
    return _up_to_extension(line) or line.split()[0]


def _whole_line(line: str) -> str:
    return _up_to_extension(line) or line.partition("\t")[0].strip()


def _up_to_extension(line: str) -> str:
    match = re.match(rf'"?(.+?{_PICTURE.pattern[:-1]})(?=["\s,;]|$)', line, re.IGNORECASE)
    return match[1] if match else ""


def _decode(data: bytes, name: str) -> str:
    """Decodes text as editors save it: UTF-8, or Unicode with a byte order mark. Other encodings would be a guess."""
    encoding = next((encoding for mark, encoding in _MARKS if data.startswith(mark)), "utf-8")
    try:
        text = data.decode(encoding)
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        found = data[error.start : error.start + 1]
        problem = f"not {encoding.removesuffix('-sig').upper()} ({error.reason})"
        raise UserError(f"{name}: line {line}, byte {error.start}: {found!r} is {problem}; {_REMEDY}") from None
    if (zero := text.find("\0")) >= 0:
        line = text.count("\n", 0, zero) + 1
        raise UserError(f"{name}: line {line}: holds zero bytes, as UTF-16 without a byte order mark; {_REMEDY}")
    return text
