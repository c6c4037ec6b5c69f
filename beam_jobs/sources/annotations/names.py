"""Which photo a name in a file of annotations means."""

from __future__ import annotations

from functools import cache

from beam_jobs.elements import spell_out
from schemas.image_ids import image_id_of
from schemas.path_pattern import PathPattern


def photo_id(name: str, image_path: str) -> str | None:
    """The id of the photo that annotations call `name`; None where no photo of `image_path` can have it.

    Annotations are made in other folders than their photos lie in later: what is known of both is compared, from the
    file's name upwards. A name is never opened, so it leads nowhere.
    """
    parts = name.replace("\\", "/").split("/")
    for pattern in _ends(image_path):
        longest = len(parts) if pattern.spans_folders else len(pattern.parts)
        for length in range(longest, len(pattern.parts) - 1, -1):
            if length <= len(parts) and (found := pattern.id_of("/".join(parts[-length:]))) is not None:
                return image_id_of(spell_out(found))
    return None


@cache
def _ends(image_path: str) -> list[PathPattern]:
    """The pattern, and its ends that still name the whole id, the longest first."""
    parts = image_path.split("/")
    count = image_path.count("{id")
    ends = ["/".join(parts[start:]) for start in range(len(parts))]
    return [PathPattern(end) for end in ends if end.count("{id") == count]
