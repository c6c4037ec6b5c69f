"""The id of a photo, from its name or its path below a folder: a text that is safe in a file name and in JSON.

Letters and digits of any script, `_`, `-` and `.` stand for themselves, so ordinary names are their own ids. Every
other character is escaped as `~` and two hexadecimal digits for each of its bytes in UTF-8, as RFC 3986 does with `%`,
which browsers and servers would decode: `IMG 1 (2)` is `IMG~201~20~282~29`, and `a/0001` is `a~2F0001`.

Names that differ only in how accents are composed are the same name: file systems of macOS decompose what users type.
Unicode 3.2 decides what letters are; each Python has it, so an id does not depend on the Python that makes it.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator
from itertools import takewhile
from unicodedata import ucd_3_2_0 as unicode

MAX_ID_BYTES = 200  # file systems take names of 255 bytes, and a file that is being written has 41 more than its id
_SHORTENED = "~~"  # before the digest of a name that is too long
_DIGITS = 16  # hexadecimal, of the digest: among a million long names two are alike with a chance of 1 in 10**7
_SIGNS = "_-."
# Letters and marks that take no room: a name could look like another one. Fillers of Hangul, joiners, variants.
_UNSEEN = re.compile("[\u034f\u115f\u1160\u17b4\u17b5\u180b-\u180d\u3164\ufe00-\ufe0f\uffa0]")
_ORDINARY = re.compile(rf"[0-9A-Za-z_][0-9A-Za-z_.-]{{0,{MAX_ID_BYTES - 1}}}")  # which is its own id
_ESCAPED = re.compile("(?:~[0-9A-F]{2})+")


def image_id_of(name: str) -> str:
    """The id of a photo whose file is called `name`, without folder and extension, or has that path below a folder.

    The same name has the same id everywhere; different names have different ids, apart from the composition of accents.
    Names whose id would be longer than `MAX_ID_BYTES` keep their start, followed by a digest.
    """
    if _ORDINARY.fullmatch(name):  # nearly all names are, and one worker lists a whole folder
        return name
    name = unicode.normalize("NFC", name)
    image_id = _escaped(name)
    if len(image_id.encode()) <= MAX_ID_BYTES:
        return image_id
    digest = hashlib.sha256(name.encode("utf-8", "surrogatepass")).hexdigest()[:_DIGITS]
    return f"{_start(name, MAX_ID_BYTES - len(_SHORTENED) - _DIGITS)}{_SHORTENED}{digest}"


def is_image_id(text: str) -> bool:
    """Whether a text is one that `image_id_of` gives: not empty, and safe as the name of a file."""
    start, mark, digest = text.partition(_SHORTENED)
    if mark and not re.fullmatch(f"[0-9a-f]{{{_DIGITS}}}", digest):
        return False
    try:
        return text != "" and len(text.encode()) <= MAX_ID_BYTES and _escaped(name_of(start)) == start
    except UnicodeError:
        return False


def name_of(image_id: str) -> str:
    """The name that has this id, with accents composed; of a shortened one its start, and `~~` with the digest."""
    if "~" not in image_id:
        return image_id
    return _ESCAPED.sub(lambda match: bytes.fromhex(match[0].replace("~", "")).decode("utf-8", "replace"), image_id)


def shown_name(image_id: str) -> str:
    """As `name_of`, in one line: what cannot be printed, or would turn the direction of the letters, stays escaped."""
    name = name_of(image_id)
    return name if name.isprintable() else "".join(one if one.isprintable() else _escape(one) for one in name)


def _escaped(name: str) -> str:
    return "".join(_pieces(name))


def _start(name: str, most: int) -> str:
    """As many whole characters of an id as `most` bytes have room for."""
    total = 0

    def fits(piece: str) -> bool:
        nonlocal total
        total += len(piece.encode())
        return total <= most

    return "".join(takewhile(fits, _pieces(name)))


def _pieces(name: str) -> Iterator[str]:
    """Each character of a name as it stands in the id."""
    is_kept = False  # a mark belongs to the letter before it, and alone would join what stands there
    for position, character in enumerate(name):
        is_kept = _is_safe(character, is_kept, position)
        yield character if is_kept else _escape(character)


def _is_safe(character: str, follows_safe: bool, position: int) -> bool:
    if character.isascii():
        # a leading dot hides a file, and a leading hyphen makes it an option
        return character.isalnum() or character == "_" or (character in _SIGNS and position > 0)
    kind = unicode.category(character)[0]
    return (kind in "LN" or (kind == "M" and follows_safe)) and not _UNSEEN.match(character)


def _escape(character: str) -> str:
    return "".join(f"~{byte:02X}" for byte in character.encode("utf-8", "surrogatepass"))
