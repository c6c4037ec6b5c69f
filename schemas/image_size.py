"""The size of records and of a model's input: pixels of a side for a square, WIDTHxHEIGHT for any rectangle.

The width comes first, as for screens and where data sets are named by their size, such as CamVid at 480x360; arrays and
tensors have the height first. Documents hold a number for a square, as they did before there were others, else a text.
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Annotated, Any, NamedTuple

from pydantic import BeforeValidator, WithJsonSchema

MOST = 65_535  # pixels of a side
PATTERN = r"^[0-9]{1,5}([xX][0-9]{1,5})?$"


class Sides(NamedTuple):
    """Pixels of both sides, in the order of an array's axes; both 0 where images keep their sizes."""

    height: int
    width: int

    @property
    def pixels(self) -> int:
        """How many there are in all."""
        return self.height * self.width


def parse_image_size(value: Any) -> int | str:
    """The canonical form of a size: `128`, "128" and "128x128" are 128, and "480X360" is "480x360".

    Raises:
      ValueError: It is no size; says which forms there are.
    """
    match = None if isinstance(value, bool) else re.match(PATTERN, str(value))
    if match is None:
        raise ValueError("give a side in pixels, such as 128, or WIDTHxHEIGHT, such as 480x352")
    width, _, height = str(value).lower().partition("x")
    width, height = int(width), int(height or width)
    if max(width, height) > MOST:
        raise ValueError(f"a side has at most {MOST} pixels")
    if width == height:
        return width
    if not min(width, height):
        raise ValueError("a side of 0 pixels; 0 alone keeps the images' sizes")
    return f"{width}x{height}"


# In a document or a configuration: an int for a square, 0 to keep the images' sizes, or "WIDTHxHEIGHT".
ImageSize = Annotated[
    int | str, BeforeValidator(parse_image_size), WithJsonSchema({"type": "string", "pattern": PATTERN})
]


@lru_cache(maxsize=1 << 10, typed=True)  # each record of a job asks for the same size, several times
def sides(image_size: int | str) -> Sides:
    """Both sides of a size in its canonical form; ValueError where it is none."""
    width, _, height = str(parse_image_size(image_size)).partition("x")
    return Sides(int(height or width), int(width))


def scaled(image_size: int | str, factor: int) -> int | str:
    """The size with sides `factor` times as long."""
    height, width = sides(image_size)
    return parse_image_size(f"{width * factor}x{height * factor}")


def pixels_text(image_size: int | str) -> str:
    """As people read it, such as `480x360`, also for a square."""
    height, width = sides(image_size)
    return f"{width}x{height}"
