"""Names of files that every file system keeps apart and can write, also those of Windows, macOS and what they share."""

from __future__ import annotations

import hashlib
import re
import unicodedata
from collections.abc import Iterable

_DIGITS = 8  # hexadecimal, of the digest; with what else is added to an id, a name that is being written has 253 bytes
# https://learn.microsoft.com/windows/win32/fileio/naming-a-file: they are devices, whatever follows a dot
_DEVICE = re.compile(r"(con|prn|aux|nul|(com|lpt)[0-9¹²³])(?=\s*(\.|$))", re.IGNORECASE)


def folded(name: str) -> str:
    """What two names have in common that are one file where capital letters do not count."""
    return unicodedata.normalize("NFC", name.casefold())


def unreserved(name: str) -> str:
    """The name with its first letter escaped as ids escape, `~63on`, where Windows has it for a device: `con`."""
    return f"~{ord(name[0]):02X}{name[1:]}" if _DEVICE.match(name) else name


def told_apart(image_ids: Iterable[str]) -> dict[str, str]:
    """A name for the file of each id of a group, without its extension.

    Args:
      image_ids: All ids that are `folded` to the same text, in any order.

    Returns:
      Each id to its name: the id itself, if it is the first in order, and no name of a device; others end in `~~` and a
      digest, which no id does, so a name is also unlike those of all other groups.
    """
    first, *others = sorted(set(image_ids))
    names = {first: first}
    for one in others:
        names[one] = f"{one}~~{hashlib.sha256(one.encode()).hexdigest()[:_DIGITS]}"
    return {image_id: unreserved(name) for image_id, name in names.items()}
