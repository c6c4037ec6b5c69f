"""From what annotations say about a photo to its mask, in any format."""

from __future__ import annotations

import numpy as np

from beam_jobs.codec.annotations.entries import read_entry, read_shape
from beam_jobs.codec.annotations.labelme import read_labelme
from beam_jobs.codec.annotations.layers import read_layers
from beam_jobs.codec.annotations.panoptic import ENTRY, read_panoptic
from beam_jobs.codec.annotations.parts import split_parts
from beam_jobs.codec.annotations.shapes import Shape, draw, refuse
from beam_jobs.codec.annotations.supervisely import read_supervisely
from beam_jobs.codec.annotations.yolo import read_yolo
from schemas.spec import DatasetSpec


def annotated_class_ids(
    data: bytes, spec: DatasetSpec, photo_size: tuple[int, int]
) -> tuple[np.ndarray, tuple[str, ...]]:
    """The mask that annotations say.

    Args:
      data: What `read_input` reads of the mask.
      spec: Has a format of annotations.
      photo_size: Width and height of the upright photo.

    Returns:
      uint8 [H, W], class ids and IGNORE_ID; and the kinds of repair.

    Raises:
      InputRejected: They are no annotations of the format, contradict the photo, or name unknown categories.
    """
    return draw(_shapes(data, spec, photo_size), photo_size, spec)


def _shapes(data: bytes, spec: DatasetSpec, photo_size: tuple[int, int]) -> list[Shape]:
    match spec.masks.format:
        case "coco" | "cvat" | "rle":
            return [read_shape(one, photo_size) for one in read_entry(data, photo_size)]
        case "labelme":
            return read_labelme(data, photo_size)
        case "supervisely":
            return read_supervisely(data, photo_size)
        case "yolo":
            return read_yolo(data, photo_size)
        case "layers":
            return read_layers(split_parts(data), photo_size, spec.masks.threshold)
        case "panoptic":
            parts = split_parts(data)
            entries = [part for name, part in parts if name == ENTRY]
            pngs = [part for name, part in parts if name != ENTRY]
            if not entries or not pngs:
                missing = "has no entry in the annotations" if pngs else "has an entry in the annotations, but no PNG"
                raise refuse(f"the photo {missing}")
            return read_panoptic(pngs[0], read_entry(entries[0], photo_size), photo_size)
    raise ValueError(f"no format of annotations: {spec.masks.format}")
