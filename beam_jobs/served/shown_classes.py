"""How pages show the classes that records of a log name: with titles and colours, where the log has them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

from pydantic import ConfigDict, model_validator

from beam_jobs.storage.files import read_part
from schemas.class_spec import ClassName, ClassTitle
from schemas.colors import css_color
from schemas.documents import MAX_JSON_BYTES, parse_json_object
from schemas.errors import UserError
from schemas.exported_model import Level
from schemas.frozen_model import FrozenModel, parse_model
from schemas.served import classes_path, is_model


class ShownClasses(NamedTuple):
    """Classes in the order in which pages show them.

    Attributes:
      names: In the order of class ids where a log says it, else sorted.
      titles: Name to what people call the class.
      colors: Name to CSS colour; empty where no log says any.
    """

    names: tuple[str, ...]
    titles: Mapping[str, str]
    colors: Mapping[str, str]

    def in_json(self) -> dict[str, object]:
        """As `drift.json` and `traffic.json` have it."""
        return {"classes": list(self.names), "titles": dict(self.titles), "colors": dict(self.colors)}


class _ClassFile(FrozenModel):
    """What `beam_jobs.served.class_file` writes; who wrote the log may be anybody."""

    model_config = ConfigDict(extra="ignore")

    classes: tuple[ClassName, ...]
    titles: tuple[ClassTitle, ...]
    palette: tuple[tuple[Level, Level, Level], ...]

    @model_validator(mode="after")
    def _as_many(self) -> _ClassFile:
        if not len(set(self.classes)) == len(set(self.titles)) == len(self.titles) == len(self.palette):
            raise ValueError("as many classes, titles and colours are needed, and names that differ")
        return self


def plain_classes(names: Sequence[str]) -> ShownClasses:
    """Classes that are called by their names, in the given order."""
    return ShownClasses(tuple(names), {one: one for one in names}, {})


def read_shown_classes(names: Sequence[str], places: Iterable[tuple[str, str]]) -> ShownClasses:
    """The classes as the first of some files of logs shows them; by their names alone where none is of these classes.

    A file that is missing, as in a log of an earlier version, or damaged must not keep a page from being written.

    Args:
      names: Of all classes, in any order.
      places: Folders of logs, with the model whose file is read there.
    """
    for log, model in places:
        if not is_model(model):  # a record, which is data, names it
            continue
        path = f"{log}/{classes_path(model)}"
        try:
            found = parse_model(_ClassFile, parse_json_object(read_part(path, 0, MAX_JSON_BYTES + 1), path), path)
        except (OSError, ValueError, UserError):
            continue
        if sorted(found.classes) == sorted(names):
            colors = {name: css_color(color) for name, color in zip(found.classes, found.palette)}
            return ShownClasses(found.classes, dict(zip(found.classes, found.titles)), colors)
    return plain_classes(sorted(names))
