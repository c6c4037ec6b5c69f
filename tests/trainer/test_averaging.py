"""Answers averaged over several views of a photo."""

from functools import partial
from pathlib import Path

import keras
import numpy as np
import pytest
import tensorflow as tf

from tests.trainer.conftest import draw
from trainer.averaging import averaging_of
from trainer.config import TrainingConfig
from trainer.export import export_model
from trainer.models import build_model
from trainer.preprocessing import scale_pixels

pytestmark = pytest.mark.slow(5)

SIZE, CLASSES = 64, 3
SETTINGS = {
    "small_unet": {},
    "unet": {"encoder_weights": "none", "fine_tune_epochs": 0, "decoder_filters": 8, "encoder_scale": 2},
    "deeplabv3plus": {"encoder_weights": "none", "fine_tune_epochs": 0, "decoder_filters": 8, "encoder_scale": 1},
    "segformer": {"encoder_weights": "none", "fine_tune_epochs": 0, "encoder_scale": 1},
}


def config_of(model: str, **views) -> TrainingConfig:
    return TrainingConfig(model=model, **SETTINGS[model], **views)


@pytest.fixture(scope="module")
def images() -> tf.Tensor:
    return scale_pixels(tf.constant(np.stack([draw(index, SIZE)[0] for index in range(2)])))


@pytest.mark.parametrize(
    "name",
    [
        "small_unet",
        pytest.param("unet", marks=pytest.mark.proof),
        pytest.param("deeplabv3plus", marks=pytest.mark.proof),
        pytest.param("segformer", marks=pytest.mark.proof),
    ],
)
def test_the_mean_is_that_of_the_network_at_each_size_and_mirrored(name, images):
    config = config_of(name, average_scales=[1.5], average_mirrored=True)
    keras.utils.set_random_seed(0)
    model = build_model(config, SIZE, CLASSES)
    found = averaging_of(config, model, SIZE, CLASSES)
    # Weights that change later count: networks share them.
    random = np.random.default_rng(0)
    model.set_weights([one * random.uniform(0.5, 1.5, one.shape) for one in model.get_weights()])

    expected = []
    for size in (SIZE, 96):
        network = build_model(config, size, CLASSES)
        network.set_weights(model.get_weights())
        for mirrored in (False, True):
            seen = tf.image.resize(images[:, :, ::-1] if mirrored else images, (size, size))
            logits = tf.image.resize(network(seen, training=False), (SIZE, SIZE))
            expected.append(logits[:, :, ::-1] if mirrored else logits)
    network = partial(model, training=False)
    mean = found.mean(network(images), images, network)
    tolerance = 1e-4 * np.ptp(expected[0])
    np.testing.assert_allclose(mean, np.mean(expected, axis=0), rtol=1e-4, atol=tolerance)
    assert not np.allclose(mean, expected[0], atol=10 * tolerance)


def test_an_exported_model_averages_and_stores_its_weights_once(images, tmp_path):
    config = config_of("small_unet", average_scales=[0.5])
    model = build_model(config, SIZE, CLASSES)
    averaging = averaging_of(config, model, SIZE, CLASSES)
    export_model(model, SIZE, CLASSES, str(tmp_path), averaging=averaging)
    network = partial(model, training=False)
    expected = averaging.mean(network(images), images, network)
    predict = tf.saved_model.load(str(tmp_path)).signatures["predict_pixels"]
    np.testing.assert_allclose(predict((images + 1) * 127.5)["logits"], expected, atol=1e-3)
    stored = sum(file.stat().st_size for file in Path(tmp_path, "variables").iterdir())
    assert 4 * model.count_params() <= stored < 4.4 * model.count_params() + 10_000


def test_one_view_is_the_answer_itself(images):
    config = config_of("small_unet")
    logits = tf.ones([1, SIZE, SIZE, CLASSES])
    assert averaging_of(config, build_model(config, SIZE, CLASSES), SIZE, CLASSES).mean(logits, images, len) is logits
