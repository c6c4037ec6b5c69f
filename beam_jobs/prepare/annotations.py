"""Files of annotations in the graph: cut into rows, one for each annotation, and put together again for each photo."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterable, Iterator
from urllib.parse import unquote

from beam_jobs.codec.annotations.entries import entry_text
from beam_jobs.codec.annotations.panoptic import ENTRY
from beam_jobs.elements import AnnotationRow, SourceFile, spell_out, whole_mask
from beam_jobs.prepare.joining import ANNOTATED, LEFT_OUT, LISTED, NO_ID, Found
from beam_jobs.prepare.listing import MASKS
from beam_jobs.sources.annotations.chunks import read_chunks
from beam_jobs.sources.annotations.coco import Annotation, Photo, read_coco
from beam_jobs.sources.annotations.cvat import read_cvat
from beam_jobs.sources.annotations.names import photo_id
from beam_jobs.sources.annotations.rle_table import read_rle_table
from beam_jobs.sources.left_out import LeftOutFiles
from beam_jobs.sources.split_lists import is_picture, photo_listed
from schemas.errors import UserError
from schemas.path_pattern import PathPattern
from schemas.spec import DatasetSpec

OTHER_PHOTOS = "annotated photos of other names"
NO_PHOTO = "annotations of no photo"
_ABOUT_PHOTO = -1  # position of what is said about the photo itself


def read_annotations(file: tuple[str, SourceFile], spec: DatasetSpec) -> Iterator[Found]:
    """What a file of annotations says, photo by photo.

    Args:
      file: The split that its name says, or nothing, and where it is.
      spec: Has its format, and the pattern of photos, which gives the ids.

    Raises:
      UserError: It is not a file of this format.
    """
    split, source = file
    says_split = split and not PathPattern(spec.image_path).names_splits
    ids: dict[str, str | None] = {}
    left_out = LeftOutFiles([])
    for one in _read(source, spec):
        if isinstance(one, Photo):
            if one.number in ids:
                raise UserError(f"{source}: image id {one.number} is there twice; whose are its annotations?")
            name = unquote(one.name) if spec.masks.names == "url" else one.name
            image_id = photo_id(name, spec.image_path)
            if image_id is None and spec.masks.format == "rle" and not is_picture(name):  # ids without an extension
                image_id = photo_listed(name, spec.image_path, None).image_id
            ids[one.number] = image_id
            if image_id is None:
                left_out.count(OTHER_PHOTOS, spell_out(one.name))
                continue
            yield _row(source, one.number, ids[one.number], _ABOUT_PHOTO, one.text)
            if says_split:
                yield Found(LISTED, image_id, split)
        elif one.number not in ids:
            left_out.count(NO_PHOTO, f"{source}: number {one.position}")
        elif ids[one.number] is not None:
            yield _row(source, one.number, ids[one.number], one.position, one.text)
    if left_out.kinds:
        yield Found(LEFT_OUT, NO_ID, left_out.kinds)


def masks_of(found: dict[str, list], spec: DatasetSpec) -> list[SourceFile]:
    """The masks that an id has, in order; more than one contradict each other.

    Args:
      found: Its files and rows, by kind.
      spec: Says what a mask is made of.
    """
    files = sorted(found[MASKS])
    if spec.masks.format == "layers":
        return [whole_mask(files)] if files else []
    if spec.masks.annotations is None:
        return files
    entries = list(_entries(found[ANNOTATED]))
    if spec.masks.format != "panoptic":
        return entries
    if len(files) > 1 or len(entries) > 1:
        return files if len(files) > 1 else entries
    parts = [*files, *(one._replace(layer=ENTRY) for one in entries)]
    return [whole_mask(parts)] if parts else []


def _read(source: SourceFile, spec: DatasetSpec) -> Iterator[Photo | Annotation]:
    if spec.masks.format == "rle":
        return read_rle_table(read_chunks(source), str(source), spec.masks.pixels or "columns")
    if spec.masks.format == "cvat":
        return read_cvat(read_chunks(source), str(source))
    return read_coco(lambda: read_chunks(source), str(source), spec.masks.format == "panoptic")


def _row(source: SourceFile, number: str, image_id: str | None, position: int, text: str) -> Found:
    return Found(ANNOTATED, image_id or "", AnnotationRow(str(source), number, position, text))


def _entries(rows: Iterable[AnnotationRow]) -> Iterator[SourceFile]:
    """What each file says about the photo; the same photo twice in a file makes two."""
    by_photo: dict[tuple[str, str], list[AnnotationRow]] = defaultdict(list)
    for row in rows:
        by_photo[row.uri, row.photo].append(row)
    for (uri, _), own in sorted(by_photo.items()):
        about, *annotations = sorted(own, key=lambda row: (row.position, row.text))
        content = entry_text(about.text, (row.text for row in annotations))
        yield SourceFile(uri, len(content.encode()), None, json.loads(about.text)["name"], content)
