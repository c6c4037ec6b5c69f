"""Shapes of annotations, checked and drawn: what covers which pixels, by one rule for every format.

A polygon's points are in pixels, with (0, 0) the upper left corner of the upper left pixel, and it covers the pixels
whose centre lies in it. That is the rule of `pycocotools`, which draws it on a grid of fifths of a pixel; where edges
follow the edges of pixels it is exact. Pillow also covers the pixels on the outline, so that its masks are larger by up
to a pixel.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

import numpy as np

from beam_jobs.rejections import ANNOTATION, MASK_VALUE, InputRejected
from schemas.class_ids import ids_of_categories, unlabelled_id
from schemas.features import IGNORE_ID
from schemas.shorthand import IGNORE
from schemas.spec import DatasetSpec

MAX_SHAPES = 10_000  # of a photo
MAX_POINTS = 100_000  # of a polygon
MAX_OUTLINE = 4_000_000  # pixels, of all edges of a shape: drawing takes some 80 bytes for each
MAX_DRAWN = 20_000_000_000  # pixels times shapes of a photo: a minute

OUTSIDE = "annotation_outside_photo"  # kinds of repair
EMPTY = "annotation_without_pixels"

MIN_POINTS = 3


class Polygons(NamedTuple):
    """What lies in any of some polygons, and in none of their holes; float64 [points, 2] each, x and y in pixels."""

    polygons: tuple[np.ndarray, ...]
    holes: tuple[np.ndarray, ...] = ()


class Circle(NamedTuple):
    """The pixels whose centre is not farther than `radius` from (x, y), all in pixels."""

    x: float
    y: float
    radius: float


class Stamp(NamedTuple):
    """Pixels, bool [H, W], whose upper left one is pixel (left, top) of the photo."""

    left: int
    top: int
    pixels: np.ndarray


class Shape(NamedTuple):
    """One annotation.

    Attributes:
      category: Its name in the annotations.
      outline: What it covers.
      is_crowd: Whether it covers many things together (COCO's `iscrowd`).
    """

    category: str
    outline: Polygons | Circle | Stamp
    is_crowd: bool = False


def refuse(detail: str) -> InputRejected:
    """The error for annotations that can't be read exactly."""
    return InputRejected(ANNOTATION, detail)


def polygon(coordinates: Any, category: str, scale: tuple[float, float] = (1, 1)) -> np.ndarray:
    """Checks one polygon: float64 [points, 2].

    Args:
      coordinates: x and y of each point in turn, from a file.
      category: Whose polygon it is, for messages.
      scale: Pixels that a step of 1 in x and y takes.

    Raises:
      InputRejected: It is no polygon.
    """
    if not isinstance(coordinates, (list, tuple)) or not all(_is_number(one) for one in coordinates):
        raise refuse(f"a polygon of {category!r} is not a list of numbers")
    if len(coordinates) % 2 or len(coordinates) < 2 * MIN_POINTS:
        raise refuse(
            f"a polygon of {category!r} has {len(coordinates)} coordinates; it needs x and y of 3 points or more"
        )
    if len(coordinates) > 2 * MAX_POINTS:
        raise refuse(f"a polygon of {category!r} has {len(coordinates) // 2:,} points; at most {MAX_POINTS:,} are read")
    return np.array(coordinates, np.float64).reshape(-1, 2) * scale


def box(left: float, top: float, right: float, bottom: float, category: str) -> Polygons:
    """The polygon of a rectangle, whose corners may come in any order."""
    corners = [left, top, right, top, right, bottom, left, bottom]
    return Polygons((polygon(corners, category),))


def number(value: Any, what: str) -> float:
    """A finite number from a file, or a rejection that says `what` should have been one."""
    if not _is_number(value):
        raise refuse(f"{what} is not a number")
    return float(value)


def _is_number(value: Any) -> bool:
    # of an integer that no float holds, the comparison is exact
    return type(value) in (int, float) and -1e9 < value < 1e9


def draw(shapes: Sequence[Shape], size: tuple[int, int], spec: DatasetSpec) -> tuple[np.ndarray, tuple[str, ...]]:
    """Draws all shapes of a photo, from the bottom to the top.

    Args:
      shapes: As they are listed.
      size: Width and height of the photo.
      spec: Says which category is which class, what lies over what, and what the rest is.

    Returns:
      uint8 [H, W], class ids and IGNORE_ID; and the kinds of repair.

    Raises:
      InputRejected: A category is unknown, or there is more than is drawn.
    """
    width, height = size
    known = ids_of_categories(spec)
    if unknown := sorted({one.category for one in shapes} - known.keys()):
        raise InputRejected(MASK_VALUE, f"category {_listed(unknown)}; known are {_listed(known)}")
    if len(shapes) > MAX_SHAPES or len(shapes) * width * height > MAX_DRAWN:
        raise refuse(f"{len(shapes):,} shapes on {width}x{height} pixels are more than are drawn")
    class_ids = np.full((height, width), unlabelled_id(spec), np.uint8)
    repairs = set()
    for shape in _from_bottom_to_top(shapes, spec):
        class_id = known[shape.category]
        if shape.is_crowd and spec.masks.crowd == IGNORE:
            class_id = IGNORE_ID
        covered = _covered(shape, size, repairs)
        if not covered.any():
            repairs.add(EMPTY)
        class_ids[covered] = class_id
    return class_ids, tuple(sorted(repairs))


def _from_bottom_to_top(shapes: Sequence[Shape], spec: DatasetSpec) -> Iterable[Shape]:
    order = spec.masks.order
    if order is None and spec.masks.format == "layers":
        order = spec.class_names
    if order is None:
        return shapes
    names = dict(enumerate(spec.class_names)) | {IGNORE_ID: IGNORE}
    rank = {name: place for place, name in enumerate(order, 1)}
    known = ids_of_categories(spec)
    return sorted(shapes, key=lambda one: rank.get(names[known[one.category]], 0))


def _covered(shape: Shape, size: tuple[int, int], repairs: set[str]) -> np.ndarray:
    """bool [H, W]: the photo's pixels that a shape covers."""
    outline, (width, height) = shape.outline, size
    if isinstance(outline, Polygons):
        covered = _in_polygons(outline.polygons, size, shape.category, repairs)
        return covered & ~_in_polygons(outline.holes, size, shape.category, repairs) if outline.holes else covered
    if isinstance(outline, Circle):
        if outline.x - outline.radius < 0 or outline.x + outline.radius > width:
            repairs.add(OUTSIDE)
        if outline.y - outline.radius < 0 or outline.y + outline.radius > height:
            repairs.add(OUTSIDE)
        columns = np.arange(width) + 0.5 - outline.x
        rows = np.arange(height)[:, None] + 0.5 - outline.y
        return columns**2 + rows**2 <= outline.radius**2
    covered = np.zeros((height, width), bool)
    rows, columns = outline.pixels.shape
    if outline.left < 0 or outline.top < 0 or outline.left + columns > width or outline.top + rows > height:
        raise refuse(f"the mask of {shape.category!r} reaches beyond the photo, of {width}x{height} pixels")
    covered[outline.top : outline.top + rows, outline.left : outline.left + columns] = outline.pixels
    return covered


def _in_polygons(polygons: Sequence[np.ndarray], size: tuple[int, int], category: str, repairs: set[str]) -> np.ndarray:
    from pycocotools import mask as coco  # only where annotations are read

    width, height = size
    for points in polygons:
        low, high = points.min(axis=0), points.max(axis=0)
        if (low < (-width, -height)).any() or (high > (2 * width, 2 * height)).any():
            raise refuse(f"a polygon of {category!r} lies far outside the photo, of {width}x{height} pixels")
        if (low < 0).any() or (high > size).any():
            repairs.add(OUTSIDE)
    outline = sum(float(np.abs(points - np.roll(points, 1, axis=0)).max(axis=1).sum()) for points in polygons)
    if outline > MAX_OUTLINE:
        raise refuse(
            f"the polygons of {category!r} have {outline:,.0f} pixels of edges; at most {MAX_OUTLINE:,} are drawn"
        )
    if not polygons:
        return np.zeros((height, width), bool)
    runs = coco.frPyObjects([points.ravel().tolist() for points in polygons], height, width)
    return coco.decode(coco.merge(runs)).astype(bool)


def _listed(names: Iterable[str]) -> str:
    names = list(names)
    more = f" and {len(names) - 20} more" if len(names) > 20 else ""
    return f"{', '.join(map(repr, names[:20]))}{more}"
