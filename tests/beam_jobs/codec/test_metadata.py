"""What lies beside the pixels of a photo or mask decides neither whether it is published nor how it looks."""

import struct
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from PIL.PngImagePlugin import PngInfo

from beam_jobs.codec.masks import decode_mask
from beam_jobs.codec.orientation import exif_orientation
from beam_jobs.codec.photos import decode_photo
from schemas.photos import EXIF_START
from schemas.shipped import load_spec
from tests.beam_jobs.codec.jpeg_segments import segment
from tests.beam_jobs.pictures import encode, gradient, trimap
from tests.png_writer import GREY, PALETTE, RGB, chunk, png

CASES = Path(__file__).parents[4] / "shared" / "cases"


def with_segments(*segments: bytes, quality: int = 90, **options) -> bytes:
    """A JPEG with further segments before its own."""
    data = encode(gradient(), "JPEG", quality=quality, **options)
    return data[:2] + b"".join(segments) + data[2:]


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
