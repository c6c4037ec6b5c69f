"""A small exported model, and both kinds of Space running on it."""

from __future__ import annotations

import fcntl
import io
import os
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
from PIL import Image

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
def exported(tmp_path_factory) -> Path:
    """An exported model with random weights and its TFLite models; made once for all workers of a test run."""
    shared = tmp_path_factory.getbasetemp()
    shared = shared.parent if "PYTEST_XDIST_WORKER" in os.environ else shared
    folder = shared / "exported-model" / "serving" / "1"
    with (shared / "exported-model.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not folder.exists():
            _export(folder)
    return folder


def _export(folder: Path) -> None:
    import keras
    import tensorflow as tf

    from schemas.exported_model import EXTRA_FOLDER, INFO_PATH, TFLITE_FILE, TfliteReport, read_model_info
    from schemas.manifest import file_sha256
    from schemas.metrics import METRICS
    from schemas.spec import load_spec
    from trainer.config import TrainingConfig
    from trainer.export import export_model, write_model_info
    from trainer.models import build_model
    from trainer.tflite_conversion import convert, save_for_one_image

    config = TrainingConfig(encoder_weights="none", encoder_scale=1, fine_tune_epochs=0, decoder_filters=8)
    keras.utils.set_random_seed(1)
    making = folder.with_name("making")
    export_model(build_model(config, IMAGE_SIZE, 3), IMAGE_SIZE, 3, str(making))
    tflite, one_image = making / EXTRA_FOLDER / TFLITE_FILE, str(folder.parent.parent / "one-image")
    tflite.parent.mkdir()
    save_for_one_image(tf.saved_model.load(str(making)), one_image)
    tflite.write_bytes(convert(one_image, quantize=False))
    exact = {"compared_images": 1, "equal_pixels": 1.0, "max_logit_difference": 0.0, "mean_iou_difference": 0.0}
    report = {TFLITE_FILE: TfliteReport(sha256=file_sha256(tflite), bytes=tflite.stat().st_size, **exact)}
    spec = load_spec("pets").model_copy(update={"title": "Drawn cats & dogs", "drawn": True})
    write_model_info(str(making), spec, IMAGE_SIZE, "0" * 64, config, "1" * 64, report)
    values = {one.name: dict.fromkeys(spec.class_names, 0.25) if one.per_class else 0.75 for one in METRICS}
    info = read_model_info(making / INFO_PATH).model_copy(update={"metrics": {"examples": 7, **values}})
    (making / INFO_PATH).write_text(info.to_json())
    making.rename(folder)


@pytest.fixture(scope="session")
def open_space(exported) -> Iterator[Callable[[str], str]]:
    """Starts a kind of Space on the model with the command that people type, and gives its address."""
    addresses: dict[str, str] = {}
    with ExitStack() as running:

        def start(kind: str) -> str:
            if kind not in addresses:
                command = ("-m", "tfx_pipeline.space", f"--model={exported}", f"--kind={kind}", "--port=0")
                addresses[kind] = running.enter_context(serving(*command))
            return addresses[kind]

        yield start
