"""What source masks and annotations hold, and the class ids that it becomes."""

from __future__ import annotations

from schemas.features import IGNORE_ID
from schemas.spec import DatasetSpec


def ids_of_mask_values(spec: DatasetSpec) -> dict[int, int]:
    """Source mask value to class id, or to IGNORE_ID if it is ignored."""
    ids = {value: class_id for class_id, one in enumerate(spec.classes) for value in one.mask_values}
    return ids | dict.fromkeys(spec.ignore_values, IGNORE_ID)


def ids_of_mask_colors(spec: DatasetSpec) -> dict[str, int]:
    """Source mask colour to class id, or to IGNORE_ID if it is ignored; empty if masks have values."""
    ids = {color: class_id for class_id, one in enumerate(spec.classes) for color in one.mask_colors}
    return ids | dict.fromkeys(spec.ignore_colors, IGNORE_ID)


def ids_of_categories(spec: DatasetSpec) -> dict[str, int]:
    """Every known category of annotations to its class id, and to IGNORE_ID where it is ignored."""
    ids = {name: class_id for class_id, one in enumerate(spec.classes) for name in one.categories or ()}
    return ids | dict.fromkeys(spec.ignore_categories or (), IGNORE_ID)


def unlabelled_id(spec: DatasetSpec) -> int:
    """Class id of pixels that no annotation covers, or IGNORE_ID; only with annotations."""
    names = spec.class_names
    return names.index(spec.masks.unlabelled) if spec.masks.unlabelled in names else IGNORE_ID


def required_ids(spec: DatasetSpec) -> tuple[int, ...]:
    """Class ids of which every mask must have at least one pixel."""
    return tuple(class_id for class_id, one in enumerate(spec.classes) if one.required)
