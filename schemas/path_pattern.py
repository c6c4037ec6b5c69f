"""Patterns of paths in a folder, as data sets and users write them: `images/{id}.jpg` or `leftImg8bit/*/{id}_left.png`.

`{id}` stands for the id, `*` for any characters and `?` for one, none of them for a `/`; everything else is literal.
`{id}` may stand in folders too, where the same file names lie in several: `{id}/images/{id}.jpg` has ids such as
`a/0001`. `{id:path}` stands for an id with folders of any depth: `photos/{id:path}.jpg`.
`{split:train|val}` stands for one of these names, which also say the split, as `SPLIT_NAMES` has them; so does
`{id:train|val}`, which is also part of the id: where both splits number their photos from 1. A folder called `test` is
the split `test` beside one of `eval`, such as `val`; without, it is `eval`, which every version needs.
`{class}` stands for any characters too, and names the class of a mask that has one.
Names that begin with a dot, and those of `SYSTEM_NAMES`, never match a `*`, a `?` or an id at their start: operating
systems leave such files.
The extension after an `{id}` matches in upper and lower case, and `.jpg` and `.jpeg` are the same.
"""

from __future__ import annotations

import re
from functools import cached_property

from schemas.features import EVAL, TEST, TRAIN

PLACEHOLDER, CLASS = "{id}", "{class}"
SPANNING = "{id:path}"  # an id with folders
SYSTEM_NAMES = frozenset({"thumbs.db", "ehthumbs.db", "desktop.ini", "__macosx", "@eadir", "$recycle.bin"})
SPLIT_NAMES = {  # as folders are called, in any case
    **dict.fromkeys(("train", "training", "trn", "trainval", "train_val"), TRAIN),
    **dict.fromkeys(("eval", "val", "valid", "validation", "dev"), EVAL),
    **dict.fromkeys(("test", "testing", "tst"), TEST),
}
_SPLIT = re.compile(r"\{(?:split|id):(?!path\})([^{}]*)\}")
_WILDCARDS = re.compile(r"(\{id(?::path)?\}|\{class\}|\{(?:split|id):[^{}]*\}|\*|\?)")
_ANY_LENGTH = {
    **dict.fromkeys((PLACEHOLDER, SPANNING), "(?P<id>[^/]*?)"),
    CLASS: "(?P<class_name>[^/]*?)",
    "*": "[^/]*?",
}
_JPEG = ("jpg", "jpeg")
_VISIBLE = rf"(?!.*\.\Z)(?!(?i:{'|'.join(re.escape(name[::-1]) for name in sorted(SYSTEM_NAMES))})\Z)"  # backwards


def check_path_pattern(text: str) -> str:
    """Returns the text if it is a pattern that names an id; otherwise ValueError says what is wrong."""
    if not has_id(text.rpartition("/")[2]):
        raise ValueError(f"needs {PLACEHOLDER} in its file name, or {SPANNING} at its start")
    return _check_pattern(text)


def check_mask_pattern(text: str) -> str:
    """As `check_path_pattern`; the id may stand in a folder alone, as in `{id}/masks/*.png`."""
    if not has_id(text):
        raise ValueError(f"needs {PLACEHOLDER}, or {SPANNING} at the start of its file name")
    return _check_pattern(text)


def check_file_pattern(text: str) -> str:
    """Returns a pattern of files of a whole data set; ValueError says what is wrong with any other text."""
    if "{id" in text or CLASS in text:
        raise ValueError(f"names files of all photos, without {PLACEHOLDER} and {CLASS}")
    return _check_pattern(text)


def has_id(part: str) -> bool:
    """Whether a pattern, or a part of one, says an id that is more than a split."""
    return PLACEHOLDER in part or SPANNING in part


def is_system_name(name: str) -> bool:
    """Whether a file or folder is one that operating systems hide, or leave among the user's."""
    return name.startswith(".") or name.lower() in SYSTEM_NAMES


