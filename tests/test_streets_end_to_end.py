"""A second kind of data set goes the whole way on its folder under `schemas/` and its drawing alone."""

import io
import json
from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf
import yaml
from PIL import Image

from beam_jobs.prepare import command_line as prepare
from schemas import features
from schemas.colors import ignored_color
from schemas.manifest import Manifest, read_manifest
from schemas.shipped import load_spec
from tests.sample_data import __main__ as sample_data
from tfx_pipeline import local_runner

STREETS = load_spec("streets")
IMAGE_SIZE, PICTURES, DEFECTS, REJECTED = 64, 60, 13, 7
TRAINING = {
    "model": "small_unet",
    "epochs": 14,
    "batch_size": 4,
    "learning_rate": 0.01,
    "evaluate_every": 14,
    "export_tflite": False,
}

pytestmark = [pytest.mark.proof, pytest.mark.slow(70)]


@pytest.fixture(scope="module")
def photos(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("streets") / "photos"
    settings = [f"--count={PICTURES}", "--min_side=100", "--max_side=240", "--workers=1", "--defects"]
    assert sample_data.main(["--dataset=streets", f"--output={folder}", *settings]) == 0
    return folder


@pytest.fixture(scope="module")
def version(photos, tmp_path_factory) -> Path:
    root = tmp_path_factory.mktemp("data")
    places = [f"--input={photos}", f"--output={root}", "--version=1.0.0", "--dataset=streets"]
    content = ["--split=official", f"--image_size={IMAGE_SIZE}", "--max_rejected_fraction=0.2"]
    assert prepare.main([*places, *content]) == 0
    return root / "streets" / "1.0.0"


@pytest.fixture(scope="module")
def manifest(version) -> Manifest:
    return read_manifest(version)


@pytest.fixture(scope="module")
def records(version) -> list[dict]:
    shards = [str(path) for path in sorted(version.glob("examples/Split-*/*"))]
    parsed = (tf.train.Example.FromString(one.numpy()).features.feature for one in tf.data.TFRecordDataset(shards))
    return [dict(one) for one in parsed]


@pytest.fixture(scope="module")
def output(version, tmp_path_factory) -> Path:
    """What the pipeline has written."""
    folder = tmp_path_factory.mktemp("training")
    config = {
        "name": "streets",
        "data": str(version),
        "output": str(folder / "pipeline"),
        "training": TRAINING,
        "evaluation": {
            "min_mean_iou": 0.1,
            "min_iou": {"road": 0.3},
            "slices": ["conditions"],
            # So short a training finds no thin things, such as poles and signs.
            "allow_blind": [name for name in STREETS.class_names if name != "road"],
        },
    }
    (folder / "config.yaml").write_text(yaml.safe_dump(config))
    assert local_runner.main([f"--config={folder / 'config.yaml'}"]) == 0
    return folder / "pipeline"


@pytest.fixture(scope="module")
def summary(output) -> dict:
    return json.loads((output / "summary.json").read_text())


def test_every_input_is_published_or_rejected_with_its_reason(manifest):
    assert (manifest.inputs, manifest.published) == (PICTURES + DEFECTS, PICTURES + DEFECTS - REJECTED)
    assert manifest.quarantined["mask_all_ignored"] == manifest.quarantined["unknown_mask_value"] == 1


def test_masks_hold_class_ids_and_ignored_pixels_and_their_shares_are_those_of_the_labelled_pixels(records):
    seen = set()
    for record in records:
        mask = np.asarray(Image.open(io.BytesIO(record[features.MASK].bytes_list.value[0])))
        labelled = mask[mask != features.IGNORE_ID]
        expected = [np.mean(labelled == class_id) for class_id in range(len(STREETS.classes))]
        shares = [record[name].float_list.value[0] for name in STREETS.fraction_features]
        np.testing.assert_allclose(shares, expected, atol=1e-6)
        ignored = record[features.IGNORED_FRACTION].float_list.value[0]
        assert ignored == pytest.approx(np.mean(mask == features.IGNORE_ID), abs=1e-6)
        seen |= set(np.unique(mask).tolist())
    assert seen == {*range(len(STREETS.classes)), features.IGNORE_ID}


def test_the_report_shows_ignored_pixels_in_a_colour_of_their_own(version):
    page = (version / "report.html").read_text()
    assert f"rgb{ignored_color(STREETS.palette)}" in page
    assert all(name in page for name in (*STREETS.class_names, "mask all ignored"))


def test_the_model_is_judged_by_the_labelled_pixels_per_class_and_slice(summary):
    metrics = summary["metrics"]
    assert set(metrics["iou"]) == set(STREETS.class_names)
    assert metrics["iou"]["road"] > 0.3
    assert metrics["mean_iou"] > 0.1
    assert set(metrics["slices"]["conditions"]) == {"day", "dusk", "rain"}


def test_the_pushed_model_answers_a_wide_photo_with_class_ids(summary, photos):
    model = tf.saved_model.load(summary["pushed_to"])
    photo = sorted((photos / "leftImg").glob("*_day_000001_leftImg.jpg"))[0].read_bytes()
    answer = model.signatures["serving_default"](image_bytes=tf.constant([photo]))
    assert answer["class_ids"].shape == (1, IMAGE_SIZE, IMAGE_SIZE)
    class_ids = tf.io.decode_png(answer["mask_bytes"][0])[..., 0].numpy()
    assert class_ids.shape == tf.io.decode_jpeg(photo).shape[:2]
    assert class_ids.max() < len(STREETS.classes)
    assert len(np.unique(class_ids)) > 2


def test_the_sheet_of_predictions_draws_ignored_pixels_in_their_colour(output):
    sheet = Image.open(output / "predictions.png").convert("RGB")
    colors = {color for _, color in sheet.getcolors(1 << 24)}
    assert {ignored_color(STREETS.palette), *STREETS.palette[:3]} <= colors
