"""Photos at their own sizes: published so, trained on in crops, evaluated and predicted by tiles."""

import io
import json
from pathlib import Path

import numpy as np
import pytest
import yaml
from PIL import Image

from beam_jobs.predict import command_line as predict
from beam_jobs.prepare import command_line as prepare
from schemas.errors import UserError
from schemas.manifest import read_manifest
from schemas.shipped import load_spec
from tests.sample_data import __main__ as sample_data
from tfx_pipeline import ask_endpoint, local_runner
from tfx_pipeline.config.pipeline import load_config

PICTURES, CROP = 40, 64
TRAINING = {
    "model": "small_unet",
    "crop_size": CROP,
    "epochs": 16,
    "batch_size": 4,
    "learning_rate": 0.01,
    "evaluate_every": 16,
    "export_tflite": False,
}

pytestmark = [pytest.mark.proof, pytest.mark.slow(80)]


@pytest.fixture(scope="module")
def version(tmp_path_factory) -> Path:
    """Drawn streets of many sizes."""
    folder = tmp_path_factory.mktemp("streets")
    settings = [f"--count={PICTURES}", "--min_side=100", "--max_side=240", "--workers=1"]
    assert sample_data.main(["--dataset=streets", f"--output={folder / 'photos'}", *settings]) == 0
    places = [f"--input={folder / 'photos'}", f"--output={folder}", "--version=1.0.0", "--dataset=streets"]
    assert prepare.main([*places, "--split=official", "--image_size=0"]) == 0
    return folder / "streets" / "1.0.0"


@pytest.fixture(scope="module")
def config_file(version, tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("training")
    values = {
        "name": "streets-crops",
        "data": str(version),
        "output": str(folder / "pipeline"),
        "training": TRAINING,
        "evaluation": {
            "min_mean_iou": 0.05,
            "slices": ["conditions"],
            # it trains for seconds
            "allow_blind": [name for name in load_spec("streets").class_names if name != "road"],
        },
    }
    (folder / "config.yaml").write_text(yaml.safe_dump(values))
    return folder / "config.yaml"


@pytest.fixture(scope="module")
def output(config_file) -> Path:
    """What the pipeline has written."""
    assert local_runner.main([f"--config={config_file}"]) == 0
    return config_file.parent / "pipeline"


@pytest.fixture(scope="module")
def summary(output) -> dict:
    return json.loads((output / "summary.json").read_text())


def test_records_keep_their_sizes(version):
    assert read_manifest(version).image_size == 0


def test_every_record_is_judged_and_shown(output, summary, version):
    assert summary["metrics"]["examples"] == read_manifest(version).splits["eval"].records
    assert summary["metrics"]["iou"]["road"] > 0.2
    assert Image.open(output / "predictions.png").width > 500
    assert "Worst examples" in (output / "evaluation.html").read_text()


def test_the_prediction_job_finds_what_the_evaluation_found(summary, version, tmp_path):
    given = [f"--model={summary['pushed_to']}", f"--version_dir={version}", "--split=eval"]
    assert predict.main([*given, f"--output={tmp_path / 'out'}"]) == 0
    found = json.loads((tmp_path / "out" / "summary.json").read_text())
    assert found["mean_iou"] == pytest.approx(summary["metrics"]["mean_iou"], abs=2e-3)  # Pillow's decoder


def test_a_photo_gets_a_mask_of_its_size_from_the_pushed_model(summary, tmp_path):
    rows, columns = np.mgrid[:150, :410]
    photo = np.stack([rows, columns % 256, rows + columns], -1).astype(np.uint8)
    data = io.BytesIO()
    Image.fromarray(photo).save(data, "JPEG")
    (tmp_path / "wide.jpg").write_bytes(data.getvalue())
    given = [f"--model={summary['pushed_to']}", "--dataset=streets", f"--output={tmp_path / 'out'}"]
    assert ask_endpoint.main([*given, str(tmp_path / "wide.jpg")]) == 0
    [mask] = [path for path in (tmp_path / "out").rglob("*.png") if "mask" in path.name]
    assert Image.open(mask).size == (410, 150)


def test_without_crops_such_a_version_is_refused_before_anything_runs(config_file, tmp_path):
    values = yaml.safe_load(config_file.read_text())
    del values["training"]["crop_size"]
    (tmp_path / "config.yaml").write_text(yaml.safe_dump(values))
    with pytest.raises(UserError, match=r"keeps the original sizes .* set `training\.crop_size`"):
        local_runner.check_inputs(load_config(tmp_path / "config.yaml"))
