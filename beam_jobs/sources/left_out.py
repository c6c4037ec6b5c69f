"""Files among the photos and masks that match no pattern: counted and named, so that none is silently ignored."""

from __future__ import annotations

import heapq
import posixpath
from collections.abc import Iterable, Sequence
from typing import NamedTuple

from schemas.path_pattern import PathPattern, is_system_name

FOLDERS = "folders"
NO_EXTENSION = "without extension"
SYSTEM_FILES = "hidden files and files of the operating system"
ARCHIVED_BY_MACOS = "__MACOSX"  # folder of an archive, with a hidden file for each that was packed
UNREADABLE_MEMBERS = "links and special files in archives"
UNSAFE_MEMBERS = "unsafe names in archives"

_EXAMPLES = 3  # named of each kind
_KINDS = 50  # of which the first in the alphabet keep their name
_OTHERS = "other extensions"
_FOLDERS_KNOWN = 10_000  # a folder beyond them may be counted again


class LeftOut(NamedTuple):
    """How many files of one kind were left out, and the first few by their names."""

    count: int
    examples: tuple[str, ...]


def add_left_out(all_kinds: Iterable[dict[str, LeftOut]]) -> dict[str, LeftOut]:
    """The sum of what was left out, by kind: an extension such as `.jpeg`, or one of this module's names."""
    total: dict[str, LeftOut] = {}
    for kinds in all_kinds:
        for kind, more in kinds.items():
            before = total.get(kind, LeftOut(0, ()))
            examples = heapq.nsmallest(_EXAMPLES, {*before.examples, *more.examples})
            total[kind] = LeftOut(before.count + more.count, tuple(examples))
    return dict(sorted(total.items()))


class LeftOutFiles:
    """Collects files of a listing that match no pattern, only under the folders of the patterns."""

    def __init__(self, patterns: Sequence[PathPattern], known: Iterable[str] = ()):
        """`known` are relative paths of other files that the data set has, such as its lists."""
        self._patterns = patterns
        self._known = frozenset(known)
        self._folders: set[str] = set()
        self.kinds: dict[str, LeftOut] = {}

    def add(self, path: str, seen_by: PathPattern | None = None) -> None:
        """Counts a file or, with a slash at its end, a folder that is not entered.

        Args:
          path: Relative to the input folder, or the name in an archive.
          seen_by: The pattern whose listing has found it; what several listings find counts for the first of them.
        """
        name = self._name_of(path)
        if name is None or name in self._folders:
            return
        is_system = any(map(is_system_name, name.removesuffix("/").split("/")))
        folder = posixpath.dirname(name.removesuffix("/"))
        if seen_by is not None and next(one for one in self._patterns if one.visits(folder)).text != seen_by.text:
            return
        if name.endswith("/"):
            visited = [one.text for one in self._patterns if one.visits(name.removesuffix("/"))]
            if seen_by is not None and visited and seen_by.text not in visited:
                return  # it is entered for another pattern, such as that of the masks
            if len(self._folders) < _FOLDERS_KNOWN:
                self._folders.add(name)
            self.count(SYSTEM_FILES if is_system else FOLDERS, name)
        elif is_system:
            self.count(SYSTEM_FILES, name)
        else:
            self.count(posixpath.splitext(name)[1].lower() or NO_EXTENSION, name)

    def add_member(self, name: str | None, written: str) -> None:
        """Counts a member of an archive that is not a regular file, or whose name leads out of it."""
        if name is None:
            self.count(UNSAFE_MEMBERS, written)
        elif any(pattern.id_of(name) is not None for pattern in self._patterns):
            self.count(UNREADABLE_MEMBERS, written)

    def count(self, kind: str, name: str) -> None:
        """Counts something of a kind that is known."""
        if kind not in self.kinds and len(self.kinds) >= _KINDS:
            kind = _OTHERS
        before = self.kinds.get(kind, LeftOut(0, ()))
        examples = before.examples
        if len(examples) < _EXAMPLES or name < examples[-1]:
            examples = tuple(heapq.nsmallest(_EXAMPLES, {*examples, name}))
        self.kinds[kind] = LeftOut(before.count + 1, examples)

    def _name_of(self, path: str) -> str | None:
        """The name that a path counts under: its own, or that of the first folder that no pattern enters; or None."""
        parts = path.split("/")
        if path in self._known:
            return None
        if any(pattern.id_of(path) is not None for pattern in self._patterns):
            return None
        is_inside = False
        for depth in range(len(parts)):
            folder = "/".join(parts[:depth])
            if any(pattern.visits(folder) for pattern in self._patterns):
                is_inside = True
            elif is_inside:
                return f"{folder}/"
        return path if is_inside or parts[0] == ARCHIVED_BY_MACOS else None
