import io
import json
from contextlib import redirect_stdout
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import tensorflow as tf
from ai_edge_litert.interpreter import Interpreter

from schemas.errors import UserError
from schemas.exported_model import (
    EVALUATE,
    EXTRA_FOLDER,
    INFO_PATH,
    INT8_TFLITE_FILE,
    OBSERVE,
    OBSERVE_PIXELS,
    PREDICT_PIXELS,
    SERVING_DEFAULT,
    TFLITE_FILE,
)
from schemas.manifest import file_sha256
from schemas.shipped import load_spec
from tests.trainer.conftest import draw
from trainer.export_tflite import MAX_FLOAT_LOGIT_DIFFERENCE
from trainer.run_fn import run_fn

pytestmark = [pytest.mark.slow(30), pytest.mark.proof]

TRAINING = {"model": "small_unet", "epochs": 1, "batch_size": 4}


def arguments(folder, shards, hyperparameters=None, **custom_config):
    pattern = str(Path(shards[0]).parent / "*")
    return SimpleNamespace(
        train_files=[pattern],
        eval_files=[pattern],
        serving_model_dir=str(folder / "model"),
        model_run_dir=str(folder / "run"),
        hyperparameters=hyperparameters,
        custom_config={
            "dataset": load_spec("pets").model_dump(mode="json"),
            "image_size": 32,
            "manifest_sha256": "1" * 64,
            "source_sha256": "2" * 64,
            **custom_config,
        },
    )


@pytest.fixture(scope="module")
def finished(write_shards, tmp_path_factory):
    """The folder that a run leaves whose model averages mirrored and enlarged photos, and what the run printed."""
    folder = tmp_path_factory.mktemp("run")
    training = {**TRAINING, "average_mirrored": True, "average_scales": [2]}
    printed = io.StringIO()
    with redirect_stdout(printed):
        run_fn(arguments(folder, write_shards(list(range(4)), 32), training=training))
    return SimpleNamespace(model=folder / "model", logs=folder / "run", printed=printed.getvalue())


def test_a_run_leaves_a_model_with_its_signatures_and_its_origin(finished):
    signatures = tf.saved_model.load(str(finished.model)).signatures
    assert set(signatures) == {SERVING_DEFAULT, PREDICT_PIXELS, EVALUATE, OBSERVE, OBSERVE_PIXELS}
    assert json.loads((finished.model / INFO_PATH).read_text())["manifest_sha256"] == "1" * 64
    assert list(finished.logs.rglob("events.out.tfevents.*"))
    assert finished.printed.startswith("epoch   1/1  loss ")


@pytest.mark.parametrize(("file", "tolerance"), [(TFLITE_FILE, 1e-4), (INT8_TFLITE_FILE, 0.1)])
def test_a_run_leaves_tflite_models_that_answer_as_the_saved_model(finished, file, tolerance):
    pixels = draw(7, 32)[0][np.newaxis].astype(np.float32)
    expected = tf.saved_model.load(str(finished.model)).signatures[PREDICT_PIXELS](pixels=tf.constant(pixels))
    answer = Interpreter(model_path=str(finished.model / EXTRA_FOLDER / file)).get_signature_runner(PREDICT_PIXELS)(
        pixels=pixels
    )
    assert (answer["class_ids"].dtype, answer["class_ids"].shape) == (np.uint8, (1, 32, 32))
    np.testing.assert_array_equal(answer["class_ids"], answer["logits"].argmax(-1))
    np.testing.assert_allclose(answer["logits"], expected["logits"], atol=tolerance * np.ptp(expected["logits"]))


def test_the_model_info_says_how_near_the_tflite_models_are(finished):
    report = json.loads((finished.model / INFO_PATH).read_text())["tflite"]
    for name in (TFLITE_FILE, INT8_TFLITE_FILE):
        file, figures = finished.model / EXTRA_FOLDER / name, report[name]
        assert (figures["bytes"], figures["sha256"]) == (file.stat().st_size, file_sha256(file))
        assert (figures["compared_images"], figures["equal_pixels"] > 0.98) == (4, True)
    assert report[TFLITE_FILE]["max_logit_difference"] < MAX_FLOAT_LOGIT_DIFFERENCE
    assert report[INT8_TFLITE_FILE]["bytes"] < 0.4 * report[TFLITE_FILE]["bytes"]


def test_a_wrong_setting_is_an_error_that_names_it_before_anything_is_read(tmp_path):
    with pytest.raises(UserError, match=r"custom_config: training\.epochs: "):
        run_fn(arguments(tmp_path, ["nowhere/shard"], training={**TRAINING, "epochs": 0}))
    assert list(tmp_path.iterdir()) == []
