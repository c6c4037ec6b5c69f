"""Where files lie under a folder, as data sets and users write it: `images/{id}.jpg` or `leftImg8bit/*/{id}_left.png`.

`{id}` stands for the id, `*` for any characters and `?` for one, none of them for a `/`; everything else is literal.
`{split:train|val}` stands for one of these names, which also say the split, as `SPLIT_NAMES` has them. A folder called
`test` is the split `test` beside one of `eval`, such as `val`; without, it is `eval`, which every version needs.
`{class}` stands for any characters too, and names the class of a mask that has one.
Names that begin with a dot never match a `*`, a `?` or an `{id}` at their start: operating systems leave such files.
The extension after an `{id}` matches in upper and lower case, and `.jpg` and `.jpeg` are the same.
"""

from __future__ import annotations

import re
from functools import cached_property

from schemas.features import EVAL, TEST, TRAIN

PLACEHOLDER, CLASS = "{id}", "{class}"
SPLIT_NAMES = {  # as folders are called, in any case
    **dict.fromkeys(("train", "training", "trn"), TRAIN),
    **dict.fromkeys(("eval", "val", "valid", "validation", "dev"), EVAL),
    **dict.fromkeys(("test", "testing", "tst"), TEST),
}
_SPLIT = re.compile(r"\{split:([^{}]*)\}")
_WILDCARDS = re.compile(r"(\{id\}|\{class\}|\{split:[^{}]*\}|\*|\?)")
_ANY_LENGTH = {PLACEHOLDER: "(?P<id>[^/]*?)", CLASS: "(?P<class_name>[^/]*?)", "*": "[^/]*?"}
_JPEG = ("jpg", "jpeg")


def check_path_pattern(text: str) -> str:
    """Returns a pattern that names an id; ValueError says what is wrong with any other text."""
    folder, _, file_name = text.rpartition("/")
    if file_name.count(PLACEHOLDER) != 1 or PLACEHOLDER in folder:
        raise ValueError(f"needs {PLACEHOLDER} exactly once, in its file name")
    return _check_pattern(text)


def check_mask_pattern(text: str) -> str:
    """As `check_path_pattern`; the id may also stand in a folder, as in `{id}/masks/*.png`."""
    if text.count(PLACEHOLDER) != 1:
        raise ValueError(f"needs {PLACEHOLDER} exactly once")
    return _check_pattern(text)


def check_file_pattern(text: str) -> str:
    """Returns a pattern of files of a whole data set; ValueError says what is wrong with any other text."""
    if PLACEHOLDER in text or CLASS in text:
        raise ValueError(f"names files of all photos, without {PLACEHOLDER} and {CLASS}")
    return _check_pattern(text)


def _check_pattern(text: str) -> str:
    if text.count(CLASS) > 1:
        raise ValueError(f"{CLASS} stands there once at most")
    if len(splits := _SPLIT.findall(text)) > 1 or len(splits) < text.count("{split"):
        raise ValueError("{split:...} stands there once, and names folders, such as {split:train|val}")
    if unknown := [name for names in splits for name in names.split("|") if name.lower() not in SPLIT_NAMES]:
        raise ValueError(f"{{split:...}}: {unknown[0]!r} names no split; known are {', '.join(SPLIT_NAMES)}")
    if "**" in text:
        raise ValueError("** is not supported; write one * for each folder on the way")
    if any(part in ("", ".", "..") for part in text.split("/")):
        raise ValueError("must be a path below the input folder, without empty parts, '.' and '..'")
    return text


