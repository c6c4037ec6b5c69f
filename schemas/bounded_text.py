"""Text that stays short and printable, however much there is to say and whatever input it repeats.

Of many things a few are named, with the number of the others; of long texts start and end are kept; and what would
move a terminal's cursor, or turn the direction of the letters, is spelled out.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from itertools import islice

ITEMS = 5
CHARACTERS = 500  # of a sentence that repeats something from outside


def enumerated(items: Collection[object], separator: str = ", ", most: int = ITEMS) -> str:
    """The first items as one text, and how many more there are: `a, b and 4,998 more`.

    Args:
      items: In the order in which they are to be named.
      separator: Between those that are named.
      most: How many are named. One more is named too, rather than counted.
    """
    named = len(items) if len(items) <= most + 1 else most
    shown = separator.join(clipped(str(one)) for one in islice(items, named))
    more = len(items) - named
    return f"{shown} and {more:,} more" if more else shown


def clipped(text: str, most: int = CHARACTERS) -> str:
    """The text, or its start, its length and its end where it has more characters than `most`."""
    if len(text) <= most:
        return text
    gap = f" [{len(text):,} characters] "
    start = (most - len(gap)) * 2 // 3
    return f"{text[:start]}{gap}{text[len(text) - (most - len(gap) - start) :]}"


def printable(text: str) -> str:
    """The text with every character that cannot be printed, apart from newlines, as Python writes it in a literal."""
    if text.isprintable():
        return text
    return "".join(one if one.isprintable() or one == "\n" else ascii(one)[1:-1] for one in text)


def bounded_lines(lines: Iterable[str], most: int, characters: int = 2 * CHARACTERS) -> list[str]:
    """The first lines, each clipped, and a last one that says how many more there are."""
    lines = list(lines)
    shown = [clipped(line, characters) for line in (lines if len(lines) <= most + 1 else lines[:most])]
    return shown + ([f"and {len(lines) - most:,} more"] if len(shown) < len(lines) else [])
