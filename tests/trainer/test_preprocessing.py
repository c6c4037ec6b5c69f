import io

import numpy as np
import pytest
import tensorflow as tf
from PIL import Image

from tests.trainer.conftest import draw
from trainer.preprocessing import decode_image, resize_pixels, scale_pixels


def test_pixels_are_scaled_to_the_encoders_range():
    np.testing.assert_allclose(scale_pixels(tf.constant([0, 255], tf.uint8)), [-1.0, 1.0])


def test_shrinking_is_antialiased_as_pillow_does_it():
    photo, _ = draw(0, 200)
    expected = np.asarray(Image.fromarray(photo).resize((64, 64), Image.Resampling.BILINEAR), np.float32)
    np.testing.assert_allclose(resize_pixels(photo, 64), expected, atol=1.5)


def test_pixels_of_the_right_size_are_left_alone():
    photo, _ = draw(0, 64)
    np.testing.assert_array_equal(resize_pixels(photo, 64), photo)


@pytest.mark.parametrize("mode", ["L", "RGBA"])
def test_grey_and_transparent_pngs_become_rgb(mode):
    buffer = io.BytesIO()
    Image.fromarray(draw(0, 32)[0]).convert(mode).save(buffer, "PNG")
    assert decode_image(buffer.getvalue()).shape == (32, 32, 3)
