"""The orientation of a photo: one tag of a JPEG's EXIF segment, by the rule of `schemas.photos`, and nothing else."""

from __future__ import annotations

import struct

from PIL import Image

from schemas.photos import EXIF_START, ORIENTATION_TAG, ORIENTATIONS, SHORT, UPRIGHT

_BYTE_ORDERS = {b"II": "<", b"MM": ">"}
_TIFF_MAGIC = 42
_ENTRY_BYTES = 12

_TURN_UPRIGHT = {  # orientation (EXIF 2.32, 4.6.4) to what undoes it
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}


def exif_orientation(segment: bytes) -> int:
    """The orientation that an Exif segment states, in 1..8; 1, upright, where it states none that is valid.

    Args:
      segment: The content of an APP1 segment, from "Exif" on. It may be short, foreign or damaged.
    """
    tiff = segment[len(EXIF_START) :]
    order = _BYTE_ORDERS.get(tiff[:2])
    if order is None or len(tiff) < 8:
        return UPRIGHT
    magic, directory = struct.unpack_from(f"{order}HI", tiff, 2)
    if magic != _TIFF_MAGIC or directory + 2 > len(tiff):
        return UPRIGHT
    (count,) = struct.unpack_from(f"{order}H", tiff, directory)
    first = directory + 2
    whole = (len(tiff) - first) // _ENTRY_BYTES
    for position in range(first, first + _ENTRY_BYTES * min(count, whole), _ENTRY_BYTES):
        tag, kind, values, value = struct.unpack_from(f"{order}HHIH", tiff, position)
        if tag == ORIENTATION_TAG:
            return value if kind == SHORT and values == 1 and value in ORIENTATIONS else UPRIGHT
    return UPRIGHT


def exchanges_sides(orientation: int) -> bool:
    """Whether width and height change places when a picture of this orientation is turned upright."""
    return orientation >= 5


def turn_upright(image: Image.Image, orientation: int) -> Image.Image:
    """Undoes an orientation."""
    return image.transpose(_TURN_UPRIGHT[orientation]) if orientation != UPRIGHT else image
