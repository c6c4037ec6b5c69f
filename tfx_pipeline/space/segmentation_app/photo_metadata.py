"""Strips metadata that image libraries would apply from a photo's file, and reads the one fact that counts.

The rules are those of the pipeline's `schemas/photos.py`; `photo_metadata.js` is the same in JavaScript.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from itertools import islice

JPEG_START, PNG_START = b"\xff\xd8\xff", b"\x89PNG\r\n\x1a\n"
UPRIGHT = 1
MAX_SEGMENTS = 4096  # of a JPEG's header; good files have a few dozen

# JPEG, ITU-T T.81, B.1.1: the second byte of a marker
_FILL, _START_OF_SCAN, _END_OF_IMAGE, _COMMENT = 0xFF, 0xDA, 0xD9, 0xFE
_APP0, _APP1, _APP14, _APP15 = 0xE0, 0xE1, 0xEE, 0xEF  # JFIF's and Adobe's (0 and 14) say what the components mean
_EXIF = b"Exif\x00\x00"
_ORIENTATION_TAG, _SHORT = 0x0112, 3
_PNG_PIXELS = (b"IHDR", b"PLTE", b"tRNS", b"IDAT", b"IEND")
_COLOR_TYPE = 25  # its place in a PNG: www.w3.org/TR/png-3, 5.3 and 11.2.1
_INDEXED = 3  # the colour type of a palette
_KEY_BYTES = {0: 2, 2: 6}  # of tRNS, by the colour type


def without_metadata(data: bytes) -> tuple[bytes, int]:
    """Returns the same photo without EXIF, XMP, colour profile, text and further images, and its orientation 1 to 8.

    A file that is not JPEG or PNG stays as it is, and so does everything after a damaged part. A misplaced tRNS chunk
    is left out, because Pillow would apply it.

    Raises:
      ValueError: A PNG has two headers or palettes, or none before what needs it.
    """
    if data.startswith(JPEG_START):
        segments = list(islice(_segments(data), MAX_SEGMENTS))
        end = segments[-1][1] if segments else 2
        kept = [data[start:stop] for start, stop in segments if not _is_metadata(data[start + 1])]
        exif = (data[start + 4 : stop] for start, stop in segments if data[start + 1] == _APP1)
        first = next((content for content in exif if content.startswith(_EXIF)), b"")
        return b"".join([data[:2], *kept, data[end:]]), _orientation(first[len(_EXIF) :])
    if data.startswith(PNG_START):
        kept, end = bytearray(PNG_START), len(PNG_START)
        color_type = int.from_bytes(data[_COLOR_TYPE : _COLOR_TYPE + 1], "big")
        before: dict[bytes, int] = {}  # kind of chunk to the bytes of its content
        if data[12:16] != b"IHDR":
            raise ValueError("a PNG starts with its header")
        for start, end in _chunks(data):
            kind, length = data[start + 4 : start + 8], end - start - 12
            if kind in _PNG_PIXELS and (kind != b"tRNS" or _is_transparency(length, color_type, before)):
                _check_order(kind, color_type, before)
                before[kind] = length
                kept += data[start:end]
        return bytes(kept + data[end:]), UPRIGHT
    return data, UPRIGHT


def _segments(data: bytes) -> Iterator[tuple[int, int]]:
    """Start and end of each segment of a JPEG before its first scan."""
    at = 2
    while at + 4 <= len(data) and data[at] == 0xFF and data[at + 1] not in (_START_OF_SCAN, _END_OF_IMAGE):
        if data[at + 1] == _FILL:
            at += 1
            continue
        end = at + 2 + int.from_bytes(data[at + 2 : at + 4], "big")
        if end < at + 4 or end > len(data):
            return
        yield at, end
        at = end


def _is_metadata(mark: int) -> bool:
    return mark == _COMMENT or (_APP0 <= mark <= _APP15 and mark not in (_APP0, _APP14))


def _chunks(data: bytes) -> Iterator[tuple[int, int]]:
    """Start and end of each chunk of a PNG."""
    at = len(PNG_START)
    while at + 12 <= len(data):
        end = at + 12 + int.from_bytes(data[at : at + 4], "big")
        if end > len(data):
            return
        yield at, end
        at = end


def _is_transparency(length: int, color_type: int, before: dict[bytes, int]) -> bool:
    """Whether a tRNS chunk is valid after the chunks before it; browsers and libpng ignore any other."""
    if before.keys() - {b"IHDR", b"PLTE"}:
        return False
    if color_type == _INDEXED:
        return 0 < length <= before.get(b"PLTE", 0) // 3
    return length == _KEY_BYTES.get(color_type)


def _check_order(kind: bytes, color_type: int, before: dict[bytes, int]) -> None:
    late = {b"IHDR": before.keys(), b"PLTE": before.keys() - {b"IHDR"}}.get(kind)
    if late or (kind == b"IDAT" and color_type == _INDEXED and b"PLTE" not in before):
        raise ValueError(f"{kind!r} out of place")


def _orientation(tiff: bytes) -> int:
    """The first orientation of the first directory, if the segment holds all of it. Source: TIFF 6.0, section 2."""
    order = {b"II*\x00": "<", b"MM\x00*": ">"}.get(tiff[:4])
    if order is None or len(tiff) < 8:
        return UPRIGHT
    [directory] = struct.unpack_from(order + "I", tiff, 4)
    if directory + 2 > len(tiff):
        return UPRIGHT
    [count] = struct.unpack_from(order + "H", tiff, directory)
    for at in range(directory + 2, min(directory + 2 + 12 * count, len(tiff) - 11), 12):
        tag, kind, values, value = struct.unpack_from(order + "HHIH", tiff, at)
        if tag == _ORIENTATION_TAG:
            return value if (kind, values) == (_SHORT, 1) and 1 <= value <= 8 else UPRIGHT
    return UPRIGHT
