"""Finds the table that says which mask each photo has, where their names do not: `metadata.jsonl`, or a CSV file."""

from __future__ import annotations

import posixpath
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

from beam_jobs.describe.file_patterns import common_pattern, extension_of, path_by_split
from beam_jobs.describe.layout import Layout
from beam_jobs.describe.names import PICTURES, split_template
from beam_jobs.elements import SourceFile
from beam_jobs.sources.pair_tables import JSON_LINES, Row, paths_of_name, read_pair_table
from schemas.errors import UserError
from schemas.path_pattern import SPANNING, PathPattern, is_system_name
from schemas.table_spec import PairSpec

KINDS = (*(one[1:] for one in JSON_LINES), "csv", "tsv", "txt", "lst")
MAX_TABLES = 24  # that are read
MAX_BYTES = 16 << 20  # 16 MiB, of one of them
_LEAST = 0.5  # of the rows whose files must be there


class Paired(NamedTuple):
    """Layouts, the likeliest first, and the table that pairs their files; empty where names do."""

    layouts: list[Layout]
    table: str


def choose_paired(folder: str, sizes: Mapping[str, int], layouts: Sequence[Layout]) -> Paired:
    """What a table says of the layouts that names give: which of them is right, or that none is.

    Args:
      folder, sizes: As for `find_paired`.
      layouts: The likeliest first.
    """
    found = find_paired(folder, sizes)
    if found is None:
        return Paired(list(layouts), "")
    layout, table = found
    same = [one for one in layouts if {*layout.pairs} <= {*one.pairs}]
    if same:  # names say it, and of several kinds of mask the table says which is meant
        return Paired([*same, *(one for one in layouts if one not in same)], "")
    return Paired([layout], table)


def find_paired(folder: str, sizes: Mapping[str, int]) -> tuple[Layout, str] | None:
    """The photos and masks that a table pairs, and the table, or the pattern of one for each split; else None.

    Args:
      folder: The input folder.
      sizes: Relative path of each file in it to its bytes.

    Raises:
      UserError: No patterns tell photos and masks apart.
    """
    families: dict[str, list[str]] = defaultdict(list)
    for path in _tables(sizes):
        families[split_template(path)[0]].append(path)
    found = [(pairs, paths) for paths in families.values() if (pairs := _pairs(folder, paths, sizes))]
    if not found:
        return None
    pairs, paths = max(found, key=lambda one: len(one[0]))
    photos, masks = _pattern([one for one, _ in pairs]), _pattern([one for _, one in pairs])
    if any(PathPattern(masks).id_of(photo) or PathPattern(photos).id_of(mask) for photo, mask in pairs):
        raise UserError(
            f"--input {folder}: {paths[0]} says which mask each photo has, but photos and masks lie in the same folders"
            " and are of one kind; move the masks into a folder of their own, and correct their names there"
        )
    return Layout(photos, masks, pairs, _count(photos, sizes), _count(masks, sizes)), path_by_split(paths)


def _tables(sizes: Mapping[str, int]) -> list[str]:
    own = (path for path, size in sizes.items() if extension_of(path) in KINDS and 0 < size <= MAX_BYTES)
    visible = (path for path in own if not any(map(is_system_name, path.split("/"))))
    return sorted(visible, key=lambda path: (path.count("/"), path))[:MAX_TABLES]


def _pairs(folder: str, paths: Sequence[str], sizes: Mapping[str, int]) -> list[tuple[str, str]]:
    """The pairs of tables whose rows mostly name pictures that are there."""
    pairs, rows = [], 0
    for path in paths:
        try:
            for row in read_pair_table(SourceFile(f"{folder}/{path}", sizes[path]), PairSpec(table=path)):
                rows += 1
                pairs += _pair_of(row, posixpath.dirname(path), sizes)
        except UserError:  # a table of anything else
            return []
    return sorted(set(pairs)) if pairs and len(pairs) >= _LEAST * rows else []


def _pair_of(row: Row, folder: str, sizes: Mapping[str, int]) -> list[tuple[str, str]]:
    photo, mask = (
        next((path for path in paths_of_name(name, folder) if path in sizes and extension_of(path) in PICTURES), None)
        for name in (row.photo, row.mask)
    )
    return [(photo, mask)] if photo is not None and mask is not None and photo != mask else []


def _pattern(paths: Sequence[str]) -> str:
    """The pattern of all these files, under which no two have the same id."""
    pattern = common_pattern(paths)
    for one in filter(None, (pattern, (pattern or "").replace("{split:", "{id:"))):
        ids = [PathPattern(one).id_of(path) for path in paths]
        if all(ids) and len({*ids}) == len(ids):
            return one
    extensions = {extension_of(path) for path in paths}
    above = posixpath.commonpath([posixpath.dirname(path) for path in paths])
    return posixpath.join(above, f"{SPANNING}.{extensions.pop() if len(extensions) == 1 else '*'}")


def _count(pattern: str, sizes: Iterable[str]) -> int:
    return sum(bool(PathPattern(pattern).id_of(path)) for path in sizes)
