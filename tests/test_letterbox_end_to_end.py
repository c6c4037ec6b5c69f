"""Photos of many shapes that keep theirs: published letterboxed, trained on, evaluated, predicted and shown so."""

import csv
import io
import json
from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf
import yaml
from PIL import Image

from beam_jobs.predict import command_line as predict
from beam_jobs.prepare import command_line as prepare
from schemas.exported_model import INFO_PATH, read_model_info
from schemas.fitting import LETTERBOX, STRETCH
from schemas.manifest import read_manifest
from schemas.metrics import confusion_matrix, mean_iou
from schemas.shipped import load_spec
from tests.sample_data import __main__ as sample_data
from tfx_pipeline import ask_endpoint, local_runner
from tfx_pipeline.space.local_space import write_local_space
from tfx_pipeline.space.segmentation_app.model import load_segmenter
from tfx_pipeline.space.segmentation_app.photo import read_photo

PICTURES = 40
TRAINING = {
    "model": "small_unet",
    "epochs": 16,
    "batch_size": 4,
    "learning_rate": 0.01,
    "evaluate_every": 16,
}
TALL = (150, 410)  # width and height

pytestmark = [pytest.mark.proof, pytest.mark.slow(80)]


@pytest.fixture(scope="module")
def version(tmp_path_factory) -> Path:
    """Drawn streets of many shapes, in a data set whose own description says how they are fitted."""
    folder = tmp_path_factory.mktemp("streets")
    settings = [f"--count={PICTURES}", "--min_side=100", "--max_side=240", "--workers=1"]
    assert sample_data.main(["--dataset=streets", f"--output={folder / 'photos'}", *settings]) == 0
    described = load_spec("streets").model_dump(mode="json", exclude_none=True) | {"fit": LETTERBOX}
    (folder / "photos" / "dataset.yaml").write_text(yaml.safe_dump(described))
    places = [f"--input={folder / 'photos'}", f"--output={folder}", "--version=1.0.0"]
    assert prepare.main([*places, "--split=official", "--image_size=96x64"]) == 0
    return folder / "streets" / "1.0.0"


@pytest.fixture(scope="module")
def output(version, tmp_path_factory) -> Path:
    """What the pipeline has written."""
    folder = tmp_path_factory.mktemp("training")
    blind = [name for name in load_spec("streets").class_names if name != "road"]  # it trains for seconds
    values = {
        "name": "streets-letterboxed",
        "data": str(version),
        "output": str(folder / "pipeline"),
        "training": TRAINING,
        "evaluation": {"min_mean_iou": 0.05, "slices": ["conditions"], "allow_blind": blind},
    }
    (folder / "config.yaml").write_text(yaml.safe_dump(values))
    assert local_runner.main([f"--config={folder / 'config.yaml'}"]) == 0
    return folder / "pipeline"


@pytest.fixture(scope="module")
def model(output) -> Path:
    return Path(json.loads((output / "summary.json").read_text())["pushed_to"])


def photo() -> bytes:
    rows, columns = np.mgrid[: TALL[1], : TALL[0]]
    data = io.BytesIO()
    Image.fromarray(np.stack([rows % 256, columns, rows + columns], -1).astype(np.uint8)).save(data, "JPEG")
    return data.getvalue()


def served_mask(model: Path) -> np.ndarray:
    answer = tf.saved_model.load(str(model)).signatures["serving_default"](image_bytes=tf.constant([photo()]))
    return tf.io.decode_png(answer["mask_bytes"][0])[..., 0].numpy()


def test_the_version_and_the_model_say_how_their_photos_were_fitted(version, model):
    assert read_manifest(version).fit == read_model_info(model / INFO_PATH).fit == LETTERBOX


