import struct
import zlib

import numpy as np
import pytest
from PIL import Image

from beam_jobs.codec.photos import decode_photo
from tests.tfx_pipeline.space.conftest import encoded, photo
from tfx_pipeline.space.segmentation_app.photo import PhotoRefused, read_photo


def png_that_states(width, height):
    """A PNG of a few bytes whose header states any size."""
    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(b"")) + chunk(b"IEND", b"")


def chunk(name, data):
    return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"# not a photo", "not a photo"),
        (b"", "not a photo"),
        (encoded(photo(width=1, height=1), "PNG"), "1 x 1 pixels. Each side needs at least 16"),
        (png_that_states(30_000, 30_000), "too large"),
        (png_that_states(9_000, 9_000), "too large: 9000 x 9000 pixels"),
        (encoded(photo())[:900], "damaged or ends too early"),
    ],
    ids=["text", "empty", "one pixel", "a bomb", "too many pixels", "cut"],
)
def test_what_cannot_be_used_is_refused_in_words(data, message, tmp_path):
    path = tmp_path / "upload"
    path.write_bytes(data)
    with pytest.raises(PhotoRefused, match=message):
        read_photo(path)


def exif(orientation):
    values = Image.Exif()
    values[0x0112] = orientation
    return values


def transparent():
    image = photo().convert("RGBA")
    image.putalpha(128)
    return image


@pytest.mark.parametrize(
    "data",
    [
        encoded(photo()),
        encoded(photo(), exif=exif(6)),
        encoded(photo(), exif=exif(5)),
        encoded(photo().convert("CMYK")),
        encoded(photo().convert("L")),
        encoded(photo().convert("P"), "PNG"),
        encoded(transparent(), "PNG"),
        encoded(photo(), "GIF"),
    ],
    ids=["JPEG", "turned", "turned and mirrored", "CMYK", "grey", "palette", "transparent", "GIF"],
)
def test_photos_of_all_kinds_have_the_pixels_that_training_sees(data, tmp_path):
    path = tmp_path / "upload.bin"
    path.write_bytes(data)
    np.testing.assert_array_equal(read_photo(path), np.asarray(decode_photo(data, min_side=0).image))
