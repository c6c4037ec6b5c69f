"""Hashes of what a model's encoder sees, and the signatures that give them."""

import numpy as np
import pytest
import tensorflow as tf

from tests.trainer.conftest import draw, png, record, small_network
from trainer.config import TrainingConfig
from trainer.export import export_model
from trainer.feature_hash import HASH_BITS, FeatureScale, hash_features, measure_scale, with_features
from trainer.models import build_model
from trainer.preprocessing import scale_pixels

pytestmark = pytest.mark.slow

SIZE, CLASSES = 64, 3


def bits_apart(one, other):
    return np.unpackbits(np.bitwise_xor(one, other), axis=-1).sum(axis=-1)


def test_hashes_differ_in_a_share_of_their_bits_that_is_the_angle_between_features_of_one_more_dimension():
    random = np.random.default_rng(0)
    first, second = random.normal(size=(2, 40, 64)).astype(np.float32)
    mixed = np.stack([first, first + second, second, -first, 3 * first])
    plain = FeatureScale(np.zeros(64, np.float32), np.ones(64, np.float32))
    hashes = hash_features(tf.constant(mixed.reshape(-1, 64)), plain).numpy().reshape(5, 40, 32)
    longer = np.concatenate([mixed, np.full((5, 40, 1), 8)], axis=-1)
    longer /= np.linalg.norm(longer, axis=-1, keepdims=True)
    angles = np.arccos(np.clip((longer[0] * longer).sum(axis=-1), -1, 1))
    expected = HASH_BITS * angles.mean(axis=1) / np.pi
    np.testing.assert_allclose(bits_apart(hashes[0], hashes).mean(axis=1), expected, atol=4)
    assert expected[4] > 30  # the same direction, but farther out


def test_features_are_standardized_by_the_training_photos_and_dead_ones_left_out():
    features = np.random.default_rng(1).normal(size=(8, 5)).astype(np.float32)
    scale = FeatureScale(np.zeros(5, np.float32), np.ones(5, np.float32))
    moved = FeatureScale(np.full(5, 100, np.float32), np.full(5, 4, np.float32))
    plain = hash_features(tf.constant(features), scale)
    np.testing.assert_array_equal(hash_features(tf.constant(features * 4 + 100), moved), plain)
    dead = FeatureScale(np.zeros(5, np.float32), np.array([1, 1, 1, 1, 0], np.float32))
    changed = features + np.array([0, 0, 0, 0, 9], np.float32)
    np.testing.assert_array_equal(hash_features(tf.constant(features), dead), hash_features(tf.constant(changed), dead))


@pytest.mark.parametrize("name", ["small_unet", "unet"])
def test_features_come_from_the_pass_that_gives_the_logits(name, small_encoder):
    encoder = {"encoder": small_encoder, "encoder_scale": 1} if name == "unet" else {}
    model = build_model(TrainingConfig(model=name, **encoder), SIZE, CLASSES)
    images = scale_pixels(np.stack([draw(0, SIZE)[0]]))
    logits, features = with_features(model)(images, training=False)
    np.testing.assert_allclose(logits, model(images, training=False), atol=1e-5)
    deepest = min(model.get_layer("encoder")(images, training=False), key=lambda one: one.shape[1])
    np.testing.assert_allclose(features, tf.reduce_mean(deepest, axis=[1, 2]), atol=1e-5)


@pytest.fixture(scope="module")
def signatures(tmp_path_factory):
    folder = tmp_path_factory.mktemp("model")
    model = small_network(SIZE, CLASSES)
    shard = str(folder / "shard")
    with tf.io.TFRecordWriter(shard) as writer:
        for index in range(16):
            writer.write(record(index, SIZE))
    export_model(model, SIZE, CLASSES, str(folder / "model"), scale=measure_scale(model, [shard], SIZE))
    loaded = tf.saved_model.load(str(folder / "model"))
    return {"loaded": loaded, **loaded.signatures}


def test_a_photo_is_observed_as_it_is_answered(signatures):
    photos = [png(draw(0, 150)[0][:100]), png(draw(1, SIZE)[0])]
    observed = signatures["observe"](tf.constant(photos))
    answered = signatures["serving_default"](tf.constant(photos))
    for name in answered:
        np.testing.assert_array_equal(observed[name], answered[name])
    np.testing.assert_array_equal(observed["photo_sizes"], [[100, 150], [SIZE, SIZE]])
    np.testing.assert_array_equal(observed["fitted_pixels"][1], draw(1, SIZE)[0])
    np.testing.assert_array_equal(np.argmax(observed["logits"], axis=-1), answered["class_ids"])
    of_pixels = signatures["observe_pixels"](tf.constant(draw(1, SIZE)[0][np.newaxis], tf.float32))
    np.testing.assert_array_equal(of_pixels["feature_hashes"][0], observed["feature_hashes"][1])
    np.testing.assert_allclose(of_pixels["logits"][0], observed["logits"][1], atol=1e-2)


def test_a_darkened_photo_is_farther_from_a_photo_than_a_copy_in_another_size(signatures):
    photo = draw(3, 128)[0]
    smaller = tf.cast(tf.image.resize(photo, [96, 96], antialias=True), tf.uint8).numpy()
    hashes = signatures["observe"](tf.constant([png(photo), png(smaller), png(photo // 6)]))["feature_hashes"].numpy()
    near, far = bits_apart(hashes[0], hashes[1:])
    assert near < far