def _check_pattern(text: str) -> str:
    *folders, file_name = text.split("/")
    if any(part.count(PLACEHOLDER) + part.count(SPANNING) > 1 for part in (*folders, file_name)):
        raise ValueError(f"{PLACEHOLDER} can stand once in each folder and once in the file name")
    if any(SPANNING in part for part in (*folders, file_name.removeprefix(SPANNING))):
        raise ValueError(f"{SPANNING} must be the start of the file name")
    if text.count(CLASS) > 1:
        raise ValueError(f"{CLASS} stands there once at most")
    if len(splits := _SPLIT.findall(text)) > 1 or len(splits) < text.count("{split"):
        raise ValueError("{split:...} or {id:...} may appear once, with names of folders, such as {split:train|val}")
    if unknown := [name for names in splits for name in names.split("|") if name.lower() not in SPLIT_NAMES]:
        known = ", ".join(SPLIT_NAMES)
        raise ValueError(f"{{split:...}} or {{id:...}}: {unknown[0]!r} names no split; known are {known}")
    if "**" in text:
        raise ValueError("** is not supported; write one * for each folder")
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
        text = self.text.replace(SPANNING, "**/*").replace(PLACEHOLDER, "*").replace(CLASS, "*")
        return _SPLIT.sub("*", text)

    @property
    def prefix(self) -> str:
        """What every match begins with, e.g. `leftImg8bit/`."""
        return _WILDCARDS.split(self.text)[0]

    @property
    def folder(self) -> str:
        """The folder below which every match lies, e.g. `leftImg8bit`; empty for the input folder itself."""
        return self.prefix.rpartition("/")[0]

    @property
    def spans_folders(self) -> bool:
        """Whether matches lie in folders of any depth."""
        return self.parts[-1].startswith(SPANNING)

    def visits(self, folder: str) -> bool:
        """Whether matches are looked for in a folder, `folder` itself or one below, or in those below it."""
        if not f"{folder}/".startswith(f"{self.folder}/" if self.folder else ""):
            return False
        names = folder.split("/") if folder else []
        return all(map(self.enters, range(len(names)), names))

    def enters(self, index: int, name: str) -> bool:
        """Whether `name` can be the folder at this index of a matching path."""
        if index < len(self.parts) - 1:
            return self._expressions[index].fullmatch(name[::-1]) is not None
        return self.spans_folders and not is_system_name(name)

    def may_hold(self, index: int) -> bool:
        """Whether a file can match whose name is the part of its path at this index."""
        return index == len(self.parts) - 1 or (self.spans_folders and index >= len(self.parts))

    def id_of(self, path: str) -> str | None:
        """What stands for the id in a relative path, empty where nothing does; None where the path does not match.

        The parts of an id that lie in several folders are joined by slashes.
        """
        names = path.split("/")
        last = len(self.parts) - 1
        if not self.may_hold(len(names) - 1) or not all(map(self.enters, range(len(names) - 1), names)):
            return None
        found = self._match(path)
        if not all(found):
            return None
        groups = [match.groupdict() for match in found if match]
        *folders, stem = [(one.get("id") or one.get("split_in_id") or "")[::-1] for one in groups]
        if not stem and has_id(self.parts[-1]):
            return ""
        return "/".join(filter(None, [*folders, *names[last:-1], stem]))

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
        found = self._group_of(path, "split") or self._group_of(path, "split_in_id")
        return self.splits[found] if found else ""

    def class_of(self, path: str) -> str:
        """The class that a matching path names; empty where the pattern has none."""
        return self._group_of(path, "class_name") if CLASS in self.text else ""

    def _group_of(self, path: str, group: str) -> str:
        for match in self._match(path):
            if match and (found := match.groupdict().get(group)):
                return found[::-1]
        return ""

    def _match(self, path: str) -> list[re.Match[str] | None]:
        """Matches of the parts of a path: its first ones, and its last for the file's name."""
        names = path.split("/")
        names = [*names[: len(self.parts) - 1], names[-1]]
        return [expression.fullmatch(name[::-1]) for expression, name in zip(self._expressions, names)]

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
    visible = _VISIBLE if len(pieces) > 1 and not pieces[0] else ""
    stem, dot, extension = pieces[-1].rpartition(".")
    if not has_id(part) or not extension.isalnum():
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
        group = "split_in_id" if piece.startswith("{id:") else "split"
        return f"(?P<{group}>{'|'.join(map(_backwards, sorted(names[1].split('|'), key=len)))})"
    return _backwards(piece)


def _backwards(literal: str) -> str:
    return re.escape(literal[::-1])
