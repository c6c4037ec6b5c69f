"""What changed in one record: photo and mask are read again, at their places in the shards, where they differ."""

from __future__ import annotations

import io
import json
from collections.abc import Iterator
from typing import Any, NamedTuple

import apache_beam as beam
import numpy as np
from PIL import Image

from beam_jobs.codec.fitting import cut_photo
from beam_jobs.codec.photos import decode_photo
from beam_jobs.compare.class_match import NO_CLASS
from beam_jobs.compare.entries import Entry
from beam_jobs.compare.pairing import Pair
from beam_jobs.compare.request import Request
from beam_jobs.elements import SourceFile, read_source
from beam_jobs.records.published_records import bytes_of, int_of, parse_record
from beam_jobs.records.tf_example import Value
from beam_jobs.rejections import InputRejected
from beam_jobs.sources.input_files import naming_input
from schemas.errors import UserError
from schemas.features import IGNORE_ID, IMAGE, MASK, SOURCE_HEIGHT, SOURCE_WIDTH, WEIGHT
from schemas.fitting import STRETCH, Fit

ADDED, REMOVED, RENAMED, MOVED = "added", "removed", "renamed", "moved"
PHOTO, MASKED, SLICES, WEIGHED = "photo_changed", "mask_changed", "slices_changed", "weight_changed"
KINDS = (ADDED, REMOVED, RENAMED, MOVED, PHOTO, MASKED, SLICES, WEIGHED)  # in the order of summaries
IGNORED, REMOVED_CLASS = "(ignored)", "(removed class)"  # in `class_pixels`, beside names of classes
_SHARE_DIGITS, _LEVEL_DIGITS = 9, 3


class Change(NamedTuple):
    """One line of the changes: a record that differs, or that one version lacks.

    Attributes:
      image_id: Its id, the later one where it was renamed.
      kinds: Of KINDS, one or several.
      id_before: Its earlier id, if it was renamed.
      split_before, split_after: None where the version lacks it.
      path_before, path_after: Of its photo, where the version's lists name it.
      rejected: Why the version that lacks it rejected it.
      photo_difference: Mean difference of two photos of one size, in grey levels of 0 to 255.
      changed_pixels: Share of the mask's pixels whose class differs; None where the sizes do.
      class_pixels: Class to how many pixels it has gained or lost.
      slices: Slice or `group` to its value before and after.
      weight: How much it counts in training, before and after.
      records: Where it is before and after; not written.
    """

    image_id: str
    kinds: tuple[str, ...]
    id_before: str = ""
    split_before: str | None = None
    split_after: str | None = None
    path_before: str = ""
    path_after: str = ""
    rejected: str = ""
    photo_difference: float | None = None
    changed_pixels: float | None = None
    class_pixels: dict[str, int] = {}  # noqa: RUF012  # never changed in place
    slices: dict[str, list[str | None]] = {}  # noqa: RUF012
    weight: list[str | None] | None = None
    records: tuple[SourceFile | None, SourceFile | None] = (None, None)

    def to_json(self) -> str:
        """One JSON object with sorted keys, without a newline; what does not apply is left out."""
        values = self._asdict()
        values["id"] = values.pop("image_id")
        del values["records"]
        fields = {name: value for name, value in values.items() if value not in ("", None, {})}
        return json.dumps(fields, sort_keys=True, allow_nan=False)


