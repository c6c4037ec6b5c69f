"""COCO panoptic: a PNG whose colours number segments, and the category of each segment in a JSON file.

Format: cocodataset.org, "Data format", 4. Panoptic segmentation: id = R + 256 G + 65536 B; 0 is no segment.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from beam_jobs.codec.annotations.shapes import Shape, Stamp, refuse
from beam_jobs.codec.mask_kinds import read_pixels
from beam_jobs.rejections import MASK_SIZE, MASK_VALUE, InputRejected
from schemas.photos import container_of

ENTRY = "entry"  # the part that is not the PNG


def read_panoptic(png: bytes, annotations: list[dict[str, Any]], photo_size: tuple[int, int]) -> list[Shape]:
    """The shape of each segment, in the order of the file.

    Raises:
      InputRejected: PNG and file contradict each other, or the PNG is none.
    """
    container = container_of(png)
    if container != "PNG":
        raise refuse("the segments are not a PNG")
    try:
        pixels = read_pixels(png, container, palette_colors=True)
    except (OSError, ValueError, SyntaxError) as error:
        raise refuse(f"damaged PNG: {error}") from None
    if pixels.colors is None:
        raise refuse("the segments are not in the colours of an RGB PNG")
    if pixels.colors.shape != photo_size[::-1]:
        height, width = pixels.colors.shape
        raise InputRejected(MASK_SIZE, f"PNG is {width}x{height} pixels, its photo {photo_size[0]}x{photo_size[1]}")
    colors = pixels.colors
    numbers = colors >> 16 | colors & 0xFF00 | (colors & 0xFF) << 16
    segments = _segments(annotations)
    found = set(np.unique(numbers).tolist()) - {0}
    if unknown := sorted(found - segments.keys()):
        detail = f"{len(unknown)} segments of the PNG, such as {unknown[0]}, are not in the file"
        raise InputRejected(MASK_VALUE, detail)
    if missing := sorted(segments.keys() - found):
        detail = f"{len(missing)} segments of the file, such as {missing[0]}, have no pixel"
        raise InputRejected(MASK_VALUE, detail)
    return [
        Shape(category, Stamp(0, 0, numbers == segment), is_crowd) for segment, (category, is_crowd) in segments.items()
    ]


def _segments(annotations: list[dict[str, Any]]) -> dict[int, tuple[str, bool]]:
    """Number to category and whether it is a crowd."""
    if len(annotations) != 1:
        raise refuse(f"{len(annotations)} annotations for the photo; a panoptic file has one")
    segments: dict[int, tuple[str, bool]] = {}
    for one in annotations[0]["segments"]:
        if type(one["id"]) is not int or one["id"] in segments:
            raise refuse(f"the id {one['id']!r} of a segment is no number, or is there twice")
        segments[one["id"]] = one["category"], one["crowd"] == 1
    return segments
