"""Patterns for `dataset.yaml` of files whose paths are known."""

from __future__ import annotations

import posixpath
from collections import defaultdict
from collections.abc import Collection, Sequence

from beam_jobs.describe.names import AGAIN, split_template


def common_pattern(paths: Sequence[str]) -> str | None:
    """The pattern of files that differ by name, by split, and perhaps by extension; None where there are none."""
    folders: dict[str, list[tuple[str, str]]] = defaultdict(list)
    for path in paths:
        template, split = split_template(posixpath.dirname(path))
        folders[template].append((split, extension_of(path)))
    if not folders:
        return None
    template, own = max(folders.items(), key=lambda one: (len(one[1]), one[0]))
    extensions = {extension for _, extension in own}
    name = f"{{id}}.{extensions.pop() if len(extensions) == 1 else '*'}"
    return posixpath.join(with_splits(template, {split for split, _ in own}), name)


def path_by_split(paths: Sequence[str]) -> str:
    """The path of one file, or the pattern of several that differ by split."""
    template, _ = split_template(paths[0])
    return with_splits(template, {split_template(path)[1] for path in paths}) if len(paths) > 1 else paths[0]


def stem_of(path: str) -> str:
    """The name of a file without its extension."""
    return posixpath.splitext(posixpath.basename(path))[0]


def extension_of(path: str) -> str:
    """The extension of a file in lower case, without the dot."""
    return posixpath.splitext(path)[1].lower().removeprefix(".")


def with_splits(template: str, splits: Collection[str]) -> str:
    """A template as a pattern: of one split, its own name is enough."""
    names = sorted(splits)
    if len(names) < 2:
        return template.replace("{split}", "".join(names)).replace(AGAIN, "".join(names))
    return template.replace("{split}", f"{{split:{'|'.join(names)}}}").replace(AGAIN, "*")
