"""What is measured of a photo that a model answered."""

import numpy as np
import pytest
from PIL import Image

from beam_jobs.codec.luma import luma_statistics
from beam_jobs.near_duplicates.perceptual_hash import photo_hash
from beam_jobs.served.measures import measured
from schemas.features import IGNORE_ID

CLASSES = ("pet", "background", "border")


def noise(height=48, width=64):
    return np.random.default_rng(0).integers(0, 256, (height, width, 3), dtype=np.uint8)


def test_light_and_hash_are_those_that_a_record_of_the_photo_has():
    pixels = noise()
    values = measured(pixels, np.zeros((48, 64), np.uint8), CLASSES, (480, 640))
    image = Image.fromarray(pixels)
    assert (values["brightness"], values["contrast"]) == luma_statistics(image)
    assert values["photo_hash"] == photo_hash(image)
    assert (values["source_height"], values["source_width"]) == (480, 640)


def test_shares_are_of_the_answered_pixels():
    class_ids = np.full((10, 10), IGNORE_ID, np.uint8)
    class_ids[:5], class_ids[0] = 1, 2
    values = measured(noise(), class_ids, CLASSES, (10, 10))
    assert [values[f"{name}_fraction"] for name in CLASSES] == [0, 0.8, 0.2]


def test_a_sure_answer_and_a_torn_one():
    logits = np.zeros((48, 64, 3), np.float32)
    torn = measured(noise(), np.zeros((48, 64), np.uint8), CLASSES, (48, 64), logits)
    assert (torn["mean_confidence"], torn["mean_entropy"], torn["uncertain_share"]) == pytest.approx((1 / 3, 1, 1))
    logits[..., 1] = 1000
    sure = measured(noise(), np.zeros((48, 64), np.uint8), CLASSES, (48, 64), logits)
    assert (sure["mean_confidence"], sure["mean_entropy"], sure["uncertain_share"]) == (1, 0, 0)


def test_certainty_is_that_of_the_softmax_of_an_even_grid_of_pixels():
    logits = np.random.default_rng(1).normal(size=(130, 200, 3)).astype(np.float32) * 3
    values = measured(noise(), np.zeros((8, 8), np.uint8), CLASSES, (8, 8), logits)
    chances = np.exp(logits[::4, ::4].astype(float))
    chances /= chances.sum(axis=-1, keepdims=True)
    assert values["mean_confidence"] == pytest.approx(chances.max(axis=-1).mean())
    assert values["mean_entropy"] == pytest.approx(-(chances * np.log(chances)).sum(axis=-1).mean() / np.log(3))
    assert values["uncertain_share"] == pytest.approx((chances.max(axis=-1) < 0.7).mean())


def test_a_flat_photo_has_no_hash_and_a_model_without_logits_no_certainty():
    values = measured(np.zeros((8, 8, 3), np.uint8), np.zeros((8, 8), np.uint8), CLASSES, (8, 8))
    assert {"photo_hash", "feature_hash", "mean_confidence"}.isdisjoint(values)
