"""Several mask images of one photo: one for each class, or for each thing, each of two values."""

from __future__ import annotations

import numpy as np

from beam_jobs.codec.annotations.shapes import Shape, Stamp, refuse
from beam_jobs.codec.mask_kinds import CONTAINERS, read_pixels
from beam_jobs.rejections import MASK_SIZE, InputRejected
from schemas.photos import container_of

ANY = "object"  # the category of layers whose paths name none


def read_layers(
    parts: list[tuple[str, bytes]], photo_size: tuple[int, int], threshold: int | None = None
) -> list[Shape]:
    """The shape of each layer, in their order.

    Raises:
      InputRejected: One is no mask of two values, or as large as the photo.
    """
    shapes = []
    for position, (category, data) in enumerate(parts, 1):
        name = f"layer {position} of {len(parts)}, {category or ANY!r}"
        pixels = covered_pixels(data, name, threshold)
        if pixels.shape != photo_size[::-1]:
            raise InputRejected(
                MASK_SIZE,
                f"{name} is {pixels.shape[1]}x{pixels.shape[0]} pixels, its photo {photo_size[0]}x{photo_size[1]}",
            )
        shapes.append(Shape(category or ANY, Stamp(0, 0, pixels)))
    return shapes


def covered_pixels(data: bytes, name: str, threshold: int | None = None) -> np.ndarray:
    """bool [H, W]: where a mask of two values, of which one is 0 or black, is not 0.

    Raises:
      InputRejected: It is no such mask; the message begins with `name`.
    """
    container = container_of(data)
    if container is None or container not in CONTAINERS:
        raise refuse(f"{name}: none of {', '.join(CONTAINERS)}")
    try:
        pixels = read_pixels(data, container, palette_colors=False, scaled=threshold is not None)
    except (OSError, ValueError, SyntaxError) as error:
        raise refuse(f"{name}: damaged {container}: {error}") from None
    values = pixels.raster
    if threshold is not None and pixels.values is not None:
        return values >= threshold
    if pixels.is_lossy:
        raise refuse(f"{name}: lossy; save it as PNG, or state a threshold in masks")
    found = np.unique(values[values != 0])
    if len(found) > 1:
        raise refuse(f"{name}: has the values {', '.join(map(str, found[:5]))} beside 0; a layer has one")
    return values != 0
