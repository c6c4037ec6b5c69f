"""One-line texts for people: titles, licences, addresses."""

from __future__ import annotations

import unicodedata
from typing import Annotated

from pydantic import AfterValidator, Field

MAX_LINE = 300  # characters
# Unicode's categories of control characters, halves of surrogate pairs, and ends of lines and paragraphs.
_BREAKS = ("Cc", "Cs", "Zl", "Zp")
_DIRECTIONS = "\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069"  # reverse letters: text can look like another


def check_line(text: str) -> str:
    """Returns the text if it is one line of plain text; otherwise ValueError says what is wrong."""
    for character in text:
        if unicodedata.category(character) in _BREAKS or character in _DIRECTIONS:
            raise ValueError(f"must be one line of plain text, without U+{ord(character):04X}")
    if text and all(unicodedata.category(character)[0] in "CMZ" for character in text):
        raise ValueError("must have a visible character")
    if text != text.strip():
        raise ValueError("must not start or end with a space")
    return text


Line = Annotated[str, Field(min_length=1, max_length=MAX_LINE), AfterValidator(check_line)]
