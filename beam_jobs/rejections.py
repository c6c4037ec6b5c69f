"""Why an input was rejected, or what was repaired in it: one line each in the files that list them."""

from __future__ import annotations

import json
from typing import Any, NamedTuple

from beam_jobs.elements import SourceFile
from schemas.bounded_text import clipped, printable
from schemas.documents import parse_json_object
from schemas.errors import UserError

# Found when photos and masks are paired.
UNSAFE_PATH = "path_is_not_utf8"
FILE_SIZE = "file_too_large"
UNSAFE_ID = "unsafe_id"
UNKNOWN_SLICE = "unknown_slice"
DUPLICATE_ID = "duplicate_id"
MISSING_MASK = "missing_mask"
MISSING_IMAGE = "missing_image"
LISTED_TWICE = "listed_in_two_splits"
NOT_LISTED = "not_in_official_lists"
NO_GROUP, GROUPS_DIFFER = "not_in_table_of_groups", "rows_of_groups_differ"
NO_WEIGHT, WEIGHTS_DIFFER = "not_in_table_of_weights", "rows_of_weights_differ"
UNMASKED = "left_out_without_mask"
LEFT_OUT_BY_LIST = "excluded"
# Found when a file is read.
UNREADABLE_FILE = "unreadable_file"
# Found when a photo is read.
EMPTY_IMAGE = "empty_image"
NOT_AN_IMAGE = "not_an_image"
IMAGE_MODE = "unsupported_image_mode"
IMAGE_SIZE = "image_size_out_of_bounds"
IMAGE_SCANS = "too_many_scans"
TRUNCATED_IMAGE = "truncated_image"
DAMAGED_IMAGE = "damaged_image"
# Found when a mask is read.
EMPTY_MASK = "empty_mask"
NOT_A_MASK = "not_a_mask"
MASK_SIZE = "mask_size_differs"
MASK_VALUE = "unknown_mask_value"
MASK_LACKS_CLASS = "mask_lacks_required_class"
MASK_COLORS = "mask_colors_differ"
MASK_SOFT = "mask_too_soft"
ANNOTATION = "unusable_annotation"
MASK_ALL_IGNORED = "mask_all_ignored"

# Left out by the chosen split, the description or a person, not as defective: these don't count toward the rejected
# fraction.
EXCLUDED = frozenset({NOT_LISTED, UNMASKED, LEFT_OUT_BY_LIST})
FATAL = frozenset({DUPLICATE_ID})  # a single one withholds the version
OF_TABLES = frozenset({NO_GROUP, GROUPS_DIFFER, NO_WEIGHT, WEIGHTS_DIFFER})  # a single one ends the job


class InputRejected(Exception):
    """One input cannot be published; `reason` is a code of this module, `detail` says what was found.

    Details repeat file names and messages of libraries, so this class makes them short, printable and one line.
    """

    def __init__(self, reason: str, detail: str):
        detail = clipped(" ".join(printable(detail or "no reason is known").split("\n")))
        super().__init__(f"{reason}: {detail}")
        self.reason = reason
        self.detail = detail


class Rejection(NamedTuple):
    """One line of the quarantine. A file is None where there is none, `split` empty where none was decided."""

    image_id: str
    image: SourceFile | None
    mask: SourceFile | None
    split: str
    stage: str
    reason: str
    detail: str

    def to_json(self) -> str:
        """One JSON object with sorted keys, without a newline."""
        fields = {
            "id": self.image_id,
            "image_uri": str(self.image or ""),
            "mask_uri": str(self.mask or ""),
            "split": self.split,
            "stage": self.stage,
            "reason": self.reason,
            "detail": self.detail,
        }
        return json.dumps(fields, sort_keys=True)

    @classmethod
    def from_json(cls, line: str | bytes, source: str) -> Rejection:
        """Reads what `to_json` wrote; positions inside archives are not part of it.

        Raises:
          UserError: The line has another form; the message names `source`, its file.
        """
        fields = _read_line(line, source, ("id", "image_uri", "mask_uri", "split", "stage", "reason", "detail"))
        image, mask = (SourceFile(fields.pop(name), 0) if fields[name] else None for name in ("image_uri", "mask_uri"))
        return cls(fields.pop("id"), image, mask, fields["split"], fields["stage"], fields["reason"], fields["detail"])


class Repaired(NamedTuple):
    """One published photo that needed repair: its id, its source, and the kinds of repair."""

    image_id: str
    image_uri: str
    repairs: tuple[str, ...]

    def to_json(self) -> str:
        """One JSON object with sorted keys, without a newline."""
        return json.dumps({"id": self.image_id, "image_uri": self.image_uri, "repairs": self.repairs}, sort_keys=True)

    @classmethod
    def from_json(cls, line: str | bytes, source: str) -> Repaired:
        """Reads what `to_json` wrote; a line of another form is a UserError that names `source`."""
        fields = _read_line(line, source, ("id", "image_uri"), ("repairs",))
        return cls(fields["id"], fields["image_uri"], tuple(map(str, fields["repairs"])))


class DerivedId(NamedTuple):
    """One published record whose id is not the name of its photo, see `schemas.image_ids`, and its two files."""

    image_id: str
    image_uri: str
    mask_uri: str

    def to_json(self) -> str:
        """One JSON object with sorted keys, without a newline."""
        fields = {"id": self.image_id, "image_uri": self.image_uri, "mask_uri": self.mask_uri}
        return json.dumps(fields, sort_keys=True)

    @classmethod
    def from_json(cls, line: str | bytes, source: str) -> DerivedId:
        """Reads what `to_json` wrote; a line of another form is a UserError that names `source`."""
        fields = _read_line(line, source, ("id", "image_uri", "mask_uri"))
        return cls(fields["id"], fields["image_uri"], fields["mask_uri"])


def _read_line(line: str | bytes, source: str, texts: tuple[str, ...], lists: tuple[str, ...] = ()) -> dict[str, Any]:
    """Parses one line of a version's line files, which must have exactly these keys."""
    fields = parse_json_object(line, source)
    kinds = dict.fromkeys(texts, str) | dict.fromkeys(lists, list)
    if fields.keys() != kinds.keys() or not all(isinstance(fields[key], kind) for key, kind in kinds.items()):
        raise UserError(f"{source}: a line is not as it was published; it needs {', '.join(kinds)}")
    return fields
