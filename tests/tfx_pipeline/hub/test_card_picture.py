"""The picture on the card: photos above, below each the same under the mask that the model answers."""

import io

import numpy as np
import pytest
import tensorflow as tf
from PIL import Image

from schemas.errors import UserError
from tests.tfx_pipeline.hub.test_model_card import INFO
from tfx_pipeline.hub.card_picture import GAP, OPACITY, SHOWN, TILE, card_picture

GREEN, BLUE = (20, 160, 40), (30, 60, 200)


class LeftAndRight(tf.Module):
    """Answers class 0 in the left half of a photo, and class 1 in the right half."""

    @tf.function(input_signature=[tf.TensorSpec([None], tf.string, name="image_bytes")])
    def serve(self, image_bytes):
        def mask_of(one):
            size = tf.shape(tf.io.decode_image(one, channels=3, expand_animations=False))
            right = tf.cast(tf.range(size[1]) >= size[1] // 2, tf.uint8)
            return tf.io.encode_png(tf.tile(right[tf.newaxis, :, tf.newaxis], [size[0], 1, 1]))

        return {"mask_bytes": tf.map_fn(mask_of, image_bytes, fn_output_signature=tf.string)}


@pytest.fixture(scope="module")
def exported(tmp_path_factory):
    folder = tmp_path_factory.mktemp("model")
    model = LeftAndRight()
    tf.saved_model.save(model, str(folder), signatures={"serving_default": model.serve})
    return folder


def photo(color, size, kind="PNG", **options):
    buffer = io.BytesIO()
    Image.new("RGB", size, color).save(buffer, kind, **options)
    return buffer.getvalue()


def drawn(exported, photos):
    return np.asarray(Image.open(io.BytesIO(card_picture(exported, INFO, photos))), np.int16)


def test_each_photo_is_above_the_same_photo_under_its_mask(exported):
    pixels = drawn(exported, {"b.png": photo(BLUE, (300, 200)), "a.webp": photo(GREEN, (200, 400), "WEBP")})
    assert pixels.shape == (2 * TILE + GAP, 160 + GAP + 480, 3)
    for left, width, color in ((0, 160, GREEN), (160 + GAP, 480, BLUE)):
        for column, class_id in ((left + width // 4, 0), (left + 3 * width // 4, 1)):
            np.testing.assert_allclose(pixels[TILE // 2, column], color, atol=6)
            under = (1 - OPACITY) * np.array(color) + OPACITY * np.array(INFO.palette[class_id])
            np.testing.assert_allclose(pixels[TILE + GAP + TILE // 2, column], under, atol=6)


def test_a_photo_that_a_camera_turned_is_upright(exported):
    exif = Image.Exif()
    exif[0x0112] = 6  # turn it to the right
    turned = photo(GREEN, (400, 200), "JPEG", exif=exif)
    assert drawn(exported, {"turned.jpg": turned}).shape == (2 * TILE + GAP, TILE // 2, 3)


def test_only_the_first_photos_are_shown(exported):
    many = {f"{number}.png": photo(BLUE, (32, 32)) for number in range(SHOWN + 3)}
    assert drawn(exported, many).shape[1] == SHOWN * TILE + (SHOWN - 1) * GAP


def test_a_photo_that_cannot_be_read_is_named(exported):
    with pytest.raises(UserError, match=r"hub\.space\.examples: cat\.jpg: "):
        card_picture(exported, INFO, {"cat.jpg": photo(GREEN, (90, 90), "JPEG")[:200]})
