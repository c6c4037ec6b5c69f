"""Whether classes contradict each other or their masks; a ValueError begins with the key that is at fault."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import pairwise
from typing import Any

from schemas.class_spec import OF_FILES, ClassSpec, MaskSpec
from schemas.colors import first_alike
from schemas.features import IGNORE_ID, IGNORED_FRACTION, fraction_feature
from schemas.path_pattern import CLASS
from schemas.shorthand import IGNORE

LOSSY_GAP = 48  # between the values of a lossy mask, which compression changes by up to half of this


def check_number(classes: Sequence[ClassSpec]) -> None:
    """Checks that there is something to tell apart."""
    if len(classes) < 2:
        raise ValueError(f"classes: a model needs at least two to tell apart, such as background; got {len(classes)}")


def check_names(classes: Sequence[ClassSpec]) -> None:
    """Checks that classes differ in name, in title and in colour."""
    for what, names in (("names", [one.name for one in classes]), ("titles", [one.shown for one in classes])):
        if len(set(names)) != len(classes):
            raise ValueError(f"classes: {what} must differ, but {_twice(classes, names)}; rename one of them")
    if alike := first_alike(tuple(one.rgb for one in classes)):
        first, second = (classes[one] for one in alike)
        raise ValueError(f"classes: {second.name} looks like {first.name}, {first.color}; give it another color")


def _twice(classes: Sequence[ClassSpec], names: Sequence[str]) -> str:
    """Names the first two classes that are called the same."""
    name = next(name for name in names if names.count(name) > 1)
    first, second = [one.shown for one, own in zip(classes, names) if own == name][:2]
    return f"{first!r} and {second!r} are both {name}"


def check_mask_values(
    classes: Sequence[ClassSpec], masks: MaskSpec, ignore_values: Sequence[int], ignore_colors: Sequence[str]
) -> None:
    """Checks that each value or colour belongs to one class, and that all classes have values, or all colours."""
    values = [value for one in classes for value in one.mask_values]
    colors = [color for one in classes for color in one.mask_colors]
    if (values or ignore_values) and (colors or ignore_colors):
        raise ValueError("classes: give all of them mask_values, or all of them mask_colors")
    kinds: dict[str, list[Any]] = {"mask_values": values, "mask_colors": colors}
    for name, found in kinds.items():
        if len(found) != len(set(found)):
            twice = next(value for value in found if found.count(value) > 1)
            raise ValueError(f"classes: {name} must belong to one class each, {twice} is in two")
    if masks.lossy and min(_gaps(values, ignore_values), default=255) < LOSSY_GAP:
        raise ValueError(f"masks.lossy: values of classes must be at least {LOSSY_GAP} apart")
    if masks.threshold and ({*values, *ignore_values} - {0, 255} or colors):
        raise ValueError("masks.threshold: such masks only have the values 0 and 255; give these to the classes")


def _gaps(*values: Iterable[int]) -> list[int]:
    """Distances between neighbours."""
    ordered = sorted(value for some in values for value in some)
    return [after - before for before, after in pairwise(ordered)]


def check_annotations(
    classes: Sequence[ClassSpec],
    masks: MaskSpec,
    image_path: str,
    mask_path: str | None,
    ignore_categories: Sequence[str] | None,
) -> None:
    """Checks that annotations name categories, and masks do not, and that both know where they lie."""
    kind, unlabelled = masks.format, masks.unlabelled
    if (mask_path is None) == (kind is None or kind in OF_FILES):
        where = "masks lie" if kind is None else f"files of format: {kind} lie"
        raise ValueError(
            f"mask_path: needed; it says where {where}"
            if mask_path is None
            else f"mask_path: format: {kind} has no mask files; leave it out"
        )
    if kind != "layers" and CLASS in f"{image_path} {mask_path}":
        raise ValueError(f"mask_path: {CLASS} only with masks: {{format: layers}}")
    if any((one.categories is None) == (kind is not None) for one in classes):
        raise ValueError("classes: categories belong to a format of annotations, and it to them; see masks")
    if kind is None:
        return
    names = [one.name for one in classes]
    if unknown := [one for one in (*(masks.order or ()), unlabelled) if one not in (*names, IGNORE)]:
        raise ValueError(f"masks: no class {unknown[0]!r}; there are: {', '.join(names)}")
    categories = [*(ignore_categories or ()), *(name for one in classes for name in one.categories or ())]
    if twice := [one for one in categories if categories.count(one) > 1]:
        raise ValueError(f"classes: categories must belong to one class each, {twice[0]!r} is in two")
    if empty := [one.name for one in classes if not one.categories and one.name != unlabelled]:
        raise ValueError(f"classes: {empty[0]} has no categories, and is not what unlabelled pixels are")


def check_ignored(classes: Sequence[ClassSpec], ignore_values: Sequence[int], ignore_colors: Sequence[str]) -> None:
    """Checks that pixels without a class have values, or colours, of their own, and room for their id and feature."""
    kinds = (("ignore_values", "mask_values", ignore_values), ("ignore_colors", "mask_colors", ignore_colors))
    for key, name, ignored in kinds:
        of_classes = {value for one in classes for value in getattr(one, name)}
        if common := of_classes & set(ignored):
            raise ValueError(f"{key}: {sorted(common)} are also values of classes")
    if len(classes) >= IGNORE_ID:
        raise ValueError(f"classes: at most {IGNORE_ID - 1} with ignored pixels, got {len(classes)}")
    if IGNORED_FRACTION in [fraction_feature(one.name) for one in classes]:
        raise ValueError(f"classes: with ignored pixels, {IGNORED_FRACTION} is reserved; rename the class")
