"""The model's masks of the photos to label, as annotation tools take them: COCO, CVAT and LabelMe.

Each class of a photo is one annotation of whole pixels (run lengths, or a PNG), which tools can edit with a brush, and
which `beam_jobs.prepare` reads back to the same mask. A class called background is left out: nobody outlines it.
"""

from __future__ import annotations

import base64
import io
import json
from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple
from xml.sax.saxutils import quoteattr

import numpy as np
from PIL import Image

from beam_jobs.storage.files import read_file, write_atomically
from schemas.image_ids import image_id_of

COCO_FILE, CVAT_FILE, LABELME_FOLDER = "annotations.json", "annotations.xml", "labelme"
BACKGROUND = "background"
_LABELME = "5.5.0"  # whose format it is


class Covered(NamedTuple):
    """The pixels of one class: its name, and bool [H, W] of the smallest box that holds them, at (left, top)."""

    name: str
    pixels: np.ndarray
    left: int
    top: int


def write_proposals(folder: str, images: Sequence[dict[str, Any]], masks: str, classes: Sequence[str]) -> int:
    """Writes annotations of all photos in the three formats.

    Args:
      folder: Where the lists go.
      images: As COCO lists them: `id`, `file_name`, `width`, `height`.
      masks: Folder of their masks, PNGs of class ids as large as the photos, named by the photos' ids.
      classes: Names, in the order of class ids.

    Returns:
      How many photos have a mask.
    """
    categories = [{"id": number, "name": name} for number, name in enumerate(sorted(classes), start=1)]
    numbers = {one["name"]: one["id"] for one in categories}
    annotations: list[dict[str, Any]] = []
    drawings = []
    proposed = 0
    for image in images:
        stem = image["file_name"].rpartition(".")[0]
        try:
            mask = np.asarray(Image.open(io.BytesIO(read_file(f"{masks}/{image_id_of(stem)}.png"))))
        except OSError:  # the photo could not be read, which predict has said
            continue
        proposed += 1
        found = list(_covered(mask, classes))
        for one in found:
            ids = {"id": len(annotations) + 1, "image_id": image["id"], "category_id": numbers[one.name]}
            annotations.append({**ids, **_coco(one, mask)})
        drawings.append(_cvat(image, found))
        text = json.dumps(_labelme(image, found), indent=2) + "\n"
        write_atomically(f"{folder}/{LABELME_FOLDER}/{stem}.json", text.encode())
    listed = {"images": list(images), "annotations": annotations, "categories": categories}
    write_atomically(f"{folder}/{COCO_FILE}", (json.dumps(listed, indent=1) + "\n").encode())
    document = '<?xml version="1.0" encoding="utf-8"?>\n<annotations>\n  <version>1.1</version>\n'
    write_atomically(f"{folder}/{CVAT_FILE}", (document + "".join(drawings) + "</annotations>\n").encode())
    return proposed


def _covered(mask: np.ndarray, classes: Sequence[str]) -> Iterator[Covered]:
    for class_id, name in enumerate(classes):
        whole = mask == class_id
        if name.casefold() == BACKGROUND or not whole.any():
            continue
        rows, columns = np.flatnonzero(whole.any(axis=1)), np.flatnonzero(whole.any(axis=0))
        top, left = int(rows[0]), int(columns[0])
        yield Covered(name, whole[top : rows[-1] + 1, left : columns[-1] + 1], left, top)


def _coco(one: Covered, mask: np.ndarray) -> dict[str, Any]:
    """Compressed run lengths, as `pycocotools` writes them."""
    from pycocotools import mask as coco

    height, width = one.pixels.shape
    whole = np.zeros(mask.shape, np.uint8, order="F")
    whole[one.top : one.top + height, one.left : one.left + width] = one.pixels
    counts: Any = coco.encode(whole)["counts"]  # bytes, though its types say otherwise
    segmentation = {"size": list(mask.shape), "counts": counts.decode()}
    box = [one.left, one.top, width, height]
    return {"segmentation": segmentation, "area": int(one.pixels.sum()), "bbox": box, "iscrowd": 0}


def _cvat(image: dict[str, Any], found: Sequence[Covered]) -> str:
    """An image of "CVAT for images 1.1", with a mask for each class: runs along the rows of its box."""
    size = f'width="{image["width"]}" height="{image["height"]}"'
    lines = [f'  <image id="{image["id"]}" name={quoteattr(image["file_name"])} {size}>']
    for one in found:
        height, width = one.pixels.shape
        flat = one.pixels.ravel()
        edges = np.flatnonzero(np.diff(flat)) + 1
        runs = np.diff([0, *edges, flat.size]).tolist()
        runs = [0, *runs] if flat[0] else runs  # the first ones are not covered
        place = f'left="{one.left}" top="{one.top}" width="{width}" height="{height}"'
        lines.append(
            f'    <mask label={quoteattr(one.name)} source="auto" occluded="0" z_order="0" {place}'
            f' rle="{", ".join(map(str, runs))}"/>'
        )
    return "\n".join([*lines, "  </image>\n"])


def _labelme(image: dict[str, Any], found: Sequence[Covered]) -> dict[str, Any]:
    """A file of LabelMe 5, beside whose folder the photos are, with a mask for each class."""
    shapes = []
    for one in found:
        buffer = io.BytesIO()
        Image.fromarray(one.pixels.astype(np.uint8)).save(buffer, "PNG")
        height, width = one.pixels.shape
        shapes.append(
            {
                "label": one.name,
                "points": [[one.left, one.top], [one.left + width - 1, one.top + height - 1]],
                "group_id": None,
                "description": "",
                "shape_type": "mask",
                "flags": {},
                "mask": base64.b64encode(buffer.getvalue()).decode(),
            }
        )
    return {
        "version": _LABELME,
        "flags": {},
        "shapes": shapes,
        "imagePath": f"../photos/{image['file_name']}",
        "imageData": None,
        "imageHeight": image["height"],
        "imageWidth": image["width"],
    }
