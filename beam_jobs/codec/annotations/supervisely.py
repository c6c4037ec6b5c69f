"""Supervisely: a JSON file for each photo, `ann/PHOTO.jpg.json`. Format: its documentation, "Image annotation".

Polygons, with holes, and bitmaps have an area. Rectangles are boxes without an outline, and lines and points have none:
the photo is rejected.
"""

from __future__ import annotations

import base64
import binascii
import zlib
from typing import Any

import numpy as np
from PIL import Image

from beam_jobs.codec import png
from beam_jobs.codec.annotations.entries import check_stated_size
from beam_jobs.codec.annotations.shapes import Polygons, Shape, Stamp, number, polygon, refuse
from beam_jobs.codec.photos import check_size
from schemas.documents import parse_json_object
from schemas.errors import UserError

MAX_BYTES = 64 << 20  # 64 MiB
_MAX_PNG = 64 << 20  # of a bitmap, uncompressed


def read_supervisely(data: bytes, photo_size: tuple[int, int]) -> list[Shape]:
    """The shapes in a file, in their order.

    Raises:
      InputRejected: It is not Supervisely's, is for a photo of another size, or has something without an area in it.
    """
    try:
        document = parse_json_object(data, "Supervisely file", MAX_BYTES)
    except UserError as error:
        raise refuse(str(error)) from None
    objects, size = document.get("objects"), document.get("size")
    if not isinstance(objects, list) or not isinstance(size, dict):
        raise refuse("not a Supervisely file: it has no size and objects")
    check_stated_size(size.get("width"), size.get("height"), photo_size)
    return [_shape(one) for one in objects]


def _shape(value: Any) -> Shape:
    if not isinstance(value, dict) or not isinstance(value.get("classTitle"), str):
        raise refuse("not a Supervisely file: an object has no classTitle")
    label, kind = value["classTitle"], value.get("geometryType")
    if kind == "polygon":
        return Shape(label, _polygons(value.get("points"), label))
    if kind == "bitmap":
        return Shape(label, _bitmap(value.get("bitmap"), label))
    raise refuse(f"{label!r} is a {kind}, which has no outline; convert it to a bitmap or a polygon")


def _polygons(points: Any, label: str) -> Polygons:
    if not isinstance(points, dict) or not isinstance(points.get("interior", []), list):
        raise refuse(f"the polygon of {label!r} has no points")
    exterior, *holes = (_polygon(one, label) for one in (points.get("exterior"), *points.get("interior", ())))
    return Polygons((exterior,), tuple(holes))


def _polygon(points: Any, label: str) -> np.ndarray:
    if not isinstance(points, list) or not all(isinstance(one, list) and len(one) == 2 for one in points):
        raise refuse(f"a polygon of {label!r} is not a list of x and y")
    return polygon([side for point in points for side in point], label)


def _bitmap(value: Any, label: str) -> Stamp:
    """A PNG, packed by zlib, in base64; its alpha channel, or its grey, is what is covered."""
    origin, text = (value.get("origin"), value.get("data")) if isinstance(value, dict) else (None, None)
    if not isinstance(origin, list) or len(origin) != 2 or not isinstance(text, str):
        raise refuse(f"the bitmap of {label!r} has no origin, or no data")
    left, top = (number(one, f"the origin of {label!r}") for one in origin)
    if not left.is_integer() or not top.is_integer():
        raise refuse(f"the bitmap of {label!r} does not lie on whole pixels")
    try:
        data = zlib.decompressobj().decompress(base64.b64decode(text, validate=True), _MAX_PNG)
        source = png.read_png(data)
        check_size(*(max(side, 16) for side in source.size))
        pixels = _covered(png.load(source), source)
    except (TypeError, ValueError, OSError, SyntaxError, binascii.Error, zlib.error) as error:
        raise refuse(f"the bitmap of {label!r} is damaged: {error}") from None
    return Stamp(int(left), int(top), pixels)


def _covered(image: Image.Image, source: png.Png) -> np.ndarray:
    """bool [H, W]. As the tool itself reads it: alpha where there is one, also of a palette; else grey."""
    if "A" in image.getbands() or (source.color_type == png.PALETTE and source.transparency):
        return np.asarray(image.convert("RGBA").getchannel("A")) > 0
    if source.color_type != png.GREY:
        raise ValueError("it has neither an alpha channel nor grey pixels")
    return np.asarray(image) > 0
