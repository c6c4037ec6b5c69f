"""Colours by rule: each as unlike the others as can be, also for people with deuteranopia, a frequent colour blindness.

What such a person sees is simulated with the matrix of G. Machado, M. Oliveira and L. Fernandes, "A Physiologically-
based Model for Simulation of Color Vision Deficiency", IEEE TVCG 2009, severity 1.0. How unlike two colours are is
their distance in CIE L*a*b* under the white of sRGB (IEC 61966-2-1), known as Delta E 1976: about 2 can just be seen
side by side, and 10 at a glance.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence
from functools import cache

from schemas.colors import GREY, Color

Lab = tuple[float, float, float]

_DEUTERANOPIA = (
    (0.367322, 0.860646, -0.227968),
    (0.280085, 0.672501, 0.047413),
    (-0.011820, 0.042940, 0.968881),
)
_TO_XYZ = (  # of linear sRGB, divided by the white point D65
    (0.4124564 / 0.95047, 0.3575761 / 0.95047, 0.1804375 / 0.95047),
    (0.2126729, 0.7151522, 0.0721750),
    (0.0193339 / 1.08883, 0.1191920 / 1.08883, 0.9503041 / 1.08883),
)
_LEVELS = (0, 40, 80, 120, 160, 200, 240)  # of each channel, of the colours to choose from
_LIGHTNESS = (28, 92)  # ends of L*: what is darker or lighter cannot be seen on a dark or a light page


def difference(one: Color, other: Color) -> float:
    """Delta E 1976 of two colours, for whom they differ less: people with or without deuteranopia."""
    return min(_distance(a, b) for a, b in zip(_seen(one), _seen(other)))


def least_difference(colors: Sequence[Color]) -> tuple[float, Color, Color]:
    """The two colours that differ least, and by how much; at least two are needed."""
    return min((difference(one, other), one, other) for one, other in itertools.combinations(colors, 2))


def unlike_colors(taken: Sequence[Color] = ()) -> Iterator[Color]:
    """An endless series of colours, each the one that differs most from all before it and from those `taken`.

    The grey of ignored pixels is taken, too. Once every colour to choose from is used, they come again.
    """
    least = {color: min(difference(color, other) for other in (GREY, *taken)) for color in _candidates()}
    while True:
        chosen = max(least, key=lambda color: (least[color], color))
        if least[chosen] < 0:
            least = dict.fromkeys(least, 0.0)
        yield chosen
        least[chosen] = -1.0
        for color, before in least.items():
            if before > 0:
                least[color] = min(before, difference(color, chosen))


@cache
def _candidates() -> tuple[Color, ...]:
    low, high = _LIGHTNESS
    colors = itertools.product(_LEVELS, _LEVELS, _LEVELS)
    return tuple(one for one in colors if low <= _seen(one)[0][0] <= high)


@cache
def _seen(color: Color) -> tuple[Lab, Lab]:
    """L*, a* and b* of a colour: as most people see it, and as people with deuteranopia do."""
    linear = tuple(map(_linear, color))
    simulated = tuple(min(1.0, max(0.0, one)) for one in _times(_DEUTERANOPIA, linear))
    return _lab(linear), _lab(simulated)


def _linear(level: int) -> float:
    value = level / 255
    return value / 12.92 if value <= 0.04045 else ((value + 0.055) / 1.055) ** 2.4


def _lab(linear: Sequence[float]) -> Lab:
    x, y, z = (one ** (1 / 3) if one > (6 / 29) ** 3 else one * 841 / 108 + 4 / 29 for one in _times(_TO_XYZ, linear))
    return 116 * y - 16, 500 * (x - y), 200 * (y - z)


def _times(matrix: Sequence[Sequence[float]], vector: Sequence[float]) -> list[float]:
    return [sum(a * b for a, b in zip(row, vector)) for row in matrix]


def _distance(one: Lab, other: Lab) -> float:
    return ((one[0] - other[0]) ** 2 + (one[1] - other[1]) ** 2 + (one[2] - other[2]) ** 2) ** 0.5
