"""Why an input was not published: one reason code each, stated in the quarantine and counted in the manifest."""

from __future__ import annotations

import json
from typing import NamedTuple

# Found when photos and masks are paired.
UNSAFE_ID = "unsafe_id"
UNKNOWN_SLICE = "unknown_slice"
DUPLICATE_ID = "duplicate_id"
MISSING_MASK = "missing_mask"
MISSING_IMAGE = "missing_image"
LISTED_TWICE = "listed_in_two_splits"
NOT_LISTED = "not_in_official_lists"
# Found when a photo is read.
EMPTY_IMAGE = "empty_image"
NOT_AN_IMAGE = "not_an_image"
IMAGE_MODE = "unsupported_image_mode"
IMAGE_SIZE = "image_size_out_of_bounds"
TRUNCATED_IMAGE = "truncated_image"
DAMAGED_IMAGE = "damaged_image"
# Found when a mask is read.
EMPTY_MASK = "empty_mask"
NOT_A_MASK = "not_a_mask"
MASK_SIZE = "mask_size_differs"
MASK_VALUE = "unknown_mask_value"
MASK_LACKS_CLASS = "mask_lacks_required_class"

EXCLUDED = frozenset({NOT_LISTED})  # left out by the chosen split, not defective: no part of the rejected fraction
FATAL = frozenset({DUPLICATE_ID})  # a single one withholds the publication


class InputRejected(Exception):
    """One input cannot be published; `reason` is a code of this module, `detail` says what was found."""

    def __init__(self, reason: str, detail: str):
        super().__init__(f"{reason}: {detail}")
        self.reason = reason
        self.detail = detail


class Rejection(NamedTuple):
    """One line of the quarantine. URIs are empty where there is no such file; `split` where none was decided."""

    image_id: str
    image_uri: str
    mask_uri: str
    split: str
    stage: str
    reason: str
    detail: str

    def to_json(self) -> str:
        """One JSON object with sorted keys, without a newline."""
        fields = self._asdict()
        return json.dumps({"id": fields.pop("image_id"), **fields}, sort_keys=True)
