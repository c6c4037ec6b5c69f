"""Names in merged data sets: ids that begin with the data set that a photo is from; classes as people write them."""

from __future__ import annotations

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
