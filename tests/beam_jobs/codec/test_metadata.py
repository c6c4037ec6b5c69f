"""What lies beside the pixels of a photo or mask decides neither whether it is published nor how it looks."""

import struct
import subprocess
import sys
import zlib
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from PIL.PngImagePlugin import PngInfo

from beam_jobs.codec.masks import decode_mask
from beam_jobs.codec.orientation import exif_orientation
from beam_jobs.codec.photos import decode_photo
from beam_jobs.rejections import InputRejected
from schemas.photos import EXIF_START, MAX_SCANS
from schemas.shipped import load_spec
from tests.beam_jobs.pictures import encode, gradient, trimap
from tests.png_writer import GREY, PALETTE, RGB, chunk, png

CASES = Path(__file__).parents[4] / "shared" / "cases"


def with_segments(*segments: bytes, quality: int = 90, **options) -> bytes:
    """A JPEG with further segments before its own."""
    data = encode(gradient(), "JPEG", quality=quality, **options)
    return data[:2] + b"".join(segments) + data[2:]


def segment(marker: int, content: bytes) -> bytes:
    return bytes([0xFF, marker]) + struct.pack(">H", 2 + len(content)) + content


def exif(tiff: bytes) -> bytes:
    return segment(0xE1, EXIF_START + tiff)


def directory(*entries: tuple[int, int, int, int], order: str = "<", count: int | None = None) -> bytes:
    """A TIFF structure of entries (tag, type, number of values, value of 16 bits)."""
    start = (b"II" if order == "<" else b"MM") + struct.pack(f"{order}HI", 42, 8)
    rows = b"".join(struct.pack(f"{order}HHIHH", *entry, 0) for entry in entries)
    return start + struct.pack(f"{order}H", len(entries) if count is None else count) + rows


TURNED = (0x0112, 3, 1, 6)


@pytest.mark.parametrize("order", ["<", ">"])
def test_an_orientation_is_read_in_both_byte_orders_wherever_it_stands_in_the_directory(order):
    other = (0x010F, 2, 4, 0)
    assert exif_orientation(EXIF_START + directory(TURNED, order=order)) == 6
    assert exif_orientation(EXIF_START + directory(other, other, TURNED, order=order)) == 6


@pytest.mark.parametrize(
    "tiff",
    [
        b"",
        b"II*\x00",  # four bytes
        b"II*\x00\xff\xff\xff\xff",
        b"XX*\x00\x08\x00\x00\x00" + directory(TURNED)[8:],
        b"II+\x00\x08\x00\x00\x00" + directory(TURNED)[8:],
        b"II*\x00\x00\x00\x00\x00" + directory(TURNED)[8:],  # the directory is the header itself
        directory(TURNED)[:-3],  # the entry is cut short
        directory((0x0112, 4, 1, 6)),  # LONG
        directory((0x0112, 3, 2, 6)),
        directory((0x0112, 3, 1, 0)),
        directory((0x0112, 3, 1, 9)),
        directory((0x0112, 3, 1, 1), TURNED),  # the first one counts
        directory((0x010F, 2, 4, 0), count=65535),
    ],
)
def test_damaged_or_foreign_exif_is_no_orientation_and_no_error(tiff):
    photo = decode_photo(with_segments(exif(tiff)), 0)
    np.testing.assert_array_equal(np.asarray(photo.image), np.asarray(decode_photo(with_segments(), 0).image))
    assert photo.repairs == ()


XMP = segment(0xE1, b'http://ns.adobe.com/xap/1.0/\x00<rdf:Description tiff:Orientation="6"/>')


@pytest.mark.parametrize(
    ("segments", "size"),
    [
        ((exif(directory(TURNED)),), (40, 60)),
        ((XMP, exif(directory(TURNED))), (40, 60)),
        ((segment(0xE2, b"ICC_PROFILE\x00" + bytes(65_000)), exif(directory(TURNED))), (40, 60)),
        ((b"\xff\xff\xff" + exif(directory(TURNED))[1:],), (40, 60)),  # fill bytes
        ((XMP,), (60, 40)),
        ((exif(b""), exif(directory(TURNED))), (60, 40)),  # the first Exif segment counts
        ((segment(0xE2, EXIF_START + directory(TURNED)),), (60, 40)),
        ((segment(0xFE, exif(directory(TURNED))),), (60, 40)),  # in a comment
    ],
)
def test_only_the_first_exif_segment_turns_a_photo(segments, size):
    photo = decode_photo(with_segments(*segments), 0)
    assert photo.image.size == (photo.source_width, photo.source_height) == size


def test_a_png_is_not_turned():
    exif_chunk = Image.Exif()
    exif_chunk[0x0112] = 6
    photo = decode_photo(encode(gradient(), "PNG", exif=exif_chunk), 0)
    np.testing.assert_array_equal(np.asarray(photo.image), np.asarray(gradient()))


