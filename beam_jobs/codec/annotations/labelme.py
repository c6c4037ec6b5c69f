"""LabelMe: a JSON file for each photo. Format: LabelMe 5, `labelme/label_file.py` and `labelme/shape.py`.

Polygons, rectangles, circles and masks have an area. Lines and points have none, and the photo is rejected. The copy of
the photo in `imageData` is never looked at.
"""

from __future__ import annotations

import base64
import binascii
import math
from typing import Any

import numpy as np

from beam_jobs.codec import png
from beam_jobs.codec.annotations.entries import check_stated_size
from beam_jobs.codec.annotations.shapes import Circle, Polygons, Shape, Stamp, box, number, polygon, refuse
from schemas.documents import parse_json_object
from schemas.errors import UserError

MAX_BYTES = 64 << 20  # 64 MiB, most of them `imageData`


def read_labelme(data: bytes, photo_size: tuple[int, int]) -> list[Shape]:
    """The shapes in a file, in their order.

    Raises:
      InputRejected: It is not LabelMe's, is for a photo of another size, or has something without an area in it.
    """
    try:
        document = parse_json_object(data, "LabelMe file", MAX_BYTES)
    except UserError as error:
        raise refuse(str(error)) from None
    shapes = document.get("shapes")
    if not isinstance(shapes, list):
        raise refuse("not a LabelMe file: it has no shapes")
    check_stated_size(document.get("imageWidth"), document.get("imageHeight"), photo_size)
    return [_shape(one) for one in shapes]


def _shape(shape: Any) -> Shape:
    if not isinstance(shape, dict) or not isinstance(shape.get("label"), str):
        raise refuse("not a LabelMe file: a shape has no label")
    label, kind = shape["label"], shape.get("shape_type") or "polygon"  # which old versions do not write
    points = [_point(one, label) for one in shape.get("points") or ()]
    if kind == "polygon":
        return Shape(label, Polygons((polygon([side for point in points for side in point], label),)))
    if kind in ("rectangle", "circle", "mask") and len(points) != 2:
        raise refuse(f"the {kind} of {label!r} has {len(points)} points; it needs 2")
    if kind == "rectangle":
        return Shape(label, box(*points[0], *points[1], label))
    if kind == "circle":
        return Shape(label, Circle(*points[0], math.dist(*points)))
    if kind == "mask":
        return Shape(label, _mask(shape.get("mask"), points, label))
    raise refuse(f"{label!r} is a {kind}, which has no area; draw a polygon")


def _point(value: Any, label: str) -> tuple[float, float]:
    if not isinstance(value, list) or len(value) != 2:
        raise refuse(f"a point of {label!r} is not x and y")
    return number(value[0], f"x of {label!r}"), number(value[1], f"y of {label!r}")


def _mask(text: Any, points: list[tuple[float, float]], label: str) -> Stamp:
    """A PNG in base64, whose upper left and lower right pixels the points name."""
    try:
        data = base64.b64decode(text, validate=True)
    except (TypeError, ValueError, binascii.Error):
        raise refuse(f"the mask of {label!r} is not base64") from None
    (left, top), (right, bottom) = points
    try:
        source = png.read_png(data)
        if source.color_type != png.GREY or source.size != (right - left + 1, bottom - top + 1):
            raise refuse(f"the mask of {label!r} is not a grey PNG as large as its points say")
        pixels = np.asarray(png.load(source))
    except (OSError, ValueError, SyntaxError) as error:
        raise refuse(f"the mask of {label!r} is a damaged PNG: {error}") from None
    if not left.is_integer() or not top.is_integer() or len(np.unique(pixels[pixels != 0])) > 1:
        raise refuse(f"the mask of {label!r} has more than two values, or does not lie on whole pixels")
    return Stamp(int(left), int(top), pixels != 0)
