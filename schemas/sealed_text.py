"""Files that a program writes and a person may edit; the digest in their last line shows whether one has."""

from __future__ import annotations

import hashlib

_SEAL = "# as written by "  # followed by the author and the digest of all lines above


def sealed(text: str, author: str) -> str:
    """Appends the comment by which `is_edited` recognizes an unchanged file.

    Args:
      text: Lines in which `#` starts a comment; ends with a newline.
      author: The module that writes them.
    """
    return f"{text}{_SEAL}{author}: {_digest(text)}\n"


def is_edited(text: str) -> bool:
    """Whether the file has changed since it was sealed, or was never sealed."""
    body, seal, end = text.rpartition(_SEAL)
    return not seal or end.strip().rpartition(": ")[2] != _digest(body)


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:16]