@pytest.mark.parametrize(
    "segments",
    [
        (segment(0xE1, EXIF_START + b"no TIFF at all"),),
        (segment(0xE2, b"ICC_PROFILE\x00\x01\x02" + bytes(60_000)), segment(0xE2, b"ICC_PROFILE\x00\x07\x01x")),
        tuple(segment(0xE2, b"ICC_PROFILE\x00" + bytes([part, 40]) + bytes(60_000)) for part in range(1, 41)),
        (segment(0xE2, b"MPF\x00damaged"), segment(0xED, b"Photoshop 3.0\x008BIM"), segment(0xFE, b"\xff\xfe")),
    ],
)
def test_metadata_of_a_jpeg_never_rejects_its_pixels(segments):
    plain = decode_photo(with_segments(dpi=(72, 72)), 0)
    photo = decode_photo(with_segments(*segments, dpi=(72, 72)), 0)
    np.testing.assert_array_equal(np.asarray(photo.image), np.asarray(plain.image))


def metadata(kind: str) -> dict:
    """Options that make Pillow write more than 1 MB of metadata into a PNG."""
    if kind == "profile":
        return {"icc_profile": bytes(2_000_000)}
    info = PngInfo()
    (info.add_text if kind == "text" else info.add_itxt)("note", "x" * 2_000_000, zip=True)
    return {"pnginfo": info}


@pytest.mark.parametrize("kind", ["text", "international text", "profile"])
def test_a_png_with_megabytes_of_metadata_keeps_its_pixels_as_photo_and_as_mask(kind):
    photo = decode_photo(encode(gradient(), "PNG", **metadata(kind)), 0)
    np.testing.assert_array_equal(np.asarray(photo.image), np.asarray(gradient()))
    mask = decode_mask(encode(trimap(), "PNG", **metadata(kind)), load_spec("pets"), (60, 40))
    np.testing.assert_array_equal(np.asarray(mask.values), np.asarray(trimap()))


def test_a_damaged_chunk_of_text_is_not_the_pixels():
    note = bytearray(chunk(b"tEXt", b"note\x00hello"))
    note[-1] ^= 1
    data = encode(gradient(), "PNG")
    photo = decode_photo(data[:33] + bytes(note) + data[33:], 0)
    np.testing.assert_array_equal(np.asarray(photo.image), np.asarray(gradient()))


@pytest.mark.parametrize("depth", [1, 2, 4])
def test_a_transparent_grey_of_few_bits_is_compared_at_its_own_depth(depth):
    levels = np.arange(40 * 60).reshape(40, 60, 1) % 2**depth
    key = 2**depth - 2
    data = png(levels.astype(np.uint16), GREY, depth, before_pixels=((b"tRNS", struct.pack(">H", key)),))
    expected = np.where(levels == key, 255, levels * 255 // (2**depth - 1))
    np.testing.assert_array_equal(np.asarray(decode_photo(data, 0).image), np.repeat(expected, 3, axis=2))


def test_sixteen_bits_give_their_high_byte():
    grey = (np.arange(40 * 60).reshape(40, 60, 1) * 27).astype(np.uint16)
    np.testing.assert_array_equal(np.asarray(decode_photo(png(grey, GREY, 16), 0).image)[..., :1], grey >> 8)
    colors = np.concatenate([grey, grey[::-1], grey[:, ::-1]], axis=2)
    np.testing.assert_array_equal(np.asarray(decode_photo(png(colors, RGB, 16), 0).image), colors >> 8)


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
    ("color_type", "length"), [(GREY, 0), (GREY, 1), (GREY, 4), (RGB, 0), (RGB, 2), (PALETTE, 0), (PALETTE, 17)]
)
def test_a_transparency_of_another_length_than_its_colours_need_is_none(color_type, length):
    samples = np.zeros((40, 60, 3 if color_type == RGB else 1), np.uint16)
    palette = ((b"PLTE", bytes(range(48))),) if color_type == PALETTE else ()
    plain = png(samples, color_type, 8, before_pixels=palette)
    strange = png(samples, color_type, 8, before_pixels=(*palette, (b"tRNS", bytes(length))))
    assert decode_photo(strange, 0).image.tobytes() == decode_photo(plain, 0).image.tobytes()
    late = plain.replace(chunk(b"IEND", b""), chunk(b"tRNS", bytes(6)) + chunk(b"IEND", b""))
    assert decode_photo(late, 0).image.tobytes() == decode_photo(plain, 0).image.tobytes()


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


@pytest.mark.skipif(not CASES.is_dir(), reason="needs the shared cases")
@pytest.mark.parametrize(
    "name", ["exif-4-bytes", "png-metadata-over-1MB", "says-no-png-but-begins-with-png", "xmp-orientation"]
)
def test_the_shared_cases_are_read_and_their_masks_fit(name):
    photos = sorted((CASES / name).rglob("*.jpg"))
    assert photos
    for path in photos:
        photo = decode_photo(path.read_bytes(), 0)
        assert "exif_rotated" not in photo.repairs
        mask = path.parents[1] / "annotations" / "trimaps" / f"{path.stem}.png"
        if mask.exists():
            decode_mask(mask.read_bytes(), load_spec("pets"), photo.image.size)


def test_a_bit_that_flipped_among_the_pixels_is_still_found():
    data = bytearray(encode(gradient(), "PNG"))
    data[data.index(b"IDAT") + 12] ^= 1
    with pytest.raises(InputRejected, match="checksum of chunk b'IDAT' differs"):
        decode_photo(bytes(data), 0)
