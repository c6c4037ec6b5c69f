"""Keeps text short and printable, for messages that repeat names and values from outside.

Long lists are cut to their first items and the number of the rest, long texts to their start and end. Characters that
would move a terminal's cursor or reverse the direction of the letters are escaped.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from itertools import islice

ITEMS = 5
CHARACTERS = 500  # of a text that comes from outside


def enumerated(items: Collection[object], separator: str = ", ", most: int = ITEMS) -> str:
    """Joins the first items and says how many more there are: `a, b and 4,998 more`.

    Args:
      items: In the order in which to name them.
      separator: Between the named items.
      most: How many to name. If there is only one more, it is named too.
    """
    named = len(items) if len(items) <= most + 1 else most
    shown = separator.join(clipped(str(one)) for one in islice(items, named))
    more = len(items) - named
    return f"{shown} and {more:,} more" if more else shown


def clipped(text: str, most: int = CHARACTERS) -> str:
    """Returns the text, or, if it has more than `most` characters, its start, its length and its end."""
    if len(text) <= most:
        return text
    gap = f" [{len(text):,} characters] "
    start = (most - len(gap)) * 2 // 3
    return f"{text[:start]}{gap}{text[len(text) - (most - len(gap) - start) :]}"


def printable(text: str) -> str:
    """Escapes all characters that are not printable, except newlines, as Python does in a literal."""
    if text.isprintable():
        return text
    return "".join(one if one.isprintable() or one == "\n" else ascii(one)[1:-1] for one in text)


def bounded_lines(lines: Iterable[str], most: int, characters: int = 2 * CHARACTERS) -> list[str]:
    """Returns the first lines, each clipped, and, if some are left out, a last line with their number."""
    lines = list(lines)
    shown = [clipped(line, characters) for line in (lines if len(lines) <= most + 1 else lines[:most])]
    return shown + ([f"and {len(lines) - most:,} more"] if len(shown) < len(lines) else [])
