"""A small exported model, and both kinds of Space running on it."""

from __future__ import annotations

import io
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from functools import partial
from pathlib import Path

import pytest
from PIL import Image

from schemas.fitting import LETTERBOX, STRETCH, Fit
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
    """An exported model of two layers with random weights, and its TFLite models."""
    return made_once("exported-model", _export) / "serving" / "1"


@pytest.fixture(scope="session")
def letterboxed(made_once) -> Path:
    """The same model of photos that are letterboxed."""
    return made_once("letterboxed-model", partial(_export, fit=LETTERBOX)) / "serving" / "1"


def _export(root: Path, fit: Fit = STRETCH) -> None:
    import keras
    import tensorflow as tf

    from schemas.exported_model import EXTRA_FOLDER, INFO_PATH, TFLITE_FILE, TfliteReport, read_model_info
    from schemas.manifest import file_sha256
    from schemas.metrics import METRICS
    from schemas.shipped import load_spec
    from trainer.config import TrainingConfig
    from trainer.export import export_model, write_model_info
    from trainer.tflite_conversion import convert, save_for_one_image

    config = TrainingConfig(encoder_weights="none", encoder_scale=1, fine_tune_epochs=0, decoder_filters=8)
    keras.utils.set_random_seed(1)
    layers = keras.layers
    small = keras.Sequential(
        [
            keras.Input((IMAGE_SIZE, IMAGE_SIZE, 3)),
            layers.Conv2D(8, 3, strides=2, padding="same", activation="relu"),
            layers.UpSampling2D(interpolation="bilinear"),
            layers.Conv2D(3, 3, padding="same"),
        ]
    )
    folder = root / "serving" / "1"
    export_model(small, IMAGE_SIZE, 3, str(folder), fit=fit)
    tflite, one_image = folder / EXTRA_FOLDER / TFLITE_FILE, str(root / "one-image")
    tflite.parent.mkdir()
    save_for_one_image(tf.saved_model.load(str(folder)), one_image)
    tflite.write_bytes(convert(one_image, quantize=False))
    exact = {"compared_images": 1, "equal_pixels": 1.0, "max_logit_difference": 0.0, "mean_iou_difference": 0.0}
    report = {TFLITE_FILE: TfliteReport(sha256=file_sha256(tflite), bytes=tflite.stat().st_size, **exact)}
    spec = load_spec("pets").model_copy(update={"title": "Drawn cats & dogs", "drawn": True})
    write_model_info(str(folder), spec, IMAGE_SIZE, "0" * 64, config, "1" * 64, report, fit=fit)
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
