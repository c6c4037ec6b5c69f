"""Names in merged data sets: ids that begin with the data set that a photo is from; classes as people write them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from schemas.class_spec import MaskSpec
from schemas.image_ids import image_id_of, name_of
from schemas.shorthand import class_identifier

if TYPE_CHECKING:
    from schemas.spec import DatasetSpec

ANY_ID = "{id:path}.*"  # `image_path` of a merged data set, whose own files are never looked for
SOURCE = "source"  # its slice, unless it has others: the name of the data set that a photo is from
SOURCE_PATTERN = "([^/]+)/.+"


def merged_id(source: str, image_id: str) -> str:
    """The id in the merged data set of a photo that has `image_id` in its own: that of `SOURCE/NAME`."""
    return image_id_of(f"{source}/{name_of(image_id)}")


def split_id(image_id: str) -> tuple[str, str]:
    """The data set that a photo of a merged one is from, and its id there, unless that was shortened."""
    source, _, name = name_of(image_id).partition("/")
    return source, image_id_of(name)


def mapped_names(classes: object) -> object:
    """A mapping of classes, which may be called as people write them, `Traffic sign`, by their identifiers."""
    if not isinstance(classes, dict):
        return classes
    return {_identified(old): _identified(new) for old, new in classes.items()}


def _identified(written: object) -> object:
    return class_identifier(written) or written if isinstance(written, str) else written


def check_merge(spec: DatasetSpec) -> None:
    """Checks that each class of each merged data set has its place, and that nothing is said of files.

    Raises:
      ValueError: Something is wrong; the message begins with the key that is at fault.
    """
    if spec.merge is None:
        return
    if not spec.merge:
        raise ValueError("merge: names no data set")
    said = (spec.official_splits, spec.archives, spec.group, spec.weights, spec.unmasked, spec.ignore_values)
    reading = (spec.image_path, spec.mask_path, spec.pairs, spec.masks)
    if any(said) or reading != (ANY_ID, ANY_ID, None, MaskSpec()):
        raise ValueError(
            "merge: paths, masks, lists, groups and weights belong to the data sets that are merged, not here"
        )
    if any(one.mask_values != (class_id,) for class_id, one in enumerate(spec.classes)):
        raise ValueError("classes: of a merged data set are names alone, as in classes: [road, sky]")
    for name, source in spec.merge.items():
        targets = source.targets(spec.class_names)
        if lost := [one for one, target in zip(source.dataset.class_names, targets) if target is None]:
            raise ValueError(
                f"merge.{name}: no place for {', '.join(lost)}; map each, under classes, to ignore or to one of"
                f" {', '.join(spec.class_names)}"
            )
        if source.dataset.photo_range != spec.photo_range:
            raise ValueError(
                f"merge.{name}: photos.range is {_shown(source.dataset.photo_range)}, and"
                f" {_shown(spec.photo_range)} here; a model reads all photos in one way, so give all the same, or none"
            )


def _shown(photo_range: tuple[int, int] | None) -> str:
    return str(list(photo_range)) if photo_range else "not given"
