"""The contract that a version carries: `dataset.yaml` in one form, and the changes between two of them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import yaml

from schemas.documents import parse_yaml
from schemas.frozen_model import parse_model
from schemas.spec import DatasetSpec

# What a record says. Titles, colours and addresses may change without a new version; so may the places of files,
# because what lies there is in the digest of the inputs.
_CLASS_FIELDS = ("mask_values", "mask_colors", "categories", "required")


class _Dumper(yaml.SafeDumper):
    """Writes equal values out each time, as `schemas.documents` reads them."""

    def ignore_aliases(self, data):
        return True


def dataset_text(spec: DatasetSpec) -> str:
    """Writes the spec as YAML; the same spec gives the same text, which `parse_dataset` reads back."""
    values = spec.model_dump(mode="json", exclude_none=True)
    return yaml.dump(values, Dumper=_Dumper, sort_keys=False, allow_unicode=True, width=110)


def parse_dataset(data: bytes, source: str) -> DatasetSpec:
    """Reads what `dataset_text` wrote; UserError for anything else."""
    return parse_model(DatasetSpec, parse_yaml(data, source), source)


def label_changes(before: DatasetSpec, now: DatasetSpec) -> list[str]:
    """Lists why records of one spec mean something else under another: classes, their order and values, and slices.

    Returns:
      Such as `class pet: mask_values [1] (now [2])`; empty if records of both can be mixed.
    """
    changes = []
    if before.class_names != now.class_names:
        changes.append(f"classes {_listed(before.class_names)} (now {_listed(now.class_names)})")
    earlier = {one.name: one for one in before.classes}
    for one in now.classes:
        if (old := earlier.get(one.name)) is not None:
            for field in _CLASS_FIELDS:
                old_value, new_value = _plain(getattr(old, field)), _plain(getattr(one, field))
                if old_value != new_value:
                    changes.append(f"class {one.name}: {field} {old_value} (now {new_value})")
    for field in ("ignore_values", "ignore_colors", "ignore_categories"):
        old_value, new_value = sorted(getattr(before, field) or ()), sorted(getattr(now, field) or ())
        if old_value != new_value:
            changes.append(f"{field} {old_value} (now {new_value})")
    if _reading(before) != _reading(now):
        old_masks, new_masks = (one.masks.model_dump(exclude_none=True) for one in (before, now))
        changes.append(f"masks {old_masks} (now {new_masks})")
    if before.photo_range != now.photo_range:
        changes.append(f"photos.range {before.photo_range} (now {now.photo_range})")
    groups = [_grouping(one) for one in (before, now)]
    if groups[0] != groups[1]:
        changes.append(f"group {groups[0]} (now {groups[1]})")
    weights = [_weighing(one) for one in (before, now)]
    if weights[0] != weights[1]:
        changes.append(f"weights {weights[0]} (now {weights[1]})")
    return [*changes, *_slice_changes(before, now), *_merge_changes(before, now)]


def contract_changes(before: DatasetSpec, now: DatasetSpec) -> list[str]:
    """As `label_changes`, plus changed rules, which decide what is published, but change no record."""
    rules = [sorted(str(rule.model_dump(exclude_none=True)) for rule in spec.rules) for spec in (before, now)]
    dropped, added = (sorted(set(one) - set(other)) for one, other in (rules, rules[::-1]))
    changed = (
        [f"rules {'; '.join(dropped) or 'without'} (now {'; '.join(added) or 'without'})"] if dropped or added else []
    )
    return label_changes(before, now) + changed


def _merge_changes(before: DatasetSpec, now: DatasetSpec) -> Iterator[str]:
    earlier, later = before.merge or {}, now.merge or {}
    if earlier.keys() != later.keys():
        yield f"merge {_listed(earlier)} (now {_listed(later)})"
    for name in (one for one in earlier if one in later):
        old, new = earlier[name], later[name]
        if old.targets(before.class_names) != new.targets(now.class_names):
            yield f"merge.{name}: classes mapped otherwise"
        yield from (f"merge.{name}: {change}" for change in label_changes(old.dataset, new.dataset))


def _slice_changes(before: DatasetSpec, now: DatasetSpec) -> Iterator[str]:
    if before.slice_names != now.slice_names:
        yield f"slices {_listed(before.slice_names)} (now {_listed(now.slice_names)})"
        return
    for old, new in zip(before.slices, now.slices):
        if (old.id_pattern, old.of) != (new.id_pattern, new.of):
            yield f"slice {new.name}: {old.id_pattern or f'of {old.of}'} (now {new.id_pattern or f'of {new.of}'})"
        elif old.members != new.members:
            moved = sorted(old.members.items() ^ new.members.items())
            yield f"slice {new.name}: groups differ for {_listed(dict.fromkeys(member for member, _ in moved))}"


def _reading(spec: DatasetSpec) -> dict[str, object]:
    """How masks are read, without where they lie."""
    return spec.masks.model_dump(exclude={"annotations"})


def _grouping(spec: DatasetSpec) -> dict[str, Any] | None:
    """How photos belong together; what a table says, and not where it lies."""
    if spec.group is None:
        return None
    return spec.group.model_dump(exclude_defaults=True) | ({"table": "a table"} if spec.group.table else {})


def _weighing(spec: DatasetSpec) -> dict[str, object] | None:
    return spec.weights and spec.weights.model_dump(exclude_defaults=True, exclude={"table"})


def _plain(value: object) -> object:
    return sorted(value) if isinstance(value, tuple) else str(value).lower()


def _listed(names) -> str:
    return ", ".join(names) or "none"
