"""Finds the table beside the photos that says which of them belong together, such as those of a patient."""

from __future__ import annotations

import csv
from collections.abc import Mapping
from typing import NamedTuple

from beam_jobs.describe.layout import Layout
from beam_jobs.describe.split_files import MAX_BYTES, TABLES
from beam_jobs.elements import SourceFile, spell_out
from beam_jobs.sources.photo_tables import GROUP_COLUMNS, ValueColumn, read_photo_table
from beam_jobs.sources.split_lists import photo_listed
from beam_jobs.storage.files import read_part
from schemas.errors import UserError
from schemas.image_ids import image_id_of
from schemas.path_pattern import PathPattern

_MAX_TABLES = 12  # that are read
_HEADING = 1 << 12  # 4 KiB


class GroupTable(NamedTuple):
    """A table that names the group of every photo: its path below the input folder, and what it says, in words."""

    path: str
    reason: str


def find_group_table(folder: str, sizes: Mapping[str, int], layout: Layout) -> GroupTable | None:
    """The first table with a heading such as `patient_id` that has a row for each photo, of which some share a group.

    Args:
      folder: The input folder.
      sizes: Relative path of each file in it to its bytes.
      layout: How photos and masks pair.
    """
    pattern = PathPattern(layout.image_path)
    photos = {image_id_of(spell_out(pattern.id_of(photo) or "")) for photo, _ in layout.pairs}
    tables = [path for path, size in sizes.items() if path.lower().endswith(TABLES) and size <= MAX_BYTES]
    column = ValueColumn("group", "group", GROUP_COLUMNS)
    for path in sorted(tables, key=lambda one: (one.count("/"), one))[:_MAX_TABLES]:
        try:
            heading = _group_heading(read_part(f"{folder}/{path}", 0, _HEADING))
            if not heading:
                continue
            rows = list(read_photo_table(SourceFile(f"{folder}/{path}", sizes[path]), column))
            found = {photo_listed(row.name, layout.image_path, None).image_id: row.value for row in rows}
        except (UserError, OSError, csv.Error):  # tables may be of anything
            continue
        groups = {found[photo] for photo in photos & found.keys()}
        if photos <= found.keys() and 1 < len(groups) < len(photos) and len(found) == len(rows):
            return GroupTable(path, f"{heading}: {len(groups):,} groups of {len(photos):,} photos")
    return None


def _group_heading(data: bytes) -> str:
    """The heading of a column that names groups, as the table's first line writes it; empty where none does."""
    first = next(iter(data.decode("utf-8-sig", "replace").splitlines()), "")
    for separator in ",;\t":
        cells = next(csv.reader([first], delimiter=separator), [])
        if found := next((cell for cell in map(str.strip, cells) if cell.lower() in GROUP_COLUMNS), ""):
            return found
    return ""
