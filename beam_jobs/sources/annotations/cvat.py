"""CVAT for images 1.1: one XML file. Format: docs.cvat.ai, "CVAT for image" and "XML annotation format".

Read as a stream by the parser of the standard library. Documents with a DOCTYPE are refused, and with them entities and
whatever lies elsewhere.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from typing import Any
from xml.parsers import expat

from beam_jobs.codec.annotations.entries import photo_text
from beam_jobs.sources.annotations.coco import Annotation, Photo
from schemas.errors import UserError

MAX_DEPTH = 16
_AREAS = ("polygon", "box", "mask")
_WITHOUT_AREA = {
    "polyline": "is a line, which has no area; draw a polygon",
    "points": "is points, which have no area; draw a polygon",
    "ellipse": "is an ellipse; convert it to a polygon or a mask",
    "cuboid": "is a cuboid, which is no mask",
    "skeleton": "is a skeleton, which has no area",
}


def read_cvat(chunks: Iterable[bytes], source: str) -> Iterator[Photo | Annotation]:
    """Each photo of a file, followed by its shapes from the bottom to the top.

    Raises:
      UserError: It is not CVAT's; the message names `source`.
    """
    reader = _Reader(source)
    found = 0
    for data in chunks:
        for one in reader.feed(data):
            found += 1
            yield one
    yield from reader.feed(b"", is_last=True)
    if not found:
        raise UserError(f"{source}: not a file of CVAT for images: it has no image")


class _Reader:
    """What has been read of a file."""

    def __init__(self, source: str):
        self._source = source
        self._parser = expat.ParserCreate()
        self._parser.StartDoctypeDeclHandler = self._refuse_doctype
        self._parser.StartElementHandler = self._start
        self._parser.EndElementHandler = self._end
        self._depth = 0
        self._image: dict[str, str] | None = None
        self._shapes: list[tuple[int, str]] = []
        self._done: list[Photo | Annotation] = []
        self._images = 0

    def feed(self, data: bytes, is_last: bool = False) -> list[Photo | Annotation]:
        try:
            self._parser.Parse(data, is_last)
        except expat.ExpatError as error:
            raise UserError(f"{self._source}: not valid XML: {error}") from None
        done, self._done = self._done, []
        return done

    def _refuse_doctype(self, *_: Any) -> None:
        raise UserError(f"{self._source}: has a DOCTYPE, which CVAT does not write; it is not read")

    def _start(self, name: str, attributes: dict[str, str]) -> None:
        self._depth += 1
        if self._depth > MAX_DEPTH:
            raise UserError(f"{self._source}: nested deeper than {MAX_DEPTH} elements")
        if name == "track":
            raise UserError(f"{self._source}: a video's tracks; export as CVAT for images 1.1")
        if name == "image" and self._depth == 2:
            self._image, self._shapes = attributes, []
        elif self._image is not None and self._depth == 3 and (name in _AREAS or name in _WITHOUT_AREA):
            order = attributes.get("z_order", "0")
            text = json.dumps(_shape(name, attributes), separators=(",", ":"))
            self._shapes.append((int(order) if order.lstrip("-").isdigit() and len(order) < 12 else 0, text))

    def _end(self, name: str) -> None:
        self._depth -= 1
        if name == "image" and self._depth == 1 and self._image is not None:
            number, self._images = f"{self._images}", self._images + 1
            sides = [_whole(self._image.get(side, "")) for side in ("width", "height")]
            file_name = self._image.get("name", "")
            self._done.append(Photo(number, file_name, photo_text(file_name, *sides)))
            ordered = sorted(self._shapes, key=lambda one: one[0])
            self._done += [Annotation(number, position, text) for position, (_, text) in enumerate(ordered)]
            self._image = None


def _shape(name: str, attributes: dict[str, str]) -> dict[str, Any]:
    """One shape, as `beam_jobs.codec.annotations.entries` reads it; what is wrong with it is found there."""
    shape: dict[str, Any] = {"category": attributes.get("label", "")}
    if name in _WITHOUT_AREA:
        return shape | {"problem": _WITHOUT_AREA[name]}
    if attributes.get("rotation", "0").strip("0.") and name == "box":
        return shape | {"problem": "is a rotated box; convert it to a polygon"}
    if name == "mask":
        runs = [_whole(run) for run in attributes.get("rle", "").split(",")]
        sides = [_whole(attributes.get(side, "")) for side in ("left", "top", "width", "height")]
        return shape | {"stamp": [*sides, runs]}
    if name == "box":
        left, top, right, bottom = (_number(attributes.get(side, "")) for side in ("xtl", "ytl", "xbr", "ybr"))
        return shape | {"segmentation": [[left, top, right, top, right, bottom, left, bottom]]}
    points = [one.split(",") for one in attributes.get("points", "").split(";")]
    return shape | {"segmentation": [[_number(side) for point in points for side in point]]}


def _whole(text: str) -> int | None:
    text = text.strip()
    return int(text) if text.isascii() and text.lstrip("-").isdigit() and len(text) < 12 else None


def _number(text: str) -> float | None:
    try:
        return float(text)
    except ValueError:
        return None
