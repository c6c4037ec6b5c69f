"""Text that stays readable however much there is to say: a few of many, with the number of the others."""

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
    """The text, or its start and its end where it has more characters than `most`."""
    if len(text) <= most:
        return text
    start = most * 2 // 3
    return f"{text[:start]} [{len(text) - most:,} characters] {text[len(text) - (most - start) :]}"


def bounded_lines(lines: Iterable[str], most: int, characters: int = 2 * CHARACTERS) -> list[str]:
    """The first lines, each clipped, and a last one that says how many more there are."""
    lines = list(lines)
    shown = [clipped(line, characters) for line in (lines if len(lines) <= most + 1 else lines[:most])]
    return shown + ([f"and {len(lines) - most:,} more"] if len(shown) < len(lines) else [])
