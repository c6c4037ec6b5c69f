"""What cannot be decoded, or would cost too much, is rejected with a reason that is true."""

import struct
import subprocess
import sys
import zlib

import numpy as np
import pytest

from beam_jobs.codec.photos import decode_photo
from beam_jobs.rejections import InputRejected
from schemas.photos import MAX_SCANS
from tests.beam_jobs.codec.jpeg_segments import segment
from tests.beam_jobs.pictures import encode, gradient
from tests.png_writer import GREY, PALETTE, RGB, chunk, png


def frame(marker: int = 0xC0, bits: int = 8, width: int = 60, height: int = 40, components: int = 3) -> bytes:
    """A JPEG that ends after its first scan's header."""
    content = struct.pack(">BHHB", bits, height, width, components) + bytes([1, 0x11, 0]) * components
    return b"\xff\xd8" + segment(marker, content) + segment(0xDA, bytes([components, *(1, 0) * components, 0, 63, 0]))


def own_critical_chunk() -> bytes:
    data = encode(gradient(), "PNG")
    return data[:8] + chunk(b"CgBI", bytes(4)) + data[8:]


def repeated(kind: bytes) -> bytes:
    data = encode(gradient(), "PNG")
    start = data.index(kind) - 4
    end = start + 12 + int.from_bytes(data[start : start + 4], "big")
    return data[:end] + data[start:]


def palette_after_the_pixels() -> bytes:
    palette = chunk(b"PLTE", bytes(range(48)))
    data = png(np.zeros((40, 60, 1), np.uint16), PALETTE, 8, before_pixels=((b"PLTE", bytes(range(48))),))
    return data.replace(palette, b"").replace(chunk(b"IEND", b""), palette + chunk(b"IEND", b""))


@pytest.mark.parametrize("interlaced", [False, True])
@pytest.mark.parametrize(("color_type", "depth", "channels"), [(GREY, 8, 1), (GREY, 4, 1), (RGB, 16, 3)])
def test_pixels_that_end_before_the_last_row_are_not_black_silently(color_type, depth, channels, interlaced):
    samples = np.ones((41, 60, channels), np.uint16)
    samples[-2:] = 0
    data = png(samples, color_type, depth, interlaced)
    assert decode_photo(data, 0).image.size == (60, 41)
    start = data.index(b"IDAT")
    content = data[start + 4 : start + 4 + int.from_bytes(data[start - 4 : start], "big")]
    row = 1 + 60 * channels * depth // 8  # of exactly this much too little, Pillow says nothing
    short = chunk(b"IDAT", zlib.compress(zlib.decompress(content)[:-row]))
    with pytest.raises(InputRejected) as rejected:
        decode_photo(data.replace(chunk(b"IDAT", content), short), 0)
    assert rejected.value.reason == "truncated_image"


@pytest.mark.parametrize(
    ("data", "reason", "detail"),
    [
        (frame(0xC1, bits=12), "unsupported_image_mode", "12-bit JPEG is not supported"),
        (frame(0xC3), "unsupported_image_mode", "lossless or hierarchical JPEG"),
        (frame(0xF7), "unsupported_image_mode", "JPEG-LS"),
        (frame(components=2), "unsupported_image_mode", "2 channels"),
        (frame(width=8), "image_size_out_of_bounds", "8x40"),
        (frame(0xC2, width=8_100, height=8_100), "image_size_out_of_bounds", "several scans"),
        (b"\xff\xd8\xff\xe0\x00\x10JFIF", "truncated_image", "ends in its header"),
        (b"\xff\xd8\xff\xd9", "damaged_image", "no segment at byte 2"),
        (b"\xff\xd8\xff\xe0\x00\x00" + bytes(9), "damaged_image", "length of 0"),
        (b"\xff\xd8" + segment(0xDA, bytes(4)), "damaged_image", "without a frame header"),
        (own_critical_chunk(), "damaged_image", "CgBI"),
        (png(np.zeros((40, 60, 1), np.uint16), PALETTE, 8), "damaged_image", "palette of 0 bytes"),
        (repeated(b"IHDR"), "damaged_image", "b'IHDR' is there twice"),
        (palette_after_the_pixels(), "damaged_image", "after the pixels"),
        (b"\x89PNG\r\n\x1a\n", "truncated_image", "truncated"),
    ],
)
def test_what_cannot_be_decoded_is_rejected_with_a_reason_that_is_true(data, reason, detail):
    with pytest.raises(InputRejected) as rejected:
        decode_photo(data, 0)
    assert rejected.value.reason == reason
    assert detail in rejected.value.detail


def test_a_bit_that_flipped_among_the_pixels_is_still_found():
    data = bytearray(encode(gradient(), "PNG"))
    data[data.index(b"IDAT") + 12] ^= 1
    with pytest.raises(InputRejected, match="checksum of chunk b'IDAT' differs"):
        decode_photo(bytes(data), 0)


def scans(count: int) -> bytes:
    """A progressive JPEG whose last scan comes again and again."""
    data = encode(gradient(), "JPEG", quality=90, progressive=True)
    start = data.rindex(b"\xff\xda")
    first = data.count(b"\xff\xda")
    return data[:-2] + data[start:-2] * (count - first) + data[-2:]


def test_a_jpeg_of_many_scans_is_rejected_before_it_is_decoded():
    with pytest.raises(InputRejected, match=f"too_many_scans: JPEG of {MAX_SCANS + 1} scans"):
        decode_photo(scans(MAX_SCANS + 1), 0)


def test_scans_of_what_follows_the_picture_do_not_count():
    data = encode(gradient(), "JPEG", quality=90, progressive=True)
    assert decode_photo(data + data * MAX_SCANS, 0).repairs == ()


def test_scans_cannot_be_hidden_in_a_segment_between_them():
    data = encode(gradient(), "JPEG", quality=90, progressive=True)
    second = data.index(b"\xff\xda", data.index(b"\xff\xda") + 1)
    hidden = segment(0xFE, b"\xff\xd9")  # a comment that looks like the end of the image
    many = scans(MAX_SCANS + 1)
    with pytest.raises(InputRejected, match="too_many_scans"):
        decode_photo(many[:second] + hidden + many[second:], 0)


PEAK = """
import resource, sys, zlib, struct
from beam_jobs.codec.photos import decode_photo
def chunk(kind, content):
    return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))
SIDE = 4000
row = b"\\0" + bytes([200, 10, 30, 128]) * SIDE
data = b"\\x89PNG\\r\\n\\x1a\\n" + b"".join([
    chunk(b"IHDR", struct.pack(">2I5B", SIDE, SIDE, 8, 6, 0, 0, 0)),
    chunk(b"IDAT", zlib.compress(row * SIDE, 1)), chunk(b"IEND", b"")])
del row
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
decode_photo(data, 128)
print((resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) * 1024 / SIDE**2)
"""


def test_a_transparent_photo_takes_no_more_memory_than_is_promised():
    done = subprocess.run([sys.executable, "-c", PEAK], capture_output=True, text=True, check=True, timeout=120)
    assert float(done.stdout) < 9  # bytes a pixel: eight, and strips