def test_the_prediction_job_finds_what_the_evaluation_found(output, version, model, tmp_path):
    given = [f"--model={model}", f"--version_dir={version}", "--split=eval"]
    assert predict.main([*given, f"--output={tmp_path / 'out'}"]) == 0
    found = json.loads((tmp_path / "out" / "summary.json").read_text())
    evaluated = json.loads((output / "summary.json").read_text())["metrics"]
    assert evaluated["iou"]["road"] > 0.2
    assert found["mean_iou"] == pytest.approx(evaluated["mean_iou"], abs=2e-3)  # Pillow's decoder


def test_the_evaluation_at_own_size_is_that_of_the_masks_that_people_get(output, version, model, tmp_path):
    """The prediction job writes masks at the photos' own sizes; the records hold the masks that people gave."""
    given = [f"--model={model}", f"--version_dir={version}", "--split=eval"]
    assert predict.main([*given, f"--output={tmp_path / 'out'}"]) == 0
    spec, matrix, each = load_spec("streets"), 0, {}
    wanted = {name: tf.io.FixedLenFeature([], tf.string) for name in ("image_id", "source_mask")}
    for shard in read_manifest(version).splits["eval"].shards:
        for record in tf.data.TFRecordDataset(str(version / shard.path)):
            values = tf.io.parse_single_example(record, wanted)
            image_id = values["image_id"].numpy().decode()
            truth = tf.io.decode_png(values["source_mask"])[..., 0].numpy()
            predicted = np.asarray(Image.open(tmp_path / "out" / "masks" / f"{image_id}.png"))
            each[image_id] = confusion_matrix(truth, predicted, len(spec.classes))
            matrix += each[image_id]
    evaluated = json.loads((output / "summary.json").read_text())["metrics"]
    assert evaluated["own_size_mean_iou"] == pytest.approx(mean_iou(matrix), abs=2e-3)  # Pillow's decoder
    assert evaluated["own_size_mean_iou"] != pytest.approx(evaluated["mean_iou"], abs=1e-4)
    low, high = evaluated["intervals"]["own_size_mean_iou"]
    assert low < evaluated["own_size_mean_iou"] < high
    with (output / "per_image.csv").open(newline="") as table:
        for row in csv.DictReader(table):
            assert float(row["own_size_mean_iou"]) == pytest.approx(mean_iou(each[row["id"]]), abs=1e-2)


def test_the_evaluation_s_pictures_show_photos_without_padding(output):
    assert Image.open(output / "predictions.png").width > 500
    assert "Worst examples" in (output / "evaluation.html").read_text()


def test_every_way_to_predict_a_photo_gives_the_mask_of_serving(model, tmp_path):
    expected = served_mask(model)
    assert expected.shape == TALL[::-1]
    (tmp_path / "photos").mkdir()
    (tmp_path / "photos" / "tall.jpg").write_bytes(photo())
    assert predict.main([f"--model={model}", f"--photos={tmp_path / 'photos'}", f"--output={tmp_path / 'out'}"]) == 0
    assert (
        ask_endpoint.main([f"--model={model}", f"--output={tmp_path / 'asked'}", str(tmp_path / "photos/tall.jpg")])
        == 0
    )
    masks = {
        "predict": np.asarray(Image.open(tmp_path / "out" / "masks" / "tall.png")),
        "ask_endpoint": np.asarray(Image.open(tmp_path / "asked" / "tall_mask.png")),
    }
    for runtime in ("litert", "tensorflow"):
        write_local_space(tmp_path / runtime, model, "gradio", "Streets", runtime)
        masks[runtime] = load_segmenter(tmp_path / runtime).segment(read_photo(photo())).class_ids
    for way, mask in masks.items():
        assert mask.shape == expected.shape, way
        assert np.mean(mask == expected) >= 0.99, way


def test_with_another_fit_the_model_is_not_judged_by_this_one(version, model):
    from tfx_pipeline.evaluation.baseline import records_read

    info = read_model_info(model / INFO_PATH)
    reads = [records_read(info.dataset, info.classes, info.image_size, info.tiled, fit) for fit in (LETTERBOX, STRETCH)]
    assert reads[0] != reads[1]
