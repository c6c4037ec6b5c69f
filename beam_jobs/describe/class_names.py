"""Class names in files beside the masks: tables, lists and label maps as data sets and annotation tools write them."""

from __future__ import annotations

import csv
import json
import posixpath
import re
from collections.abc import Collection, Iterable, Mapping
from typing import Any

from beam_jobs.storage.files import read_part
from schemas.shorthand import IGNORE

MAX_BYTES = 1 << 18  # 256 KiB
MAX_FILES = 50  # that are read
LABEL_MAP = "labelmap.txt"
_FILES = re.compile(
    r"(?i)[^/]*(class|label|categor|colou?r|name|object|dataset|legend|config)[^/]*\.(txt|csv|tsv|json)$"
)
_LISTS = re.compile(r"(?i)(class|label|categor|name)[^/]*\.txt$")  # may hold nothing but names
_NAME = ("name", "class", "class name", "class_name", "label", "category", "readable")
_VALUE = ("value", "pixel value", "pixel_value", "id", "idx", "index", "class_id", "label_id", "train_id")
_WITHIN = ("labels", "id2label", "classes", "categories")  # of a JSON document, where names may lie
_RGB = (("r", "g", "b"), ("red", "green", "blue"))
_UNLABELLED = ("void", "ignore", "ignored", "unlabeled", "unlabelled", "no-data", "no data", "nodata")
_NAMED_COLOR = re.compile(  # `3 road 128 64 128`, `road: 128, 64, 128`
    r"(?:\s*(\d{1,5})[\s,:]+)?\s*([^\d\s].*?)[\s,:(]+(\d{1,3})[\s,]+(\d{1,3})[\s,]+(\d{1,3})\W*"
)
_COLOR = ("color", "colour", "rgb", "hex")
_TRIPLE = re.compile(r"[\[(]?(\d{1,3})[\s,]+(\d{1,3})[\s,]+(\d{1,3})[\])]?")
_MIN_NAMED = 0.5  # of the values in the masks, before a file is believed

Names = dict[str, str]  # value or colour (`#rrggbb`) to name


def find_names(
    folder: str, paths: Iterable[str], values: Collection[str], *others: Collection[str]
) -> tuple[Names, str]:
    """Finds class names by value or colour, and the file that states most of those in the masks.

    Args:
      folder: The input folder.
      paths: Relative to it, of its files.
      values: Values or colours that the masks have.
      others: Colours of palettes, which may have names in place of the values.

    Returns:
      Nothing where no file names at least half of them, and two.

    Raises:
      OSError: A file can't be read.
    """
    likely = sorted((path for path in paths if _FILES.search(path)), key=lambda path: (path.count("/"), path))
    best: tuple[Names, str] = {}, ""
    most = 0.0
    for path in likely[:MAX_FILES]:
        found = read_names(posixpath.basename(path), read_part(f"{folder}/{path}", 0, MAX_BYTES))
        for kind in (values, *others):
            named = len(found.keys() & set(kind))
            if named > 1 and named / len(kind) > max(most, _MIN_NAMED - 1e-9):
                best, most = (found, path), named / len(kind)
    return best


def read_names(file_name: str, data: bytes) -> Names:
    """The names in a file; empty if it is of no known kind."""
    text = data.decode("utf-8-sig", "replace")
    if file_name.lower().endswith(".json"):
        return _of_json(text)
    if file_name == LABEL_MAP:
        return read_label_map(text)
    if found := _of_table(text) or _of_lines(text):
        return found
    lines = [line.strip() for line in text.splitlines() if line.strip() and not line.startswith("#")]
    if not _LISTS.search(file_name) or any(len(line) > 60 for line in lines):
        return {}
    return {str(value): _name(line) for value, line in enumerate(lines)}


def read_label_map(text: str) -> Names:
    """Colours of lines such as `road:128,64,128::` (CVAT, "Segmentation mask" export)."""
    names = {}
    for line in text.splitlines():
        if match := re.match(r"\s*([^#:][^:]*):(\d{1,3}),(\d{1,3}),(\d{1,3}):", line):
            names[_color(match.groups()[1:])] = _name(match[1])
    return names


