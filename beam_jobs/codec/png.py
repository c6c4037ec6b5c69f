"""PNG files: the checks that Pillow leaves out, and a quick encoder for masks. Format: www.w3.org/TR/png-3."""

from __future__ import annotations

import io
import struct
import zlib
from typing import NamedTuple

import numpy as np
from PIL import Image

from schemas.photos import PNG_START

GREY, RGB, PALETTE, GREY_ALPHA, RGB_ALPHA = 0, 2, 3, 4, 6  # colour types

_DEPTHS = {GREY: (1, 2, 4, 8, 16), RGB: (8, 16), PALETTE: (1, 2, 4, 8), GREY_ALPHA: (8, 16), RGB_ALPHA: (8, 16)}
_HEADER = struct.Struct(">2I5B")  # width, height, depth, colour type, compression, filter method, interlace method
_COLOR_TYPE = 9  # its place in the header
_INTERLACE = 28  # that of the interlace method in the file
_CHANNELS = {GREY: 1, RGB: 3, PALETTE: 1, GREY_ALPHA: 2, RGB_ALPHA: 4}
_ADAM7 = ((0, 0, 8, 8), (4, 0, 8, 8), (0, 4, 4, 8), (2, 0, 4, 4), (0, 2, 2, 4), (1, 0, 2, 2), (0, 1, 1, 2))  # 8.1
_INFLATED = 1 << 18  # 256 KiB at a time
_FRAME = 12  # bytes of a chunk beside its content: length, kind, checksum
_ANCILLARY = 0x20  # in the first letter of a chunk's kind
_DECODED = frozenset({b"IHDR", b"PLTE", b"tRNS", b"IDAT", b"IEND"})  # the others never change a pixel here
_MAY_PRECEDE = {b"IHDR": set(), b"PLTE": {b"IHDR"}}  # of those that are decoded; the others come where they like
_MAX_CHUNKS = 1_000_000  # encoders write one for every few kB
_GREY_8_BITS = bytes([8, 0, 0, 0, 0])  # bit depth, colour type, compression, filter method, no interlace
_UP = 2


class Png(NamedTuple):
    """A PNG whose structure has been checked, without its metadata.

    Attributes:
      data: The file with none but the chunks that decide its pixels, so that a decoder can't fail on others.
      width, height: In pixels.
      depth: Bits of a sample: 1, 2, 4, 8 or 16.
      color_type: GREY, RGB, PALETTE, GREY_ALPHA or RGB_ALPHA.
      palette: RGB of each index, 3 bytes each; empty without one.
      transparency: Content of tRNS; empty without one that counts.
    """

    data: bytes
    width: int
    height: int
    depth: int
    color_type: int
    palette: bytes
    transparency: bytes

    @property
    def size(self) -> tuple[int, int]:
        """Width and height."""
        return self.width, self.height


def read_png(data: bytes) -> Png:
    """Checks that a PNG is complete and that each chunk that decides its pixels has the CRC-32 that it states.

    Pillow does not compare those of the pixels: a flipped bit can end the stream early, and the rest is then zeros.
    What is not decoded, such as text, colour profile and EXIF, is left out, however damaged or large it is, and so is a
    invalid tRNS chunk, which Pillow would not check.

    Args:
      data: The whole file; it starts with `PNG_START`.

    Raises:
      ValueError: A checksum differs, the file is truncated, or no PNG looks like that; the message says what is wrong.
    """
    view, position, since = memoryview(data), len(PNG_START), 0
    kept: list[memoryview] = []  # pieces of the file without what is left out, which begins again at `since`
    contents: dict[bytes, memoryview] = {}  # the last of each kind
    for _ in range(_MAX_CHUNKS):
        if position + _FRAME > len(data):
            raise ValueError(f"PNG file is truncated: it ends after {len(data)} bytes, without its last chunk")
        length, kind = struct.unpack_from(">I4s", data, position)
        content, end = position + 8, position + 8 + length
        if end + 4 > len(data):
            raise ValueError(f"PNG file is truncated: it ends after {len(data)} bytes, in chunk {kind!r}")
        if not contents and kind != b"IHDR":
            raise ValueError(f"its first chunk is {kind!r}, must be b'IHDR'")
        if kind in _DECODED and (kind != b"tRNS" or _is_transparency(length, contents)):
            if zlib.crc32(view[position + 4 : end]) != int.from_bytes(view[end : end + 4], "big"):
                raise ValueError(f"checksum of chunk {kind!r} differs")
            if contents.keys() - _MAY_PRECEDE.get(kind, contents.keys()):
                raise ValueError(f"chunk {kind!r} is there twice, or after the pixels that need it")
            contents[kind] = view[content:end]
        elif kind[0] & _ANCILLARY:
            kept.append(view[since:position])
            since = end + 4
        else:
            raise ValueError(f"chunk {kind!r} is critical and unknown: not a standard PNG")
        position = end + 4
        if kind == b"IEND":
            break
    else:
        raise ValueError(f"more than {_MAX_CHUNKS} chunks")
    stripped = b"".join([*kept, view[since:position]]) if kept else data
    header = _read_header(contents[b"IHDR"])
    palette, transparency = (bytes(contents.get(kind, b"")) for kind in (b"PLTE", b"tRNS"))
    if len(palette) % 3 or (header[-1] == PALETTE and not palette):
        raise ValueError(f"palette of {len(palette)} bytes; three for each colour are needed")
    return Png(stripped, *header, palette, transparency)


