"""Files that a program writes and a person may edit: a digest at the end says whether one has."""

from __future__ import annotations

import hashlib

_SEAL = "# as written by "  # then the author, and the digest of all lines before


def sealed(text: str, author: str) -> str:
    """A file's lines, with a comment at their end that `is_edited` knows them by.

    Args:
      text: Lines in which `#` begins a comment, the last one ended.
      author: The module that writes them.
    """
    return f"{text}{_SEAL}{author}: {_digest(text)}\n"


def is_edited(text: str) -> bool:
    """Whether somebody has changed a file since `sealed` gave it, or it never came from there."""
    body, seal, end = text.rpartition(_SEAL)
    return not seal or end.strip().rpartition(": ")[2] != _digest(body)


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:16]
