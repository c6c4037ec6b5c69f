"""A small exported model, both kinds of Space running on it, and a browser that opens them."""

from __future__ import annotations

import io
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from functools import partial
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from selenium import webdriver

from schemas.fitting import LETTERBOX, STRETCH, Fit
from tests.tfx_pipeline.space.browser import chromium, file_input, requested_urls, wait
from tests.tfx_pipeline.space.processes import serving
from tests.trainer.conftest import draw

IMAGE_SIZE = 64


def photo(index: int = 0, width: int = 150, height: int = 100) -> Image.Image:
    """A drawn photo that is no square."""
    return Image.fromarray(draw(index, 160)[0]).resize((width, height))


def encoded(image: Image.Image, image_format: str = "JPEG", **options) -> bytes:
    """The image as a file's bytes."""
    buffer = io.BytesIO()
    image.save(buffer, image_format, **options)
    return buffer.getvalue()


@pytest.fixture(scope="session")
def exported(made_once) -> Path:
    """An exported model with random weights that sees background in what is black, and its TFLite model."""
    return made_once("exported-model", _export) / "serving" / "1"


@pytest.fixture(scope="session")
def letterboxed(made_once, exported) -> Path:
    """The same model of photos that are letterboxed."""
    return made_once("letterboxed-model", partial(_export, fit=LETTERBOX, like=exported)) / "serving" / "1"


@pytest.fixture(scope="session")
def tiled(made_once, exported) -> Path:
    """The same model as a crop model."""
    return made_once("tiled-model", partial(_export, crop_size=IMAGE_SIZE, like=exported)) / "serving" / "1"


def _export(root: Path, fit: Fit = STRETCH, crop_size: int = 0, like: Path | None = None) -> None:
    """Exports the model; its TFLite model is that of `like`, if given, since neither fit nor crops change it."""
    import keras
    import tensorflow as tf

    from schemas.exported_model import EXTRA_FOLDER, INFO_PATH, TFLITE_FILE, TfliteReport, read_model_info
    from schemas.manifest import file_sha256
    from schemas.metrics import METRICS
    from schemas.shipped import load_spec
    from trainer.config import TrainingConfig
    from trainer.export import export_model, write_model_info
    from trainer.tflite_conversion import convert, save_for_one_image

    settings = {"encoder_scale": 1, "fine_tune_epochs": 0, "decoder_filters": 8, "crop_size": crop_size}
    config = TrainingConfig(encoder_weights="none", **settings)
    image_size = 0 if crop_size else IMAGE_SIZE  # of the data set
    keras.utils.set_random_seed(1)
    layers = keras.layers
    pixels = keras.Input((IMAGE_SIZE, IMAGE_SIZE, 3))
    strided = layers.Conv2D(8, 3, strides=2, padding="same", activation="relu")(pixels)
    logits = layers.Conv2D(3, 3, padding="same")(layers.UpSampling2D(interpolation="bilinear")(strided))
    inverted = layers.Conv2D(1, 1, kernel_initializer=keras.initializers.Constant(-1))  # black is -1 in each channel
    darkness = layers.ReLU(threshold=2.9)(inverted(pixels))
    background = layers.Conv2D(3, 1, use_bias=False)
    small = keras.Model(pixels, layers.Add()([logits, background(darkness)]))
    background.set_weights([np.array([0, 100, 0], np.float32).reshape(1, 1, 1, 3)])
    folder = root / "serving" / "1"
    export_model(small, image_size, 3, str(folder), crop_size=crop_size, fit=fit)
    tflite, one_image = folder / EXTRA_FOLDER / TFLITE_FILE, str(root / "one-image")
    tflite.parent.mkdir()
    if like:
        tflite.write_bytes((like / EXTRA_FOLDER / TFLITE_FILE).read_bytes())
    else:
        save_for_one_image(tf.saved_model.load(str(folder)), one_image)
        tflite.write_bytes(convert(one_image, quantize=False))
    exact = {"compared_images": 1, "equal_pixels": 1.0, "max_logit_difference": 0.0, "mean_iou_difference": 0.0}
    report = {TFLITE_FILE: TfliteReport(sha256=file_sha256(tflite), bytes=tflite.stat().st_size, **exact)}
    spec = load_spec("pets").model_copy(update={"title": "Drawn cats & dogs", "drawn": True})
    write_model_info(str(folder), spec, image_size, "0" * 64, config, "1" * 64, report, fit=fit)
    values = {one.name: dict.fromkeys(spec.class_names, 0.25) if one.per_class else 0.75 for one in METRICS}
    info = read_model_info(folder / INFO_PATH).model_copy(update={"metrics": {"examples": 7, **values}})
    (folder / INFO_PATH).write_text(info.to_json())


@pytest.fixture(scope="session")
def open_space(exported) -> Iterator[Callable[..., str]]:
    """Starts a kind of Space on a model with the command that people type, and gives its address."""
    addresses: dict[tuple[str, Path], str] = {}
    with ExitStack() as running:

        def start(kind: str, model: Path = exported) -> str:
            if (kind, model) not in addresses:
                command = ("-m", "tfx_pipeline.space", f"--model={model}", f"--kind={kind}", "--port=0")
                addresses[kind, model] = running.enter_context(serving(*command))
            return addresses[kind, model]

        yield start


@pytest.fixture(scope="session")
def browser() -> Iterator[webdriver.Chrome]:
    """A browser for all tests of the folder."""
    with chromium() as driver:
        yield driver


@pytest.fixture
def opened(browser, open_space) -> Callable[..., str]:
    """Opens a kind of Space, waits until it takes photos, and gives its address."""

    def open_kind(kind: str, *model: Path) -> str:
        requested_urls(browser)  # forget what earlier pages asked for
        address = open_space(kind, *model)
        browser.get(address)
        wait(browser, lambda: file_input(browser).is_enabled())
        return address

    return open_kind


def save(folder: Path, data: bytes) -> Path:
    """A photo of these bytes that a visitor can choose."""
    path = folder / "photo.jpg"
    path.write_bytes(data)
    return path