def load(source: Png) -> Image.Image:
    """Decodes the pixels with Pillow, in the mode that it gives them.

    Raises:
      OSError, SyntaxError, ValueError: They are damaged, or end before the last row, which Pillow leaves black.
    """
    image = Image.open(io.BytesIO(source.data), formats=("PNG",))
    image.load()
    # rows are decoded in order, of an interlaced picture one of the last two at the very end
    last = [image.crop((0, row, image.width, row + 1)).tobytes() for row in range(image.height)[-2:]]
    if not all(map(any, last)):
        _check_length(source)
    return image


def load_low_bytes(source: Png) -> Image.Image:
    """The lower byte of each sample of an RGB or RGBA PNG of 16 bits, in that mode; `load` gives the upper ones.

    Pillow has no mode for such samples. Read as little-endian, it takes the other byte for the upper one.
    """
    image = Image.open(io.BytesIO(source.data), formats=("PNG",))
    image.tile = [image.tile[0]._replace(args=f"{image.mode};16L")]
    image.load()
    return image


def _check_length(source: Png) -> None:
    """Raises a ValueError where the compressed pixels are fewer bytes than the header asks for."""
    width, height, bits = source.width, source.height, _CHANNELS[source.color_type] * source.depth
    passes = _ADAM7 if source.data[_INTERLACE] else ((0, 0, 1, 1),)
    sides = [(-(-(width - x) // dx), -(-(height - y) // dy)) for x, y, dx, dy in passes]
    expected = sum(rows * (1 + -(-columns * bits // 8)) for columns, rows in sides if columns > 0 and rows > 0)
    stream, length, position = zlib.decompressobj(), 0, len(PNG_START)
    while position + _FRAME <= len(source.data) and length < expected:
        size, kind = struct.unpack_from(">I4s", source.data, position)
        piece = source.data[position + 8 : position + 8 + size] if kind == b"IDAT" else b""
        while piece and length < expected:
            try:
                length += len(stream.decompress(piece, _INFLATED))
            except zlib.error as error:
                raise ValueError(f"its pixels are damaged after {length:,} of {expected:,} bytes: {error}") from None
            piece = stream.unconsumed_tail
        position += _FRAME + size
    if length < expected:
        raise ValueError(f"PNG file is truncated: its pixels end after {length:,} of {expected:,} bytes")


def _is_transparency(length: int, before: dict[bytes, memoryview]) -> bool:
    """Whether a tRNS chunk of `length` bytes counts after the chunks before it; libpng ignores every other."""
    if before.keys() - {b"IHDR", b"PLTE"} or len(before[b"IHDR"]) != _HEADER.size:
        return False
    color_type = before[b"IHDR"][_COLOR_TYPE]
    if color_type == PALETTE:
        return 0 < length <= len(before.get(b"PLTE", b"")) // 3
    return length == {GREY: 2, RGB: 6}.get(color_type)


def _read_header(content: memoryview) -> tuple[int, int, int, int]:
    """Width, height, depth and colour type."""
    if len(content) != _HEADER.size:
        raise ValueError(f"header has {len(content)} bytes, must be {_HEADER.size}")
    width, height, depth, color_type, compression, filter_method, interlace = _HEADER.unpack(content)
    if depth not in _DEPTHS.get(color_type, ()) or compression or filter_method or interlace > 1:
        raise ValueError(
            f"header states what no PNG can be: depth {depth}, colour type {color_type}, compression {compression},"
            f" filter method {filter_method}, interlace method {interlace}"
        )
    return width, height, depth, color_type


def encode_mask(class_ids: np.ndarray) -> bytes:
    """Encodes uint8 [H, W] as a grey PNG of 8 bits; the same array gives the same bytes.

    Every row is filtered with Up (the difference to the row above), so that all of a mask but the borders of its
    regions becomes zeros, which zlib's run-length strategy then packs: in a third of the time that a general encoder
    takes, and in fewer bytes.
    """
    height, width = class_ids.shape
    rows = np.empty((height, 1 + width), np.uint8)
    rows[:, 0] = _UP
    rows[0, 1:] = class_ids[0]
    np.subtract(class_ids[1:], class_ids[:-1], out=rows[1:, 1:])  # modulo 256, as the format asks
    packer = zlib.compressobj(strategy=zlib.Z_RLE)
    pixels = packer.compress(rows.data) + packer.flush()
    header = struct.pack(">2I", width, height) + _GREY_8_BITS
    return PNG_START + _chunk(b"IHDR", header) + _chunk(b"IDAT", pixels) + _chunk(b"IEND", b"")


def _chunk(kind: bytes, content: bytes) -> bytes:
    return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))
