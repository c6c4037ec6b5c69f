"""The prediction job with LiteRT in place of TensorFlow."""

import json
from pathlib import Path

import pytest

from beam_jobs.predict.command_line import main
from schemas.errors import UserError
from schemas.exported_model import INFO_PATH, INT8_TFLITE_FILE, TFLITE_FILE
from tests.beam_jobs.pictures import encode, gradient
from tests.beam_jobs.toy_model import export


@pytest.fixture
def photos(tmp_path) -> Path:
    folder = tmp_path / "photos"
    folder.mkdir()
    (folder / "wide.jpg").write_bytes(encode(gradient(90, 40), "JPEG", quality=95))
    (folder / "tall.png").write_bytes(encode(gradient(40, 120), "PNG"))
    return folder


def masks(model: Path, photos: Path, output: Path, *options: str) -> dict[str, bytes]:
    assert main([f"--model={model}", f"--photos={photos}", f"--output={output}", *options]) == 0
    return {path.name: path.read_bytes() for path in (output / "masks").iterdir()}


def test_litert_predicts_the_masks_of_the_saved_model(photos, tmp_path):
    model = export(tmp_path / "model", tflite=True)
    by_saved_model = masks(model, photos, tmp_path / "saved")
    for path in (model / "variables").iterdir():
        path.write_bytes(b"")  # so that nothing but the TFLite file can answer
    assert masks(model, photos, tmp_path / "litert", "--runtime=litert") == by_saved_model
    assert set(by_saved_model) == {"wide.png", "tall.png"}


@pytest.mark.parametrize(
    ("tiled", "options", "message"),
    [
        (False, ["--runtime=litert"], r"has no assets\.extra/model\.tflite; export it with training\.export_tflite"),
        (True, ["--runtime=litert_int8"], "predicts photos in tiles, and its TFLite files only one tile"),
    ],
)
def test_a_runtime_that_cannot_run_the_model_is_refused_with_the_remedy(tiled, options, message, photos, tmp_path):
    model = export(tmp_path / "model", tiled=tiled)
    with pytest.raises(UserError, match=rf"--runtime litert.*: .*{message}; leave --runtime out"):
        main([f"--model={model}", f"--photos={photos}", f"--output={tmp_path / 'out'}", *options])
    assert not (tmp_path / "out").exists()


def test_an_int8_file_is_refused_for_a_log(photos, tmp_path):
    model = export(tmp_path / "model", tflite=True)
    info = json.loads((model / INFO_PATH).read_text())
    info["tflite"][INT8_TFLITE_FILE] = info["tflite"][TFLITE_FILE]
    (model / INFO_PATH).write_text(json.dumps(info))
    options = [f"--photos={photos}", f"--output={tmp_path / 'out'}", f"--log={tmp_path / 'log'}"]
    with pytest.raises(UserError, match="--runtime litert_int8: --log needs the hash of the encoder's features"):
        main([f"--model={model}", *options, "--runtime=litert_int8"])
    assert not (tmp_path / "log").exists()
