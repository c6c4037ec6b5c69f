"""Photos and masks that harm: every container, mode and depth, damaged in its bytes and in its own structure."""

from __future__ import annotations

import io
import struct
import zlib
from functools import cache

import numpy as np
from PIL import Image

from tests.fuzz.mutations import Random, damaged

_SIZE = (40, 24)
_PNG = b"\x89PNG\r\n\x1a\n"
_DIMENSIONS = (0, 1, 15, 16, 24, 40, 41, 1000, 12_000, 65_500, 65_535, 2**31 - 1, 2**32 - 1)
_CHUNKS = (b"tEXt", b"zTXt", b"iTXt", b"iCCP", b"eXIf", b"tRNS", b"PLTE", b"gAMA", b"pHYs", b"IDAT", b"IEND", b"acTL")


@cache
def _pixels() -> Image.Image:
    rng = np.random.default_rng(1)
    small = Image.fromarray(rng.integers(0, 256, (6, 10, 3), np.uint8))
    return small.resize(_SIZE, Image.Resampling.BICUBIC)


def encode(image: Image.Image, image_format: str, **options) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, image_format, **options)
    return buffer.getvalue()


@cache
def good_photos() -> tuple[bytes, ...]:
    """One photo of each kind that the codec knows, and some that it refuses."""
    image = _pixels()
    exif = Image.Exif()
    exif[0x0112], exif[0x010F] = 6, "a camera"
    jpegs = [
        encode(image.convert(mode), "JPEG", **options)
        for mode, options in (
            ("RGB", {"quality": 90}),
            ("RGB", {"quality": 60, "progressive": True}),
            ("RGB", {"subsampling": 0, "exif": exif.tobytes(), "comment": b"hello"}),
            ("L", {"quality": 80}),
            ("CMYK", {"quality": 80}),
            ("RGB", {"restart_marker_blocks": 1, "dpi": (72, 72), "icc_profile": b"no profile"}),
        )
    ]
    pngs = [
        encode(image.convert(mode), "PNG", **options)
        for mode, options in (
            ("RGB", {}),
            ("RGBA", {"exif": exif.tobytes()}),
            ("L", {}),
            ("LA", {}),
            ("P", {"transparency": 3}),
            ("1", {}),
            ("P", {"bits": 2}),
        )
    ]
    values = np.asarray(image.convert("L"))
    pngs += [_grey_png(values >> max(0, 8 - depth), depth) for depth in (2, 4, 16)]
    gifs = [
        encode(image.convert("P"), "GIF"),
        encode(image.convert("P"), "GIF", save_all=True, append_images=[image.convert("L")], transparency=1),
    ]
    others = [encode(image, name) for name in ("BMP", "TIFF", "MPO")]
    return (*jpegs, *pngs, *gifs, *others)


@cache
def good_masks() -> tuple[bytes, ...]:
    """Masks of pets, of every depth, grey and with a palette."""
    values = np.full((_SIZE[1], _SIZE[0]), 2, np.uint8)
    values[6:18, 8:32], values[8:16, 12:28] = 3, 1
    grey, palette = Image.fromarray(values), Image.fromarray(values).convert("P")
    palette.putpalette([0, 0, 0, 255, 0, 0, 0, 255, 0, 0, 0, 255])
    masks = [encode(grey, "PNG"), *(encode(palette, "PNG", bits=bits) for bits in (2, 4, 8))]
    masks += [_grey_png(values, depth) for depth in (2, 4, 16)]
    return (*masks, encode(grey.convert("RGB"), "PNG"), encode(grey.convert("1"), "PNG"))


def _grey_png(values: np.ndarray, depth: int) -> bytes:
    height, width = values.shape
    if depth == 16:
        rows = values.astype(">u2").tobytes()
        packed = [rows[start : start + 2 * width] for start in range(0, len(rows), 2 * width)]
    else:
        bits = np.unpackbits(values[..., None], axis=-1)[..., -depth:].reshape(height, -1)
        packed = [np.packbits(row).tobytes() for row in bits]
    header = struct.pack(">2I5B", width, height, depth, 0, 0, 0, 0)
    pixels = zlib.compress(b"".join(b"\0" + row for row in packed))
    return _PNG + b"".join(_chunk(*one) for one in ((b"IHDR", header), (b"IDAT", pixels), (b"IEND", b"")))


def hostile_photo(rng: Random) -> bytes:
    """Bytes that may look like a photo."""
    return _hostile(rng, rng.choice(good_photos()))


def hostile_mask(rng: Random) -> bytes:
    """Bytes that may look like a mask."""
    return _hostile(rng, rng.choice(good_masks()))


def _hostile(rng: Random, data: bytes) -> bytes:
    choice = rng.random()
    if choice < 0.04:
        return data
    if choice < 0.07:
        return rng.choice((b"", rng.randbytes(rng.randint(1, 300)), data[:4] + rng.randbytes(50), data * 2))
    if choice < 0.4:
        return damaged(rng, data)
    if data.startswith(_PNG):
        return _hostile_png(rng, data)
    if data.startswith(b"\xff\xd8"):
        return _hostile_jpeg(rng, data)
    return damaged(rng, data)


