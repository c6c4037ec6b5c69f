"""What the segments of a JPEG say before its pixels (ITU-T T.81, annex B), and the file without its metadata.

A decoder that never sees metadata can't fail on it: only the markers that decide the pixels are kept.
"""

from __future__ import annotations

import re
import struct
from typing import NamedTuple

from beam_jobs.codec.orientation import exif_orientation
from schemas.photos import EXIF_START, UPRIGHT

_START = b"\xff\xd8"
_SCAN, _END_OF_IMAGE, _APP1 = 0xDA, 0xD9, 0xE1
_STANDALONE = frozenset({0x01, *range(0xD0, 0xD9)})  # TEM, RSTn, SOI: markers without content
_FRAMES = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}  # SOF0 ... SOF15; the others are DHT, JPG and DAC
_JPEG_LS_FRAME = 0xF7
_DECODED = {0xC0: False, 0xC1: False, 0xC2: True, 0xC9: False, 0xCA: True}  # SOF to whether it is progressive
_MAX_SEGMENTS = 10_000  # a colour profile has 255 at most
_METADATA = frozenset({*range(0xE0, 0xF0), 0xFE})  # APPn and comments
# Segments that say how the colours are encoded, by marker and start; every other APPn is metadata.
_COLOR_SEGMENTS = ((0xE0, b"JFIF\x00"), (0xEE, b"Adobe"))
# A marker in the encoded pixels: no zero byte, restart or fill byte follows its first byte (T.81, B.1.1.5).
_MARKER_IN_PIXELS = re.compile(rb"\xff[^\x00\xd0-\xd7\xff]")


class DamagedHeader(ValueError):
    """The segments before the pixels can't be read; the message says where and why."""


class TruncatedHeader(DamagedHeader):
    """The file ends before its pixels."""


class UnsupportedFrame(ValueError):
    """A kind of JPEG whose pixels can't be decoded; the message names it."""


class JpegHeader(NamedTuple):
    """What is known before a pixel is decoded.

    Attributes:
      data: The file without its metadata.
      width, height: Pixels as they are stored, not upright.
      components: 1 grey, 3 colour, 4 CMYK.
      orientation: 1..8, by the rule of `schemas.photos`.
      in_one_scan: Whether all components are encoded at once, from top to bottom.
      first_scan: Where the first scan begins in `data`.
    """

    data: bytes
    width: int
    height: int
    components: int
    orientation: int
    in_one_scan: bool
    first_scan: int

    @property
    def size(self) -> tuple[int, int]:
        """Width and height as they are stored."""
        return self.width, self.height


def read_jpeg_header(data: bytes) -> JpegHeader:
    """Walks the segments up to the first scan.

    Raises:
      DamagedHeader: A segment is missing, ends too early or is invalid.
      UnsupportedFrame: The pixels are encoded in a way that no decoder here knows.
    """
    kept, since = [], 0  # pieces of the file without metadata; where the next one begins
    frame = exif = None
    position = len(_START)
    for _ in range(_MAX_SEGMENTS):
        marker, start, end = _segment(data, position)
        content = start + 2
        if marker in _FRAMES or marker == _JPEG_LS_FRAME:
            frame = frame or (marker, data[content:end])
        elif marker in _METADATA:
            if marker == _APP1 and exif is None and data.startswith(EXIF_START, content, end):
                exif = data[content:end]
            if not any(marker == one and data.startswith(text, content, end) for one, text in _COLOR_SEGMENTS):
                kept.append(data[since:position])
                since = end
        elif marker == _SCAN:
            break
        position = end
    else:
        raise DamagedHeader(f"more than {_MAX_SEGMENTS} segments before the first scan")
    if frame is None:
        raise DamagedHeader("a scan without a frame header before it")
    is_progressive, height, width, components = _read_frame(*frame)
    in_one_scan = not is_progressive and data[content : content + 1] == bytes([components])
    removed = since - sum(map(len, kept))
    return JpegHeader(
        b"".join([*kept, data[since:]]) if kept else data,
        width,
        height,
        components,
        UPRIGHT if exif is None else exif_orientation(exif),
        in_one_scan,
        position - removed,
    )


def count_scans(header: JpegHeader, most: int) -> int:
    """The number of scans of the picture; of a file with hardly more than `most`, at least as many as there are."""
    data = header.data
    found = data.count(bytes([0xFF, _SCAN]), header.first_scan)
    if header.in_one_scan:
        return 1
    if found <= most:  # counts those of appended pictures too, and chance
        return found
    scans, position = 0, header.first_scan
    while match := _MARKER_IN_PIXELS.search(data, position):
        marker = data[match.end() - 1]
        if marker == _END_OF_IMAGE:
            break
        scans += marker == _SCAN
        length = int.from_bytes(data[match.end() : match.end() + 2], "big")
        position = match.end() + (0 if marker in _STANDALONE else max(2, length))
    return scans


def _segment(data: bytes, position: int) -> tuple[int, int, int]:
    """The marker of the segment at a position, and where its content, from the length on, begins and ends."""
    marker_at = position + 1
    while data[marker_at : marker_at + 1] == b"\xff":  # fill bytes
        marker_at += 1
    if marker_at >= len(data):
        raise TruncatedHeader(f"ends in its header, after {len(data)} bytes")
    if data[position] != 0xFF or data[marker_at] in (0x00, _END_OF_IMAGE):
        raise DamagedHeader(f"no segment at byte {position}, where one must be")
    marker, start = data[marker_at], marker_at + 1
    if marker in _STANDALONE:
        return marker, start, start
    length = int.from_bytes(data[start : start + 2], "big")
    if start + max(2, length) > len(data):
        raise TruncatedHeader(f"ends in its header, after {len(data)} bytes")
    if length < 2:
        raise DamagedHeader(f"segment at byte {position} has a length of {length}")
    return marker, start, start + length


def _read_frame(marker: int, content: bytes) -> tuple[bool, int, int, int]:
    """Whether a frame is progressive, its height, width and number of components."""
    if len(content) < 6:
        raise DamagedHeader("frame header is too short")
    bits, height, width, components = struct.unpack_from(">BHHB", content)
    if marker not in _DECODED:
        kind = "JPEG-LS" if marker == _JPEG_LS_FRAME else "lossless or hierarchical JPEG"
        raise UnsupportedFrame(f"{kind} (frame FF {marker:02X}) is not supported")
    if bits != 8:
        raise UnsupportedFrame(f"{bits}-bit JPEG is not supported; 8 bits a channel are")
    if components not in (1, 3, 4):
        raise UnsupportedFrame(f"JPEG of {components} channels is not supported; 1, 3 and 4 are")
    return _DECODED[marker], height, width, components
