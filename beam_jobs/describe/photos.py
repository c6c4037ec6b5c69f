"""The photos in a folder, as annotations name them."""

from __future__ import annotations

import posixpath
from collections.abc import Collection, Iterable
from urllib.parse import unquote

from beam_jobs.describe.file_patterns import common_pattern, extension_of, stem_of
from beam_jobs.describe.names import MASK_FOLDER, PICTURES


class Photos:
    """The pictures in a folder that may be photos, by their names without folder and extension."""

    def __init__(self, paths: Iterable[str]):
        pictures = [path for path in paths if extension_of(path) in PICTURES and not stem_of(path).startswith(".")]
        self.masks = [path for path in pictures if MASK_FOLDER.search(posixpath.dirname(path))]
        self.paths = sorted({*pictures} - {*self.masks}) or sorted(pictures)
        self.by_stem: dict[str, str] = {}
        for path in self.paths:
            self.by_stem.setdefault(stem_of(path), path)

    def pattern_of(self, stems: Iterable[str]) -> str | None:
        """The pattern of the photos with these names; None where fewer than half of them are there."""
        stems = set(stems)
        found = [path for path in self.paths if stem_of(path) in stems]
        return common_pattern(found) if stems and 2 * len({stem_of(path) for path in found}) >= len(stems) else None

    def pattern_of_names(self, names: Collection[str]) -> tuple[str | None, bool]:
        """The pattern of the photos that a file names, and whether only URLs decoded name them."""
        if (pattern := self.pattern_of(map(stem_of, names))) is not None:
            return pattern, False
        pattern = self.pattern_of(stem_of(unquote(name)) for name in names)
        return pattern, pattern is not None
