"""PNG files of every colour type and depth, which Pillow cannot write. Format: www.w3.org/TR/png-3, 7 to 11."""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterator

import numpy as np

GREY, RGB, PALETTE, GREY_ALPHA, RGBA = 0, 2, 3, 4, 6
_CHANNELS = {GREY: 1, RGB: 3, PALETTE: 1, GREY_ALPHA: 2, RGBA: 4}
_ADAM7 = ((0, 0, 8, 8), (4, 0, 8, 8), (0, 4, 4, 8), (2, 0, 4, 4), (0, 2, 2, 4), (1, 0, 2, 2), (0, 1, 1, 2))


def png(
    samples: np.ndarray,
    color_type: int,
    depth: int,
    interlaced: bool = False,
    before_pixels: tuple[tuple[bytes, bytes], ...] = (),
) -> bytes:
    """A PNG file whose rows go through all five filters.

    Args:
      samples: uint16 [H, W, channels] in 0..2^depth - 1, the channels as `color_type` has them.
      before_pixels: Kind and content of chunks between the header and the pixels, such as PLTE.
    """
    height, width, channels = samples.shape
    assert channels == _CHANNELS[color_type]
    header = struct.pack(">2I5B", width, height, depth, color_type, 0, 0, int(interlaced))
    images = [samples[y::dy, x::dx] for x, y, dx, dy in _ADAM7] if interlaced else [samples]
    pixels = b"".join(line for image in images if image.size for line in _lines(image, depth))
    chunks = [(b"IHDR", header), *before_pixels, (b"IDAT", zlib.compress(pixels)), (b"IEND", b"")]
    return b"\x89PNG\r\n\x1a\n" + b"".join(chunk(*one) for one in chunks)


def chunk(kind: bytes, content: bytes) -> bytes:
    """One chunk with its length and checksum."""
    return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))


def _lines(samples: np.ndarray, depth: int) -> Iterator[bytes]:
    """The filtered lines of an image, or of one pass of an interlaced one."""
    height, _, channels = samples.shape
    flat = samples.reshape(height, -1)
    if depth == 16:
        rows = flat.astype(">u2").view(np.uint8)
    else:
        bits = np.unpackbits(flat.astype(np.uint8)[..., np.newaxis], axis=-1)[..., 8 - depth :]
        rows = np.packbits(bits.reshape(height, -1), axis=-1)
    step = max(1, channels * depth // 8)
    above = np.zeros_like(rows[0])
    for number, row in enumerate(rows):
        left, above_left = (np.concatenate([np.zeros(step, np.uint8), one])[: len(row)] for one in (row, above))
        kind = number % 5
        predicted = (0, left, above, (left.astype(int) + above) // 2, _paeth(left, above, above_left))[kind]
        yield bytes([kind]) + (row - np.asarray(predicted).astype(np.uint8)).astype(np.uint8).tobytes()
        above = row


def _paeth(left: np.ndarray, above: np.ndarray, above_left: np.ndarray) -> np.ndarray:
    a, b, c = (one.astype(int) for one in (left, above, above_left))
    estimate = a + b - c
    to_a, to_b, to_c = (np.abs(estimate - one) for one in (a, b, c))
    return np.where((to_a <= to_b) & (to_a <= to_c), a, np.where(to_b <= to_c, b, c))
