import io
import time

import numpy as np
import pytest
from PIL import Image

from beam_jobs.codec.luma import luma_statistics
from beam_jobs.codec.png import encode_mask
from beam_jobs.prepare.records import Encoding, make_record
from beam_jobs.rejections import InputRejected
from schemas import features
from schemas.shipped import load_spec
from tests.beam_jobs.pictures import encode, gradient, trimap

PETS = load_spec("pets")
PHOTO, MASK = encode(gradient(), "JPEG", quality=90), encode(trimap(), "PNG")


def decoded(data: bytes) -> np.ndarray:
    return np.asarray(Image.open(io.BytesIO(data)))


def test_a_record_tells_how_long_its_steps_took():
    start = time.perf_counter_ns()
    record = make_record("Bengal_1", PHOTO, MASK, PETS, Encoding(32, "jpeg", 92))
    elapsed = (time.perf_counter_ns() - start) // 1000
    assert set(record.microseconds) == {"decode", "resize", "encode"}
    assert all(microseconds > 0 for microseconds in record.microseconds.values())
    assert sum(record.microseconds.values()) <= elapsed


def test_a_photo_that_ends_early_is_repaired_as_far_as_the_encoding_allows():
    large, mask = encode(gradient(600, 400), "JPEG", quality=90), encode(trimap(600, 400), "PNG")
    unfinished = large[:-2]
    record = make_record("Bengal_1", unfinished, mask, PETS, Encoding(32, "jpeg", 92))
    assert record.repairs == ("early_end",)
    with pytest.raises(InputRejected, match="truncated_image"):
        make_record("Bengal_1", unfinished, mask, PETS, Encoding(32, "jpeg", 92, max_missing_fraction=0))


def test_a_png_is_repaired_only_where_it_is_named_otherwise():
    photo = encode(gradient(), "PNG")
    names = {"images/pug_1.png": (), "images/pug_1.jpg": ("png",)}
    for name, repairs in names.items():
        record = make_record("pug_1", photo, MASK, PETS, Encoding(32, "jpeg", 92), photo_name=name)
        assert record.repairs == repairs


def test_a_photo_kept_as_png_loses_nothing():
    record = make_record("Bengal_1", encode(gradient(), "PNG"), MASK, PETS, Encoding(0, "png", 92))
    np.testing.assert_array_equal(decoded(record.values[features.IMAGE]), np.asarray(gradient()))


@pytest.mark.parametrize(
    ("image", "brightness", "contrast"),
    [
        (Image.new("RGB", (20, 20)), 0, 0),
        (Image.new("RGB", (20, 20), "white"), 1, 0),
        (Image.fromarray(np.repeat(np.uint8([[0, 255]]), 20, 0)).convert("RGB"), 0.5, 0.5),
    ],
)
def test_brightness_and_contrast_of_plain_pictures_are_known(image, brightness, contrast):
    assert luma_statistics(image) == (brightness, contrast)


def test_brightness_and_contrast_are_mean_and_deviation_of_the_luma():
    luma = np.asarray(gradient().convert("L")) / 255
    assert luma_statistics(gradient()) == pytest.approx((luma.mean(), luma.std()))


@pytest.mark.parametrize("shape", [(1, 1), (1, 300), (300, 1), (128, 128)])
def test_an_encoded_mask_is_read_back_as_it_was(shape):
    class_ids = np.random.default_rng(1).integers(0, 256, shape).astype(np.uint8)
    np.testing.assert_array_equal(decoded(encode_mask(class_ids)), class_ids)


def test_an_encoded_mask_is_smaller_than_a_general_encoder_makes_it():
    class_ids = np.asarray(trimap(500, 375)) - 1
    assert len(encode_mask(class_ids)) < len(encode(Image.fromarray(class_ids), "PNG", compress_level=3))
