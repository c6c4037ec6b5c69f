"""Class names that lie with the masks: `labelmap.txt` as VOC and CVAT write it, and Roboflow's `_classes.csv`."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterable

from beam_jobs.storage.files import read_part
from schemas.shorthand import IGNORE

MAX_BYTES = 1 << 18  # 256 KiB
LABEL_MAP, CLASSES_CSV = "labelmap.txt", "_classes.csv"
_UNLABELLED = ("void", "ignore", "ignored", "unlabeled", "unlabelled")


def find_names(folder: str, paths: Iterable[str]) -> tuple[dict[str, str], str]:
    """Value or colour to class name, and the file that says so; empty where none does.

    Args:
      folder: The input folder.
      paths: Relative to it, of its files.

    Raises:
      OSError: The file can't be read.
    """
    for path in sorted(paths, key=lambda path: (path.count("/"), path)):
        name = posixpath.basename(path)
        if name in (LABEL_MAP, CLASSES_CSV):
            text = read_part(f"{folder}/{path}", 0, MAX_BYTES).decode("utf-8-sig", "replace")
            found = read_label_map(text) if name == LABEL_MAP else read_classes_csv(text)
            if found:
                return found, path
    return {}, ""


def read_label_map(text: str) -> dict[str, str]:
    """Colours of lines such as `road:128,64,128::` (CVAT, "Segmentation mask" export)."""
    names = {}
    for line in text.splitlines():
        if match := re.match(r"\s*([^#:][^:]*):(\d{1,3}),(\d{1,3}),(\d{1,3}):", line):
            color = "#{:02x}{:02x}{:02x}".format(*(min(255, int(one)) for one in match.groups()[1:]))
            names[color] = _name(match[1])
    return names


def read_classes_csv(text: str) -> dict[str, str]:
    """Values of lines such as `1, road` below a heading (Roboflow, "Semantic Segmentation Masks")."""
    names = {}
    for line in text.splitlines()[1:]:
        value, comma, name = line.partition(",")
        if comma and value.strip().isdigit() and name.strip():
            names[value.strip()] = _name(name)
    return names


def _name(text: str) -> str:
    text = text.strip()
    return IGNORE if text.lower() in _UNLABELLED else text