def _hostile_png(rng: Random, data: bytes) -> bytes:
    """A PNG of chunks whose checksums are right, so that what is wrong lies deeper."""
    chunks = _chunks(data)
    for _ in range(rng.choice((1, 1, 2, 3))):
        index = rng.randrange(len(chunks))
        kind, content = chunks[index]
        change = rng.randrange(6)
        if change == 0:
            chunks[0] = (b"IHDR", _hostile_header(rng, chunks[0][1]))
        elif change == 1 and content:
            chunks[index] = (kind, damaged(rng, content))
        elif change == 2:
            chunks.insert(index, (rng.choice(_CHUNKS), _hostile_content(rng)))
        elif change == 3 and len(chunks) > 1:
            del chunks[index]
        elif change == 4:
            chunks.insert(rng.randrange(len(chunks) + 1), chunks[index])
        else:
            pixels = rng.randbytes(rng.choice((0, 10, 5_000))) + bytes(rng.choice((0, 1_000, 100_000)))
            chunks[index] = (kind, zlib.compress(pixels) if kind == b"IDAT" else content)
    return _PNG + b"".join(_chunk(*one) for one in chunks)


def _chunks(data: bytes) -> list[tuple[bytes, bytes]]:
    chunks, position = [], len(_PNG)
    while position + 8 <= len(data):
        length, kind = struct.unpack_from(">I4s", data, position)
        chunks.append((kind, data[position + 8 : position + 8 + length]))
        position += length + 12
    return chunks


def _chunk(kind: bytes, content: bytes) -> bytes:
    return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))


def _hostile_header(rng: Random, header: bytes) -> bytes:
    width, height, *rest = struct.unpack(">2I5B", header.ljust(13, b"\0")[:13])
    which = rng.randrange(3)
    if which == 0:
        width = rng.choice(_DIMENSIONS)
    elif which == 1:
        height = rng.choice(_DIMENSIONS)
    else:
        rest[rng.randrange(5)] = rng.choice((0, 1, 2, 3, 4, 6, 8, 16, 255))
    return struct.pack(">2I5B", width, height, *rest)


def _hostile_content(rng: Random) -> bytes:
    text = b"key\0" + rng.choice((b"", b"\0", b"\0\0\0\0"))
    big = zlib.compress(bytes(rng.choice((10, 2_000_000))))
    return rng.choice((b"", rng.randbytes(20), text + big, text + b"x" * 5_000, hostile_exif(rng), bytes(768)))


def _hostile_jpeg(rng: Random, data: bytes) -> bytes:
    """A JPEG whose segments are changed one by one."""
    segments, scan = _segments(data)
    for _ in range(rng.choice((1, 1, 2))):
        change = rng.randrange(6)
        index = rng.randrange(len(segments)) if segments else 0
        if change == 0:
            segments.insert(0, (0xE1, b"Exif\0\0" + hostile_exif(rng)))
        elif change == 1 and segments:
            marker, content = segments[index]
            segments[index] = (marker, damaged(rng, content) if content else content)
        elif change == 2 and segments:
            segments[index] = (rng.randrange(0xC0, 0x100), segments[index][1])
        elif change == 3 and segments:
            segments.insert(rng.randrange(len(segments)), segments.pop(index))
        elif change == 4:
            segments = [(marker, _hostile_frame(rng, marker, content)) for marker, content in segments]
        else:
            scan = damaged(rng, scan)
    return b"\xff\xd8" + b"".join(_segment(*one) for one in segments) + scan


def _segments(data: bytes) -> tuple[list[tuple[int, bytes]], bytes]:
    """The segments up to the first scan, and everything from there."""
    segments, position = [], 2
    while position + 4 <= len(data) and data[position + 1] != 0xDA:
        length = int.from_bytes(data[position + 2 : position + 4], "big")
        segments.append((data[position + 1], data[position + 4 : position + 2 + length]))
        position += 2 + length
    return segments, data[position:]


def _segment(marker: int, content: bytes) -> bytes:
    return bytes([0xFF, marker]) + struct.pack(">H", min(65_535, len(content) + 2)) + content


def _hostile_frame(rng: Random, marker: int, content: bytes) -> bytes:
    if marker not in (0xC0, 0xC1, 0xC2) or len(content) < 6:
        return content
    precision, height, width, components = struct.unpack(">BHHB", content[:6])
    which = rng.randrange(4)
    if which == 0:
        precision = rng.choice((0, 2, 12, 16))
    elif which == 1:
        height = rng.choice(_DIMENSIONS) & 0xFFFF
    elif which == 2:
        width = rng.choice(_DIMENSIONS) & 0xFFFF
    else:
        components = rng.choice((0, 1, 2, 4, 255))
    return struct.pack(">BHHB", precision, height, width, components) + content[6:]


def hostile_exif(rng: Random) -> bytes:
    """A block of EXIF, or what calls itself one: short, foreign, with offsets that lead anywhere or in circles."""
    order = rng.choice((b"II*\0", b"MM\0*", b"XX*\0", b"II+\0"))
    endian = ">" if order.startswith(b"M") else "<"
    count = rng.choice((0, 1, 2, 300, 65_535))
    entries = b"".join(
        struct.pack(
            f"{endian}HHII",
            rng.choice((0x0112, 0x8769, 0x8825, 0x011A, rng.randrange(65_536))),
            rng.choice((1, 2, 3, 4, 5, 7, 10, 13, rng.randrange(65_536))),
            rng.choice((0, 1, 2, 1_000, 2**31, 2**32 - 1)),
            rng.choice((0, 3, 6, 8, 9, 26, 2**31, 2**32 - 1)),
        )
        for _ in range(min(count, 4))
    )
    following = struct.pack(f"{endian}I", rng.choice((0, 8, 2**32 - 1)))
    block = order + struct.pack(f"{endian}IH", rng.choice((8, 8, 8, 0, 2**31)), count) + entries + following
    return rng.choice((block, block, block[: rng.randint(0, len(block))], damaged(rng, block), b"", b"abcd"))
