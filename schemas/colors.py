"""The colours that masks are drawn in: the same in every report, page and app, each with one meaning."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Sequence
from functools import cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np

Color = tuple[int, int, int]  # uint8 red, green, blue

GREY: Color = (126, 126, 126)  # of ignored pixels, where no class looks like it
MAGENTA: Color = (255, 0, 255)  # of mask values that the data set does not know, where no class looks like it
CLEAR = 48  # distance in RGB at which two colours are easy to tell apart, even in a thumbnail
ALIKE = 8  # distance in RGB below which two colours look the same
_LEVELS = range(0, 256, 32)  # of each channel, of the colours to choose from


def distinct_color(preferred: Color, taken: Sequence[Color]) -> Color:
    """Returns `preferred` if it is clear of all `taken` colours, else the colour that differs most from them."""
    if _distance(preferred, taken) >= CLEAR:
        return preferred
    levels = (*_LEVELS, 255)
    return max(itertools.product(levels, levels, levels), key=lambda color: _distance(color, taken))


def first_alike(colors: Sequence[Color]) -> tuple[int, int] | None:
    """The positions of the first two colours that look the same; None where all differ."""
    for second, color in enumerate(colors):
        for first in range(second):
            if _distance(color, [colors[first]]) < ALIKE:
                return first, second
    return None


@cache
def ignored_color(palette: tuple[Color, ...]) -> Color:
    """The colour of ignored pixels in drawn masks: grey, or one unlike all classes.

    Args:
      palette: Of the classes.
    """
    return distinct_color(GREY, palette)


@cache
def unknown_color(palette: tuple[Color, ...]) -> Color:
    """The colour of unknown values in a source mask: magenta, or one unlike all classes and ignored pixels."""
    return distinct_color(MAGENTA, (*palette, ignored_color(palette)))


def color_table(palette: tuple[Color, ...]) -> np.ndarray:
    """The colours to draw a mask in: uint8 [256, 3], by class id; IGNORE_ID and all other values as ignored pixels.

    Args:
      palette: Of the classes, in the order of their ids.
    """
    import numpy as np  # for the command lines, which only read the data set

    table = np.full((256, 3), ignored_color(palette), np.uint8)
    table[: len(palette)] = palette
    return table


def css_color(color: Color) -> str:
    """A colour as style sheets write it: `#4e79a7`."""
    return "#{:02x}{:02x}{:02x}".format(*color)


def _distance(color: Color, others: Iterable[Color]) -> float:
    """Euclidean distance to the nearest of the others."""
    return min((sum((a - b) ** 2 for a, b in zip(color, other)) for other in others), default=float("inf")) ** 0.5
