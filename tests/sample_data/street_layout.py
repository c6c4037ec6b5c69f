"""Ids of the street scenes, `<city>_<conditions>_<number>`, and what a city and its conditions look like."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from tests.sample_data.layout import Layout
from tests.sample_data.street_canvas import Air, Color


@dataclass(frozen=True)
class City:
    """What the streets of one city have in common.

    Attributes:
      walls: Colours of its houses.
      floors: Fewest and most floors of a house.
      brick, glass: Shares of houses with brick walls and with fronts of glass.
      pitched: Share of houses with a pitched roof.
      green: Share of trees, parks and verges, 0 to 1.
      center_line: Colour of the line between the directions.
      lanes: Lanes in each direction, at most.
      bonnet: Colour of the car that carries the camera, where the camera sees it.
      frame: Pixels of a hundred, of the width, that straightening the picture has left empty at its sides.
    """

    walls: tuple[Color, ...]
    floors: tuple[int, int]
    brick: float
    glass: float
    pitched: float
    green: float
    center_line: Color = (0.93, 0.93, 0.9)
    lanes: int = 1
    bonnet: Color | None = None
    frame: float = 0.0


_CREAM, _OCHRE, _ROSE, _GREY = (0.87, 0.81, 0.68), (0.82, 0.62, 0.38), (0.78, 0.56, 0.5), (0.62, 0.62, 0.6)
_WHITE, _BLUE, _RED, _SAND = (0.9, 0.89, 0.86), (0.6, 0.68, 0.74), (0.58, 0.32, 0.25), (0.74, 0.64, 0.5)
_GREEN, _DARK = (0.6, 0.67, 0.55), (0.4, 0.38, 0.37)

CITIES = {
    "aldermoor": City((_RED, _SAND, _DARK), (2, 3), 0.8, 0.0, 0.9, 0.7),
    "brightwater": City((_WHITE, _CREAM, _BLUE), (2, 4), 0.0, 0.05, 0.6, 0.5, bonnet=(0.5, 0.52, 0.55)),
    "castlegate": City((_OCHRE, _CREAM, _ROSE, _GREEN), (3, 5), 0.05, 0.0, 0.7, 0.2, frame=0.6),
    "dunhaven": City((_GREY, _BLUE, _WHITE), (5, 12), 0.1, 0.6, 0.0, 0.25, (0.9, 0.72, 0.2), 2),
    "eastmere": City((_RED, _GREY, _SAND), (3, 6), 0.6, 0.2, 0.2, 0.4, lanes=2, bonnet=(0.12, 0.13, 0.16)),
    "foxbridge": City((_GREEN, _CREAM, _SAND, _RED), (1, 3), 0.3, 0.0, 0.9, 1.0, (0.9, 0.72, 0.2)),
    "glenport": City((_SAND, _GREY, _OCHRE), (3, 7), 0.2, 0.2, 0.3, 0.45, frame=0.9),
}
CONDITIONS = ("day", "dusk", "rain")


class StreetLayout(Layout):
    """The cities take turns, and so do the conditions, one step further with each round of the cities."""

    def image_id(self, index: int) -> str:
        """See the base class; the number is the picture's own."""
        city = list(CITIES)[index % len(CITIES)]
        return f"{city}_{CONDITIONS[(index + index // len(CITIES)) % len(CONDITIONS)]}_{index + 1:06d}"


def air_of(conditions: str, rng: np.random.Generator) -> Air:
    """Light and haze of `day`, `dusk` or `rain`, a little different each time."""
    side = int(rng.choice([-1, 1]))
    if conditions == "day":
        sun = float(rng.choice([0.0, 0.6, 1.0]))
        warm = (1.0 + 0.1 * sun, 1.0 + 0.04 * sun, 0.98 - 0.04 * sun)
        return Air(warm, (0.76, 0.82, 0.9), rng.uniform(250, 700), sun, side, 0.0, 0.0)
    if conditions == "dusk":
        deep = rng.uniform(0.42, 0.66)
        light = (deep * rng.uniform(0.95, 1.1), 0.9 * deep, deep * rng.uniform(0.98, 1.2))
        haze = (deep * 1.0, deep * 0.74, deep * 0.78)
        return Air(light, haze, rng.uniform(150, 400), 0.0, side, rng.uniform(0.7, 1.0), 0.0)
    grey = rng.uniform(0.68, 0.92)
    haze = (0.8 * grey, 0.83 * grey, 0.86 * grey)
    light = (0.95 * grey, 0.98 * grey, grey)
    return Air(light, haze, rng.uniform(90, 260), 0.0, side, rng.uniform(0.1, 0.6), rng.uniform(0.5, 0.9))
