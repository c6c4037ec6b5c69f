"""What a large file of annotations says about one photo: JSON that `beam_jobs.sources.annotations` has cut out."""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any

from beam_jobs.codec.annotations.run_lengths import from_columns, from_pairs, from_rows
from beam_jobs.codec.annotations.shapes import Polygons, Shape, Stamp, number, polygon, refuse
from beam_jobs.rejections import MASK_SIZE, InputRejected
from schemas.documents import parse_json_object
from schemas.errors import UserError

MAX_BYTES = 64 << 20  # 64 MiB, of one photo


def entry_text(photo: str, annotations: Iterable[str]) -> str:
    """The entry of a photo, from the JSON about itself and the JSON of each annotation, in their order."""
    return f'{{"photo":{photo},"annotations":[{",".join(annotations)}]}}'


def photo_text(name: str, width: Any, height: Any) -> str:
    """JSON about a photo: its name in the file, and its size, None where the file says none."""
    return json.dumps({"name": name, "size": [width, height]}, separators=(",", ":"))


def read_entry(data: bytes, photo_size: tuple[int, int]) -> list[dict[str, Any]]:
    """The annotations of a photo, in their order.

    Raises:
      InputRejected: The entry is too large, or for a photo of another size.
    """
    try:
        entry = parse_json_object(data, "the annotations of the photo", MAX_BYTES)
    except UserError as error:
        raise refuse(str(error)) from None
    width, height = entry["photo"]["size"]
    check_stated_size(width, height, photo_size)
    return entry["annotations"]


def check_stated_size(width: Any, height: Any, photo_size: tuple[int, int]) -> None:
    """Rejects annotations that were made for a photo of another size; a size of None states nothing."""
    if (width, height) != (None, None) and (width, height) != photo_size:
        raise InputRejected(
            MASK_SIZE,
            f"annotations are for {width}x{height} pixels, the photo has {photo_size[0]}x{photo_size[1]}",
        )


def read_shape(annotation: dict[str, Any], photo_size: tuple[int, int]) -> Shape:
    """The shape of one annotation.

    Raises:
      InputRejected: It has none that can be drawn exactly.
    """
    category = annotation["category"]
    if problem := annotation.get("problem"):
        raise refuse(f"{category!r}: {problem}")
    if "stamp" in annotation:
        left, top, width, height, runs = annotation["stamp"]
        whole = [int(number(one, f"a side of the mask of {category!r}")) for one in (left, top, width, height)]
        if min(whole) < 0 or whole[0] + whole[2] > photo_size[0] or whole[1] + whole[3] > photo_size[1]:
            raise refuse(f"the mask of {category!r} reaches beyond the photo")
        return Shape(category, Stamp(whole[0], whole[1], from_rows(runs, whole[2], whole[3], category)))
    if "pairs" in annotation:
        covered = from_pairs(annotation["pairs"], *photo_size, annotation["along"], category)
        return Shape(category, Stamp(0, 0, covered))
    is_crowd = annotation.get("crowd") == 1
    return Shape(category, _segmentation(annotation.get("segmentation"), category, photo_size), is_crowd)


def _segmentation(value: Any, category: str, photo_size: tuple[int, int]) -> Polygons | Stamp:
    """COCO's `segmentation`: polygons, or run lengths; cocodataset.org, "Data format"."""
    if isinstance(value, list) and value:
        return Polygons(tuple(polygon(one, category) for one in value))
    if isinstance(value, dict) and isinstance(value.get("size"), list) and "counts" in value:
        if value["size"] != [photo_size[1], photo_size[0]]:
            raise InputRejected(
                MASK_SIZE,
                f"run lengths of {category!r} are for {value['size'][:2]} rows and columns, the photo has"
                f" {photo_size[1]} and {photo_size[0]}",
            )
        return Stamp(0, 0, from_columns(value["counts"], *photo_size, category))
    raise refuse(f"an annotation of {category!r} has no outline, only a box or nothing")