class PathPattern:
    """A pattern, taken apart.

    An id takes as much as it can: under `{id}.*`, `a.b.jpg` has the id `a.b`.

    Attributes:
      text: The pattern as it was written.
      parts: Its folders and, last, its file name.
    """

    def __init__(self, text: str):
        self.text = text
        self.parts = tuple(text.split("/"))

    @property
    def glob(self) -> str:
        """The pattern as people and shells read it, e.g. `images/*.jpg`."""
        return _SPLIT.sub("*", self.text.replace(PLACEHOLDER, "*").replace(CLASS, "*"))

    @property
    def prefix(self) -> str:
        """What every match begins with, e.g. `leftImg8bit/`."""
        return _WILDCARDS.split(self.text)[0]

    @property
    def folder(self) -> str:
        """The folder below which every match lies, e.g. `leftImg8bit`; empty for the input folder itself."""
        return self.prefix.rpartition("/")[0]

    def visits(self, folder: str) -> bool:
        """Whether matches are looked for in a folder, `folder` itself or one below, or in those below it."""
        if not f"{folder}/".startswith(f"{self.folder}/" if self.folder else ""):
            return False
        names = folder.split("/") if folder else []
        return len(names) < len(self.parts) and all(map(self.part_matches, range(len(names)), names))

    def part_matches(self, index: int, name: str) -> bool:
        """Whether `name` can be the part of a path at this index."""
        return self._expressions[index].fullmatch(name[::-1]) is not None

    def id_of(self, path: str) -> str | None:
        """The id in a relative path, empty where the pattern names none; None where the path does not match."""
        names = path.split("/")
        if len(names) != len(self.parts):
            return None
        if not all(map(self.part_matches, range(len(names)), names)):
            return None
        return self._group_of(path, "id")

    @property
    def literal_length(self) -> int:
        """Characters that stand for themselves; of two patterns that match a file, the one with more of them has it."""
        return len("".join(_WILDCARDS.split(self.text)[::2]))

    @property
    def names_splits(self) -> bool:
        """Whether matches say their split."""
        return bool(self.splits)

    @cached_property
    def splits(self) -> dict[str, str]:
        """Folder to the split that it is, of the names of a `{split:...}`; empty where the pattern has none."""
        found = _SPLIT.search(self.text)
        splits = {name: SPLIT_NAMES[name.lower()] for name in found[1].split("|")} if found else {}
        if EVAL not in splits.values():
            splits = {name: EVAL if split == TEST else split for name, split in splits.items()}
        return splits

    def split_of(self, path: str) -> str:
        """The split that a matching path names; empty where the pattern has none."""
        found = self._group_of(path, "split")
        return self.splits[found] if found else ""

    def class_of(self, path: str) -> str:
        """The class that a matching path names; empty where the pattern has none."""
        return self._group_of(path, "class_name")

    def _group_of(self, path: str, group: str) -> str:
        for expression, name in zip(self._expressions, path.split("/")):
            if (match := expression.fullmatch(name[::-1])) and (found := match.groupdict().get(group)):
                return found[::-1]
        return ""

    @cached_property
    def _expressions(self) -> list[re.Pattern[str]]:
        return [_expression(part) for part in self.parts]


def _expression(part: str) -> re.Pattern[str]:
    """An expression for a name, backwards, so that it takes time in proportion to the name and the wildcards.

    Of the names that a pattern allows, each `*` and `{id}` takes as much as it can, the first one first. So, seen from
    the end, each takes as little as it can until what stands before it in the pattern is found, and need not be tried
    with more: the lookahead keeps an expression from trying. Other expressions try each star with each length.
    """
    pieces = _WILDCARDS.split(part)
    visible = r"(?!.*\.\Z)" if len(pieces) > 1 and not pieces[0] else ""
    stem, dot, extension = pieces[-1].rpartition(".")
    if PLACEHOLDER not in pieces or not extension.isalnum():
        stem, dot, extension = pieces[-1], "", ""
    expression, wildcard, literal = "", "", _backwards(stem)
    if dot:
        expected = "ge?pj" if extension.lower() in _JPEG else _backwards(extension)
        literal = rf"(?ai:{expected}\.){literal}"
    for number, piece in enumerate(reversed(pieces[:-1])):
        if piece in _ANY_LENGTH:
            expression += _shortest(wildcard, literal, number)
            wildcard, literal = _ANY_LENGTH[piece], ""
        else:
            literal += "[^/]" if piece == "?" else _literal(piece)
    return re.compile(f"{visible}{expression}{wildcard}{literal}", re.DOTALL)


def _shortest(wildcard: str, literal: str, number: int) -> str:
    """A wildcard with what follows it, as short as can be, and tried with no other length."""
    return f"(?=(?P<part{number}>{wildcard}{literal}))(?P=part{number})" if wildcard else literal


def _literal(piece: str) -> str:
    """What stands for itself, or a name of a split: the shortest first, which leaves the most to wildcards."""
    if names := _SPLIT.fullmatch(piece):
        return f"(?P<split>{'|'.join(map(_backwards, sorted(names[1].split('|'), key=len)))})"
    return _backwards(piece)


def _backwards(literal: str) -> str:
    return re.escape(literal[::-1])
