import io

import numpy as np
import pytest
import tensorflow as tf
from PIL import Image

from beam_jobs.codec.photos import decode_photo as decode_for_training
from tests.trainer.conftest import draw, png
from trainer.photo_decoding import decode_photo, exif_orientation

DECODE = tf.function(decode_photo, input_signature=[tf.TensorSpec([], tf.string)])  # as in the exported model
ORIENTATION = tf.function(exif_orientation, input_signature=[tf.TensorSpec([], tf.string)])


def encoded(image: Image.Image, image_format: str = "JPEG", **options) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, image_format, **options)
    return buffer.getvalue()


def photo(width: int = 90, height: int = 60) -> Image.Image:
    return Image.fromarray(draw(3, 96)[0]).resize((width, height))


def exif(orientation: int, byte_order: str = "<") -> Image.Exif:
    values = Image.Exif()
    values.endian = byte_order
    values[0x010E] = "a photo"
    values[0x0112] = orientation
    return values


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("byte_order", ["<", ">"])
def test_a_photo_is_turned_upright_as_for_training(orientation, byte_order):
    data = encoded(photo(), exif=exif(orientation, byte_order), quality=95)
    assert ORIENTATION(data) == orientation
    expected = decode_for_training(data, min_side=0).image
    assert (expected.width > expected.height) == (orientation < 5)
    np.testing.assert_array_equal(DECODE(data), np.asarray(expected))


def damaged(data: bytes, after: bytes, replacement: bytes) -> bytes:
    position = data.index(after) + len(after)
    return data[:position] + replacement + data[position + len(replacement) :]


@pytest.mark.parametrize(
    "data",
    [
        encoded(photo()),
        encoded(photo(), exif=exif(9)),
        encoded(photo(), exif=exif(6))[:40],
        damaged(encoded(photo(), exif=exif(6)), b"Exif\0\0II*\0", b"\xff\xff\xff\xff"),
        damaged(encoded(photo(), exif=exif(6)), b"Exif\0\0", b"\0\0"),
        encoded(photo(), "PNG", exif=exif(6)),
        b"",
        b"Exif",
    ],
    ids=["no EXIF", "unknown orientation", "cut", "directory out of bounds", "no byte order", "PNG", "empty", "short"],
)
def test_where_no_orientation_can_be_read_the_photo_stays_as_it_is(data):
    assert ORIENTATION(data) == 1


def test_transparent_pixels_become_white_as_for_training():
    image = photo().convert("RGBA")
    image.putalpha(Image.fromarray(np.tile(np.linspace(0, 255, 90).astype(np.uint8), (60, 1))))
    data = encoded(image, "PNG")
    np.testing.assert_allclose(DECODE(data), np.asarray(decode_for_training(data, min_side=0).image, int), atol=1)


@pytest.mark.parametrize("mode", ["RGB", "L", "P", "LA"])
def test_pngs_of_all_kinds_have_the_pixels_that_training_sees(mode):
    data = encoded(photo().convert(mode), "PNG")
    np.testing.assert_array_equal(DECODE(data), np.asarray(decode_for_training(data, min_side=0).image))


@pytest.mark.parametrize("mode", ["RGB", "L", "CMYK"])
def test_jpegs_of_all_kinds_have_the_pixels_that_training_sees(mode):
    data = encoded(photo().convert(mode), quality=95)
    np.testing.assert_array_equal(DECODE(data), np.asarray(decode_for_training(data, min_side=0).image))


def test_pixels_of_a_record_are_decoded_exactly():
    pixels, _ = draw(0, 64)
    np.testing.assert_array_equal(DECODE(png(pixels)), pixels)
