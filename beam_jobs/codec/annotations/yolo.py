"""YOLO segmentation: a text file for each photo, a line for each thing: its class's number, then x and y of each point.

Format: Ultralytics, "Instance Segmentation Datasets Overview". Coordinates are shares of the photo's width and height.
A line of 5 numbers is a box, as detection has them, and no mask.
"""

from __future__ import annotations

from beam_jobs.codec.annotations.shapes import Polygons, Shape, polygon, refuse

_BOX = 5


def read_yolo(data: bytes, photo_size: tuple[int, int]) -> list[Shape]:
    """The shapes in a file, in their order; an empty one has none.

    Raises:
      InputRejected: A line is no polygon.
    """
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise refuse("not a text of YOLO's: not UTF-8") from None
    return [_shape(words, row, photo_size) for row, line in enumerate(text.splitlines(), 1) if (words := line.split())]


def _shape(words: list[str], row: int, photo_size: tuple[int, int]) -> Shape:
    if not (words[0].isascii() and words[0].isdigit()):
        raise refuse(f"line {row} starts with {words[0]!r}, not with the number of a class")
    if len(words) == _BOX:
        raise refuse(f"line {row} is a box; what is in it is not drawn")
    try:
        shares = [float(word) for word in words[1:]]
    except ValueError:
        raise refuse(f"line {row} has a coordinate that is not a number") from None
    return Shape(str(int(words[0])), Polygons((polygon(shares, words[0], photo_size),)))
