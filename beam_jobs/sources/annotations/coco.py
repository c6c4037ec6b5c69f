"""COCO's JSON: photos, categories and annotations in three lists. Format: cocodataset.org, "Data format".

The file is read twice, as a stream: once for photos and categories, which may come behind the annotations, and once for
these.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from typing import Any, NamedTuple, TypeGuard

from beam_jobs.codec.annotations.entries import photo_text
from beam_jobs.sources.annotations.json_stream import stream_lists
from schemas.errors import UserError

MAX_PHOTOS = 5_000_000  # of one file, whose numbers and names are held

Id = int | str
Chunks = Callable[[], Iterable[bytes]]  # reads the file from its start


class Photo(NamedTuple):
    """A photo, as the file numbers and names it; `text` is what it says about it."""

    number: str
    name: str
    text: str


class Annotation(NamedTuple):
    """What the file says of one thing, or of all segments, in the photo of this number; None where it has none."""

    number: str
    position: int
    text: str


def read_coco(chunks: Chunks, source: str, panoptic: bool) -> Iterator[Photo | Annotation]:
    """All photos of a file, and then its annotations in their order.

    Raises:
      UserError: It is not COCO's; the message names `source`.
    """
    categories: dict[Id, str] = {}
    photos = annotations = 0
    for key, value in stream_lists(chunks(), source):
        if key == "images":
            photos += 1
            if photos > MAX_PHOTOS:
                raise UserError(f"{source}: more than {MAX_PHOTOS:,} photos; split the file")
            number, name = _of(value, "id", source, key), value.get("file_name")
            if not isinstance(name, str):
                raise UserError(f"{source}: image {number!r} has no file_name")
            yield Photo(str(number), name, photo_text(name, value.get("width"), value.get("height")))
        elif key == "categories":
            number = _of(value, "id", source, key)
            categories[number] = str(value.get("name"))
        elif key == "annotations":
            annotations += 1
    if not photos or not categories:
        missing = "images" if categories else "categories"
        raise UserError(f"{source}: not a file of COCO's: it has no {missing}")
    position = 0
    for key, value in stream_lists(chunks(), source):
        if key == "annotations":
            number = _of(value, "image_id", source, key)
            content = _segments(value, categories) if panoptic else _annotation(value, categories)
            yield Annotation(str(number), position, json.dumps(content, separators=(",", ":")))
            position += 1


def read_categories(chunks: Chunks, source: str) -> tuple[dict[str, int], set[str], bool]:
    """The categories with the number of their annotations, the names of photos, and whether it is panoptic.

    Raises:
      UserError: As `read_coco`.
    """
    names: dict[Id, str] = {}
    photos: set[str] = set()
    counts: Counter[Id] = Counter()
    is_panoptic = False
    for key, value in stream_lists(chunks(), source):
        if not isinstance(value, dict):
            continue
        if key == "categories":
            names[_of(value, "id", source, key)] = str(value.get("name"))
        elif key == "images" and len(photos) < MAX_PHOTOS:
            photos.add(str(value.get("file_name")))
        elif key == "annotations":
            segments = value.get("segments_info")
            is_panoptic |= isinstance(segments, list)
            for one in segments if isinstance(segments, list) else [value]:
                number = one.get("category_id") if isinstance(one, dict) else None
                counts[number if _is_id(number) else ""] += 1
    found: Counter[str] = Counter()
    for number, name in names.items():
        found[name] += counts[number]
    return dict(found), photos, is_panoptic


def _of(value: Any, key: str, source: str, kind: str) -> Id:
    number = value.get(key) if isinstance(value, dict) else None
    if not _is_id(number):
        raise UserError(f"{source}: one of {kind} has no {key}")
    return number


def _annotation(value: dict[str, Any], categories: dict[Id, str]) -> dict[str, Any]:
    content = {"category": _category(value, categories), "segmentation": value.get("segmentation")}
    return content | ({"crowd": 1} if value.get("iscrowd") == 1 else {})


def _segments(value: dict[str, Any], categories: dict[Id, str]) -> dict[str, Any]:
    listed = value.get("segments_info")
    segments = [one for one in listed if isinstance(one, dict)] if isinstance(listed, list) else []
    return {
        "segments": [
            {"id": one.get("id"), "category": _category(one, categories), "crowd": int(one.get("iscrowd") == 1)}
            for one in segments
        ]
    }


def _category(value: dict[str, Any], categories: dict[Id, str]) -> str:
    number = value.get("category_id")
    return categories[number] if _is_id(number) and number in categories else f"category_id {number}"


def _is_id(value: Any) -> TypeGuard[Id]:
    return isinstance(value, (int, str)) and not isinstance(value, bool)
