"""Which photo a name in a file of annotations means."""

from __future__ import annotations

from functools import cache

from schemas.path_pattern import PLACEHOLDER, PathPattern


def photo_id(name: str, image_path: str) -> str | None:
    """The id of the photo that annotations call `name`; None where no photo of `image_path` can have it.

    Annotations are made in other folders than their photos lie in later: what is known of both is compared, from the
    file's name upwards. A name is never opened, so it leads nowhere.
    """
    parts = name.replace("\\", "/").split("/")
    for pattern in _ends(image_path):
        if len(pattern.parts) <= len(parts):
            found = pattern.id_of("/".join(parts[-len(pattern.parts) :]))
            if found is not None:
                return found
    return None


@cache
def _ends(image_path: str) -> list[PathPattern]:
    """The pattern, and its ends that still name the id, the longest first."""
    parts = image_path.split("/")
    ends = ["/".join(parts[start:]) for start in range(len(parts))]
    return [PathPattern(end) for end in ends if PLACEHOLDER in end]
