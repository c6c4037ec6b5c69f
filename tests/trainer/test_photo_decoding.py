"""What the exported model makes of photos that no good program writes; those of every good kind are in
`tests/tfx_pipeline/space/test_photo_kinds.py`."""

import numpy as np
import pytest
import tensorflow as tf

from tests.photo_kinds import exif, photo_kinds, with_segments
from tests.trainer.conftest import draw, png
from trainer.graphs import graph
from trainer.photo_decoding import decode_photo, exif_orientation

DECODE = graph(decode_photo, input_signature=[tf.TensorSpec([], tf.string)])  # as in the exported model
ORIENTATION = graph(exif_orientation, input_signature=[tf.TensorSpec([], tf.string)])
JPEG = photo_kinds()["JPEG"].data
TURNED = with_segments(JPEG, (0xE1, exif(6)))


def damaged(data: bytes, after: bytes, replacement: bytes) -> bytes:
    position = data.index(after) + len(after)
    return data[:position] + replacement + data[position + len(replacement) :]


@pytest.mark.parametrize(
    "data",
    [
        JPEG,
        TURNED[:40],
        damaged(TURNED, b"Exif\0\0II*\0", b"\xff\xff\xff\xff"),
        damaged(TURNED, b"Exif\0\0", b"\0\0"),
        with_segments(JPEG, (0xE1, exif(6, value_type=4))),
        with_segments(JPEG, (0xE1, exif(6)[:-1])),
        JPEG[:2] + b"\xff\xe1\x00\x00" + exif(6) + JPEG[2:],
        photo_kinds()["PNG, orientation in eXIf and XMP"].data,
        b"",
        b"\xff",
        b"\xff\xd8\xff",
        b"Exif",
    ],
    ids=[
        "no EXIF",
        "cut",
        "directory out of bounds",
        "no byte order",
        "another type",
        "entry cut",
        "segment without a length",
        "PNG",
        "empty",
        "one byte",
        "start of a JPEG",
        "short",
    ],
)
def test_where_no_orientation_can_be_read_the_photo_stays_as_it_is(data):
    assert ORIENTATION(data) == 1


def test_fill_bytes_between_segments_hide_nothing():
    assert ORIENTATION(TURNED) == 6
    assert ORIENTATION(TURNED[:2] + b"\xff\xff" + TURNED[2:]) == 6


@pytest.mark.parametrize("length", [6, 10, 13, 20, 60, 200])
@pytest.mark.parametrize("name", ["JPEG", "PNG, palette of 4 bits, partly transparent", "GIF, one colour transparent"])
def test_a_file_that_ends_early_is_an_error_and_never_a_hang(name, length):
    with pytest.raises(tf.errors.InvalidArgumentError):
        DECODE(photo_kinds()[name].data[:length])


def test_a_gif_whose_first_frame_does_not_fill_it_is_an_error_that_says_so():
    data = photo_kinds()["GIF"].data
    larger = data[:6] + (80).to_bytes(2, "little") + (60).to_bytes(2, "little") + data[10:]
    with pytest.raises(tf.errors.InvalidArgumentError, match="does not fill it; send a JPEG or PNG"):
        DECODE(larger)


def test_pixels_of_a_record_are_decoded_exactly():
    pixels, _ = draw(0, 64)
    np.testing.assert_array_equal(DECODE(png(pixels)), pixels)