def _of_table(text: str) -> Names:
    """Values or colours of a table with a heading: `name,r,g,b` (DeepGlobe), `Pixel Value, Class` (Roboflow)."""
    lines = text.splitlines()
    delimiter = next((one for one in "\t;," if lines and one in lines[0]), None)
    if delimiter is None:
        return {}
    rows = [[cell.strip() for cell in row] for row in csv.reader(lines, delimiter=delimiter, skipinitialspace=True)]
    heading = [cell.lower() for cell in rows[0]]
    names = next((heading.index(one) for one in _NAME if one in heading), None)
    colors = next(([heading.index(one) for one in rgb] for rgb in _RGB if set(rgb) <= set(heading)), None)
    value = next((heading.index(one) for one in _VALUE if one in heading), None)
    written = next((heading.index(one) for one in _COLOR if one in heading), None)
    if names is None or (colors is None and value is None and written is None):
        return {}
    keys = colors if colors is not None else [value] if value is not None else []
    found = {}
    for row in rows[1:]:
        if len(row) != len(heading) or not row[names]:
            continue
        if written is not None and (color := _written_color(row[written])):
            found[color] = _name(row[names])
        if keys and all(row[key].isdecimal() for key in keys):
            cells = [row[key] for key in keys]
            found[_color(cells) if len(cells) == 3 else str(int(cells[0]))] = _name(row[names])
    return found


def _of_lines(text: str) -> Names:
    """Colours of lines such as `128 64 128  Road` (CamVid) or `3 road 128 64 128` (RUGD), or values as in `3: pie`."""
    found = {}
    for line in text.splitlines():
        if match := re.fullmatch(r"\s*(\d{1,3})[\s,]+(\d{1,3})[\s,]+(\d{1,3})[\s,]+([^\d\s].*)", line):
            found[_color(match.groups()[:3])] = _name(match[4])
        elif match := re.fullmatch(
            r"(?:\s*(\d{1,5})[\s,:]+)?\s*([^\d\s].*?)[\s,:(]+(\d+)[\s,]+(\d+)[\s,]+(\d+)\W*", line
        ):
            found[_color(match.groups()[2:])] = _name(match[2])
            if match[1]:
                found[str(int(match[1]))] = _name(match[2])
        elif match := re.fullmatch(r"\s*(\d{1,5})\s*[\s:=,]\s*([^\d\s].*)", line):
            found[str(int(match[1]))] = _name(match[2])
    return found


def _of_json(text: str) -> Names:
    """Names of `{"labels": {"road": 0}}` (nnU-Net), `{"0": "road"}` (id2label), `{"road": [128, 64, 128]}`, or a list
    of objects with `name`, and perhaps `id` and `color`."""
    try:
        document = json.loads(text)
    except (ValueError, RecursionError):
        return {}
    if isinstance(document, Mapping):
        document = next((document[key] for key in _WITHIN if key in document), document)
    return _of_object(document)


def _of_object(part: Any) -> Names:
    if isinstance(part, Mapping):
        if all(isinstance(value, int) and not isinstance(value, bool) for value in part.values()):
            return {str(value): _name(name) for name, value in part.items()}
        if colors := {_written_color(value): _name(name) for name, value in part.items() if _written_color(value)}:
            return colors
        return {key: _name(name) for key, name in part.items() if key.isdecimal() and isinstance(name, str)}
    found: Names = {}
    for position, one in enumerate(part if isinstance(part, list) else ()):
        if isinstance(one, str):
            found[str(position)] = _name(one)
        elif isinstance(one, Mapping):
            name = next((one[key] for key in ("readable", *_NAME) if isinstance(one.get(key), str)), None)
            value = next((one[key] for key in _VALUE if isinstance(one.get(key), int)), position)
            if name is not None:
                found[str(value)] = _name(name)
                if color := next((_written_color(one[key]) for key in _COLOR if key in one), ""):
                    found[color] = _name(name)
    return found


def _written_color(value: Any) -> str:
    """`#rrggbb` of a colour as `[128, 64, 128]`, `(128, 64, 128)` or `#804080`; empty for anything else."""
    if isinstance(value, str):
        if re.fullmatch("#[0-9a-fA-F]{6}", value.strip()):
            return value.strip().lower()
        value = [int(one) for one in match.groups()] if (match := _TRIPLE.fullmatch(value.strip())) else None
    is_color = isinstance(value, list) and len(value) == 3 and all(type(one) is int and 0 <= one < 256 for one in value)
    return _color(map(str, value)) if is_color else ""


def _color(cells: Iterable[str]) -> str:
    return "#{:02x}{:02x}{:02x}".format(*(min(255, int(one)) for one in cells))


def _name(text: str) -> str:
    """The first of several synonyms; IGNORE for a name that means no class."""
    text = re.split(r"[,;]", text.strip().strip("\"'"))[0].strip()
    return IGNORE if text.lower() in _UNLABELLED else text
