"""Which class of one version is which of another: by name, or, where it was renamed, by what means it in the masks."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from schemas.class_spec import ClassSpec
from schemas.features import IGNORE_ID
from schemas.spec import DatasetSpec

NO_CLASS = -1  # in `ClassMatch.ids`: the other version has no such class


class ClassMatch(NamedTuple):
    """The classes of two versions.

    Attributes:
      ids: 256 values: class id of the earlier version to that of the later one, IGNORE_ID to itself, else NO_CLASS.
      names: Of the later version, in the order of its class ids.
      renamed: (earlier name, later name) of the same class.
      removed, added: Names that only one version has.
      same_ids: Whether equal bytes of two masks mean the same classes.
    """

    ids: tuple[int, ...]
    names: tuple[str, ...]
    renamed: tuple[tuple[str, str], ...]
    removed: tuple[str, ...]
    added: tuple[str, ...]
    same_ids: bool

    def notes(self, before: str, after: str) -> Iterator[str]:
        """How the classes differ, in words; `before` and `after` name the versions."""
        parts = [f"{old} is now called {new}" for old, new in self.renamed]
        parts += [f"only {before} has {', '.join(self.removed)}"] if self.removed else []
        parts += [f"only {after} has {', '.join(self.added)}"] if self.added else []
        kept = [one for one in self.ids if one != NO_CLASS]
        parts += ["their order differs"] if kept != sorted(kept) else []
        if parts:
            yield f"classes differ: {'; '.join(parts)}; masks are compared by class"


def match_classes(before: DatasetSpec, after: DatasetSpec) -> ClassMatch:
    """Matches the classes of two contracts; what no name matches is matched by mask values, colours or categories."""
    ids: dict[int, int] = {}
    later = {name: class_id for class_id, name in enumerate(after.class_names)}
    for class_id, name in enumerate(before.class_names):
        if name in later:
            ids[class_id] = later[name]
    taken = set(ids.values())
    meanings = {_meaning(one): class_id for class_id, one in enumerate(after.classes) if class_id not in taken}
    renamed = []
    for class_id, one in enumerate(before.classes):
        if class_id not in ids and (match := meanings.get(_meaning(one))) is not None:
            ids[class_id] = match
            renamed.append((one.name, after.class_names[match]))
    ids[IGNORE_ID] = IGNORE_ID
    matched = set(ids.values())
    return ClassMatch(
        tuple(ids.get(one, NO_CLASS) for one in range(256)),
        after.class_names,
        tuple(renamed),
        tuple(name for class_id, name in enumerate(before.class_names) if class_id not in ids),
        tuple(name for class_id, name in enumerate(after.class_names) if class_id not in matched),
        all(ids.get(one) == one for one in range(min(len(before.classes), len(after.classes)))),
    )


def _meaning(one: ClassSpec) -> tuple[frozenset, frozenset, frozenset]:
    return frozenset(one.mask_values), frozenset(one.mask_colors), frozenset(one.categories or ())
