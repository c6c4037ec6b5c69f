"""Drawn records for the trainer's tests: discs with a ring around them on a striped background."""

from __future__ import annotations

import io
from collections.abc import Callable
from pathlib import Path

import keras
import numpy as np
import pytest
import tensorflow as tf
from PIL import Image

from schemas import features
from schemas.version_files import shard_path

PET, BACKGROUND, BORDER = range(3)
OPTIONS = {  # of a training that uses what is off by default
    "learning_rate": 0.01,
    "ema_decay": 0.9,
    "focal_gamma": 1.0,
    "hard_pixels": 0.5,
    "label_smoothing": 0.1,
    "keep": "best",
}


def draw(index: int, image_size: int) -> tuple[np.ndarray, np.ndarray]:
    """A photo uint8 [S, S, 3] and its class ids uint8 [S, S]; the same for the same index."""
    random = np.random.default_rng(index)
    rows, columns = np.mgrid[:image_size, :image_size] / image_size
    center = random.uniform(0.35, 0.65, 2)
    radius = random.uniform(0.18, 0.3)
    distance = np.hypot(rows - center[0], columns - center[1])
    mask = np.where(distance < radius, PET, np.where(distance < radius + 0.08, BORDER, BACKGROUND)).astype(np.uint8)
    stripes = 60 + 30 * np.sin(2 * np.pi * random.uniform(2, 5) * (rows + columns))[..., np.newaxis] * [0, 1, 1]
    disc = np.array([random.uniform(180, 250), random.uniform(100, 160), 40])
    photo = np.where(mask[..., np.newaxis] == PET, disc, np.where(mask[..., np.newaxis] == BORDER, 200, stripes))
    noise = random.normal(0, 4, photo.shape)
    return np.clip(photo + noise, 0, 255).astype(np.uint8), mask


def small_network(image_size: int, classes: int) -> keras.Model:
    """The least that is a model to an export: an encoder by its name, and normalization; a U-Net takes thrice as long.

    Its logits are far apart, so that rounding decides on no pixel.
    """
    keras.utils.set_random_seed(0)
    layers = keras.layers
    seen, images = (keras.Input((image_size, image_size, 3)) for _ in range(2))
    features = layers.BatchNormalization()(layers.Conv2D(32, 3, strides=2, padding="same", activation="relu")(seen))
    deep = layers.Conv2D(64, 3, strides=2, padding="same", activation="relu")(features)
    shallow, deep = keras.Model(seen, [features, deep], name="encoder")(images)
    merged = layers.Concatenate()([layers.UpSampling2D(2)(deep), shallow])
    logits = layers.Conv2D(classes, 3, padding="same", name="logits")(merged)
    model = keras.Model(images, layers.UpSampling2D(2, interpolation="bilinear")(logits))
    model.get_layer("logits").set_weights([100.0 * one for one in model.get_layer("logits").get_weights()])
    return model


def png(pixels: np.ndarray) -> bytes:
    """The pixels as a PNG file."""
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, "PNG")
    return buffer.getvalue()


def record(index: int, image_size: int, ignored_rows: int = 0) -> bytes:
    """One serialized tf.train.Example with the features that the trainer reads; the mask's last rows can be ignored."""
    photo, mask = draw(index, image_size)
    mask[image_size - ignored_rows :] = features.IGNORE_ID
    return record_of(photo, mask)


def record_of(photo: np.ndarray, mask: np.ndarray, image_id: str = "photo") -> bytes:
    """A photo and its class ids as one serialized tf.train.Example."""
    values = {features.IMAGE: png(photo), features.MASK: png(mask), features.IMAGE_ID: image_id.encode()}
    feature = {name: tf.train.Feature(bytes_list=tf.train.BytesList(value=[value])) for name, value in values.items()}
    return tf.train.Example(features=tf.train.Features(feature=feature)).SerializeToString()


@pytest.fixture(scope="session")
def weights_file(tmp_path_factory: pytest.TempPathFactory) -> str:
    """Random MobileNetV2 weights, and beside them, as `.npz`, the same in the order of the model's."""
    path = str(tmp_path_factory.mktemp("weights") / "mobilenet_v2_0.35_no_top.weights.h5")
    keras.utils.set_random_seed(0)
    model = keras.applications.MobileNetV2(input_shape=(64, 64, 3), alpha=0.35, include_top=False, weights=None)
    model.save_weights(path)
    np.savez(f"{path}.npz", *model.get_weights())
    return path


@pytest.fixture(scope="session")
def small_encoder(tmp_path_factory: pytest.TempPathFactory) -> str:
    """A preset of a few layers with random weights: tracing MobileNetV2 takes most of a short training's time."""
    models = pytest.importorskip("keras_hub", reason="presets need the extra `models`").models
    folder = str(tmp_path_factory.mktemp("small-encoder"))
    keras.utils.set_random_seed(0)
    models.DenseNetBackbone([1, 1, 1, 1], growth_rate=8).save_to_preset(folder)
    return folder


@pytest.fixture(scope="session")
def write_shards(tmp_path_factory: pytest.TempPathFactory) -> Callable[..., list[str]]:
    """Writes drawn records as the shards of a split and returns their paths."""

    def write(
        indices: list[int], image_size: int, split: str = "train", shards: int = 2, ignored_rows: int = 0
    ) -> list[str]:
        root = tmp_path_factory.mktemp("version")
        paths = []
        for shard in range(shards):
            path = Path(root) / shard_path("pets", split, shard, shards)
            path.parent.mkdir(parents=True, exist_ok=True)
            with tf.io.TFRecordWriter(str(path)) as writer:
                for index in indices[shard::shards]:
                    writer.write(record(index, image_size, ignored_rows))
            paths.append(str(path))
        return paths

    return write