class FindChanges(beam.DoFn):
    """Pair -> Change; nothing where only the encoded bytes differ, and not what they show."""

    def __init__(self, request: Request):
        self._classes = request.classes
        self._table = np.array(request.classes.ids, np.int16)
        self._fit: Fit = request.after.manifest.fit

    def process(self, pair: Pair) -> Iterator[Change]:
        before, after = pair.before, pair.after
        records = before and before.source, after and after.source
        paths: dict[str, Any] = {"path_before": pair.path_before, "path_after": pair.path_after, "records": records}
        if before is None or after is None:
            kind, splits = (ADDED, (None, after and after.split)) if before is None else (REMOVED, (before.split, None))
            yield Change(pair.image_id, (kind,), "", *splits, rejected=pair.rejected, **paths)
            return
        kinds = [RENAMED] if pair.id_before else []
        kinds += [MOVED] if before.split != after.split else []
        found: dict[str, Any] = {}
        if before.photo != after.photo or before.mask != after.mask or not self._classes.same_ids:
            with naming_input(pair.image_id, before.source, after.source):
                found = self._compare_contents(pair.image_id, before, after)
        kinds += [kind for kind, name in ((PHOTO, "photo_difference"), (MASKED, "changed_pixels")) if name in found]
        slices = _changed_slices(before, after)
        weight = slices.pop(WEIGHT, None)
        kinds += [kind for kind, is_there in ((SLICES, slices), (WEIGHED, weight)) if is_there]
        if kinds:
            splits = before.split, after.split
            yield Change(
                pair.image_id, tuple(kinds), pair.id_before, *splits, slices=slices, weight=weight, **paths, **found
            )

    def _compare_contents(self, image_id: str, before: Entry, after: Entry) -> dict[str, Any]:
        """The fields of a Change that photo and mask decide; those of an equal photo or mask are not there."""
        old, new = (parse_record(read_source(one.source)) for one in (before, after))
        found: dict[str, Any] = {}
        if before.photo != after.photo:
            try:
                difference = photo_difference(self._photo(old), self._photo(new))
            except InputRejected as error:
                places = f"{before.uri} or {after.uri}"
                raise UserError(f"{places}: the photo of {image_id} can't be read ({error})") from None
            if difference != 0:
                found["photo_difference"] = difference
        if before.mask and (before.mask != after.mask or not self._classes.same_ids):
            found |= self._compare_masks(self._class_ids(old), self._class_ids(new))
        return found

    def _photo(self, record: dict[str, Value]) -> Image.Image:
        return self._without_padding(decode_photo(bytes_of(record, IMAGE), min_side=0).image, record)

    def _class_ids(self, record: dict[str, Value]) -> np.ndarray:
        """The mask of a record, uint8 [H, W]."""
        return np.asarray(self._without_padding(Image.open(io.BytesIO(bytes_of(record, MASK))), record))

    def _without_padding(self, image: Image.Image, record: dict[str, Value]) -> Image.Image:
        """The part of a record's photo or mask that shows the photo."""
        if self._fit == STRETCH:
            return image
        return cut_photo(image, (int_of(record, SOURCE_HEIGHT), int_of(record, SOURCE_WIDTH)), self._fit)

    def _compare_masks(self, before: np.ndarray, after: np.ndarray) -> dict[str, Any]:
        """Compares class ids, uint8 [H, W] each."""
        if before.shape != after.shape:
            return {"changed_pixels": None}
        mapped = self._table[before]
        share = float(np.mean(mapped != after))
        if not share:
            return {}
        known = mapped[mapped != NO_CLASS]
        gained = np.bincount(after.ravel(), minlength=256) - np.bincount(known, minlength=256)
        pixels = {name: int(count) for name, count in zip(self._classes.names, gained) if count}
        if ignored := int(gained[IGNORE_ID]):
            pixels[IGNORED] = ignored
        if lost := mapped.size - known.size:
            pixels[REMOVED_CLASS] = -lost
        return {"changed_pixels": round(share, _SHARE_DIGITS), "class_pixels": pixels}


def photo_difference(before: Image.Image, after: Image.Image) -> float | None:
    """The mean difference of two photos in grey levels, over all pixels and channels; None for other sizes."""
    old, new = (np.asarray(one, np.int16) for one in (before, after))
    if old.shape != new.shape:
        return None
    difference = float(np.abs(old - new).mean())
    return max(round(difference, _LEVEL_DIGITS), 10**-_LEVEL_DIGITS) if difference else 0.0


def _changed_slices(before: Entry, after: Entry) -> dict[str, list[str | None]]:
    old, new = json.loads(before.slices), json.loads(after.slices)
    names = sorted(name for name in old.keys() | new.keys() if old.get(name) != new.get(name))
    return {name: [old.get(name), new.get(name)] for name in names}
