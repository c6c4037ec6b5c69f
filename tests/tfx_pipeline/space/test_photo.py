import struct
import zlib

import numpy as np
import pytest

from tests.png_writer import PALETTE, RGB, chunk, png
from tests.tfx_pipeline.space.conftest import encoded, photo
from tfx_pipeline.space.segmentation_app.photo import PhotoRefused, check_depth, read_photo


def png_that_states(width, height):
    """A PNG of a few bytes whose header states any size."""
    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(b"")) + chunk(b"IEND", b"")


def indexed_without_palette():
    return png(np.zeros((20, 20, 1), np.uint16), PALETTE, 8)


def test_photos_of_16_bits_are_refused_where_the_model_maps_a_range_of_them():
    deep, plain = (png(np.zeros((20, 20, 3), np.uint16), RGB, depth) for depth in (16, 8))
    with pytest.raises(PhotoRefused, match="Save it with 8 bits, 0 as 0 and 4095 as 255"):
        check_depth(deep, {"photo_range": [0, 4095]})
    check_depth(plain, {"photo_range": [0, 4095]})
    check_depth(deep, {})


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"# not a photo", "not a photo"),
        (b"", "not a photo"),
        (encoded(photo(width=1, height=1), "PNG"), "1 x 1 pixels. Each side needs at least 16"),
        (png_that_states(30_000, 30_000), "too large"),
        (png_that_states(9_000, 9_000), "too large: 9000 x 9000 pixels"),
        (encoded(photo())[:900], "damaged or ends too early"),
        (png_that_states(20, 20)[:33] + png_that_states(20, 20)[8:], "damaged"),
        (indexed_without_palette(), "damaged"),
    ],
    ids=["text", "empty", "one pixel", "a bomb", "too many pixels", "cut", "two headers", "no palette"],
)
def test_what_cannot_be_used_is_refused_in_words(data, message):
    with pytest.raises(PhotoRefused, match=message):
        read_photo(data)


@pytest.mark.parametrize("bytes_of_text", [10, 3_000_000])
def test_no_amount_of_metadata_spoils_a_photo(bytes_of_text):
    pixels = np.full((20, 30, 3), 77, np.uint16)
    text = zlib.compress(bytes(bytes_of_text))
    chunks = ((b"zTXt", b"note\x00\x00" + text), (b"iCCP", b"profile\x00\x00" + text), (b"eXIf", b"II"))
    np.testing.assert_array_equal(read_photo(png(pixels, RGB, 8, before_pixels=chunks)), pixels)
