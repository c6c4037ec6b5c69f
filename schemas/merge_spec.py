"""Names in merged data sets: ids that begin with the data set that a photo is from; classes as people write them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

from schemas.image_ids import image_id_of, name_of
from schemas.shorthand import class_identifier

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


class Source(NamedTuple):
    """Of a data set that is merged: its classes, the class ids that they get, and the range of its photos."""

    classes: tuple[str, ...]
    targets: tuple[int | None, ...]
    photo_range: tuple[int, int] | None


def check_sources(sources: Mapping[str, Source], classes: tuple[str, ...], photo_range: tuple[int, int] | None) -> None:
    """Checks that each class of each data set has its place, and that all photos are read in one way.

    Args:
      sources: By name.
      classes, photo_range: Of the merged data set.

    Raises:
      ValueError: Something is wrong; the message begins with the key that is at fault.
    """
    if not sources:
        raise ValueError("merge: names no data set")
    for name, source in sources.items():
        if lost := [one for one, target in zip(source.classes, source.targets) if target is None]:
            raise ValueError(
                f"merge.{name}: no place for {', '.join(lost)}; map each, under classes, to ignore or to one of"
                f" {', '.join(classes)}"
            )
        if source.photo_range != photo_range:
            raise ValueError(
                f"merge.{name}: photos.range is {_shown(source.photo_range)}, and {_shown(photo_range)} here; a model"
                " reads all photos in one way, so give all the same, or none"
            )


def _shown(photo_range: tuple[int, int] | None) -> str:
    return str(list(photo_range)) if photo_range else "not given"
