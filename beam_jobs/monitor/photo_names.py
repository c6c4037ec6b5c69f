"""Names of the photos to label: those that their files had, where a log knows them, so that people find them again."""

from __future__ import annotations

import re

from beam_jobs.file_names import folded, unreserved
from schemas.image_ids import image_id_of, is_image_id, name_of, shown_name

# Apart from control characters: what leads to a folder, what file systems or patterns treat as something else, and what
# a spreadsheet or a shell takes for a formula or an option
_UNSAFE = re.compile(r'[\\:*?\[\]"<>|]|^[=+@.~-]|^\s|[\s.]$')


class PhotoNames:
    """Gives each photo a name that no other one has, also where capital letters do not count."""

    def __init__(self) -> None:
        self._taken: set[str] = set()

    def take(self, photo: str, image_id: str) -> str:
        """The name of a file.

        Args:
          photo: Path of the photo below the log, which is one that a log has.
          image_id: Of the photo, as its record has it, which is data; empty or not an id: it keeps the log's own name.

        Returns:
          `IMG 1 (2).jpg` for the id `IMG~201~20~282~29`, and for `day1~2F7` `day1_7.jpg`; the id itself where a name of
          these characters is not safe. A second photo of a name gets `-2` at its end.
        """
        kept = photo.rpartition("/")[2]
        stem, _, suffix = kept.rpartition(".")
        if is_image_id(image_id):
            name = name_of(image_id).replace("/", "_")
            stem = image_id if _UNSAFE.search(name) or not name.isprintable() else name
        stem = unreserved(stem)
        number, name = 1, stem
        while _key(name) in self._taken:
            number += 1
            name = f"{stem}-{number}"
        self._taken.add(_key(name))
        return f"{name}.{suffix}"


def original_name(image_id: str) -> str:
    """What a list of photos says of an id in a record: the photo's path below its folder; empty where there is none.

    A name with which a spreadsheet would compute stays escaped.
    """
    if not is_image_id(image_id):
        return ""
    name = shown_name(image_id)
    return image_id if re.match(r"[=+@\s-]", name) else name


def _key(name: str) -> str:
    return folded(image_id_of(name))  # preparation and prediction call a photo so
