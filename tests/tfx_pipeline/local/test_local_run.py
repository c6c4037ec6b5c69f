"""Runs of the whole pipeline with a model that needs no training: metrics, blessing, caching, pushing, failures."""

import contextlib
import csv
import hashlib
import io
import json
import re
import shutil
import sqlite3
from collections import Counter
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import tensorflow as tf
from PIL import Image

from schemas.errors import UserError
from schemas.manifest import read_manifest
from schemas.metrics import boundary_f_scores, class_iou, confusion_matrix, mean_iou
from schemas.shipped import load_spec
from schemas.version import read_version
from tests.tfx_pipeline import toy_trainer
from tests.tfx_pipeline.conftest import BORDERLESS_BREED
from tests.tfx_pipeline.toy_trainer import BLIND_TO_LAST
from tfx_pipeline import local_runner
from tfx_pipeline.config.pipeline import EvaluationConfig, PipelineConfig
from tfx_pipeline.evaluation import eval_predictions
from tfx_pipeline.evaluation.iou_metrics import REPLICATES
from trainer.boundaries import batch_boundary_counts

pytestmark = pytest.mark.slow

GOOD, MIDDLING, PERFECT = 1, 2, 0  # rows by which the toy model's prediction is moved
CLASSES = ("pet", "background", "border")


@dataclass
class Run:
    """What one run returned, printed and left behind."""

    exit_code: int
    out: str
    err: str
    summary: dict
    served: list[str]
    sheet_mtime_ns: int


def run_pipeline(
    version: Path, output: Path, moved_rows: int, min_mean_iou=0.5, run_fn="run_fn", **floors: dict[str, float]
) -> Run:
    config = PipelineConfig(
        name="toy",
        data=str(version),
        output=str(output),
        training={"encoder_weights": "none", "fine_tune_epochs": 0, "seed": moved_rows},
        evaluation=EvaluationConfig(min_mean_iou=min_mean_iou, max_mean_iou_drop=0.01, **floors),
    )
    local_runner.make_output_folder(output)
    out, err = io.StringIO(), io.StringIO()
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        exit_code = local_runner.run(config, read_version(version), False, f"{toy_trainer.__name__}.{run_fn}")
    summary, sheet = output / "summary.json", output / "predictions.png"
    return Run(
        exit_code=exit_code,
        out=out.getvalue(),
        err=err.getvalue(),
        summary=json.loads(summary.read_text()) if summary.exists() else {},
        served=sorted(str(path) for path in output.glob("serving/*")),
        sheet_mtime_ns=sheet.stat().st_mtime_ns if sheet.exists() else 0,
    )


@pytest.fixture(scope="module")
def output(tmp_path_factory) -> Path:
    return tmp_path_factory.mktemp("output")


@pytest.fixture(scope="module")
def runs(toy_version, output) -> SimpleNamespace:
    """A pipeline's life, one run after the other, each into what the one before left in `output`."""
    runs = SimpleNamespace()
    runs.first = run_pipeline(toy_version, output, GOOD)
    runs.again = run_pipeline(toy_version, output, GOOD)
    runs.worse = run_pipeline(toy_version, output, MIDDLING)
    runs.better = run_pipeline(toy_version, output, PERFECT)
    shutil.rmtree(runs.better.summary["pushed_to"])  # and leave the models that were pushed before it
    runs.after_removal = run_pipeline(toy_version, output, PERFECT)
    return runs


@pytest.fixture(scope="module")
def floor_output(tmp_path_factory) -> Path:
    return tmp_path_factory.mktemp("floor_output")


@pytest.fixture(scope="module")
def below_floor(toy_version, floor_output) -> Run:
    return run_pipeline(toy_version, floor_output, MIDDLING, min_mean_iou=0.9)


def judged(
    version: Path, moved_rows: int, breed: str | None = None, split: str = "eval"
) -> list[tuple[bytes, np.ndarray, np.ndarray]]:
    """Serialized examples with truth and the toy model's prediction, class ids [S, S]."""
    examples = []
    for serialized in tf.data.TFRecordDataset([str(path) for path in version.glob(f"examples/Split-{split}/*")]):
        values = tf.train.Example.FromString(serialized.numpy()).features.feature
        if breed is None or values["breed"].bytes_list.value[0].decode() == breed:
            truth = np.asarray(Image.open(io.BytesIO(values["mask"].bytes_list.value[0])))
            examples.append((serialized.numpy(), truth, np.roll(truth, moved_rows, axis=0)))
    return examples


def numpy_ious(version: Path, moved_rows: int, breed: str | None = None, split: str = "eval") -> np.ndarray:
    """IoU per class of the toy model, float64 [C], by counting pixels; NaN where a class does not occur."""
    intersections, unions = np.zeros(3), np.zeros(3)
    for _, truth, predicted in judged(version, moved_rows, breed, split):
        for class_id in range(3):
            intersections[class_id] += np.sum((truth == class_id) & (predicted == class_id))
            unions[class_id] += np.sum((truth == class_id) | (predicted == class_id))
    with np.errstate(invalid="ignore"):
        return intersections / unions


def test_the_metrics_equal_numpys(runs, toy_version):
    expected = numpy_ious(toy_version, GOOD)
    metrics = runs.first.summary["metrics"]
    np.testing.assert_allclose([metrics["iou"][name] for name in CLASSES], expected, atol=1e-6)
    assert metrics["mean_iou"] == pytest.approx(np.mean(expected), abs=1e-6)
    assert metrics["examples"] == 14


def test_the_confusion_matrix_is_the_sum_over_all_examples(runs, toy_version):
    expected = sum(confusion_matrix(truth, predicted, 3) for _, truth, predicted in judged(toy_version, GOOD))
    np.testing.assert_array_equal(runs.first.summary["metrics"]["confusion_matrix"], expected)


def test_the_boundary_score_equals_numpys(runs, toy_version):
    counts = [
        batch_boundary_counts(tf.constant(truth[None]), tf.constant(predicted[None]), 3).numpy()[0]
        for _, truth, predicted in judged(toy_version, GOOD)
    ]
    expected = np.mean(boundary_f_scores(np.sum(counts, axis=0)))
    assert runs.first.summary["metrics"]["boundary_f_score"] == pytest.approx(expected, abs=1e-6)


def test_the_confidence_interval_is_numpys_bootstrap_of_the_same_examples(runs, toy_version):
    intersections, unions = np.zeros((REPLICATES, 3)), np.zeros((REPLICATES, 3))
    for serialized, truth, predicted in judged(toy_version, GOOD):
        fingerprint = int(tf.strings.to_hash_bucket_fast(serialized, tf.int64.max))
        weights = np.random.default_rng(fingerprint).poisson(1.0, REPLICATES)
        for class_id in range(3):
            intersections[:, class_id] += weights * np.sum((truth == class_id) & (predicted == class_id))
            unions[:, class_id] += weights * np.sum((truth == class_id) | (predicted == class_id))
    low, high = np.quantile((intersections / unions).mean(axis=1), [0.025, 0.975])
    metrics = runs.first.summary["metrics"]
    np.testing.assert_allclose(metrics["intervals"]["mean_iou"], [low, high], atol=1e-6)
    assert low < metrics["mean_iou"] < high


def test_the_metrics_of_every_slice_equal_numpys(runs, toy_version):
    breeds = runs.first.summary["metrics"]["slices"]["breed"]
    assert sorted(breeds) == ["Bengal", "Sphynx", "beagle", "pug"]
    for breed, metrics in breeds.items():
        expected = numpy_ious(toy_version, GOOD, breed)
        got = [np.nan if metrics["iou"][name] is None else metrics["iou"][name] for name in CLASSES]
        np.testing.assert_allclose(got, expected, atol=1e-6)
        assert metrics["mean_iou"] == pytest.approx(np.nanmean(expected), abs=1e-6)


def test_a_class_that_a_slice_lacks_is_null_and_left_out_of_its_mean(runs):
    metrics = runs.first.summary["metrics"]["slices"]["breed"][BORDERLESS_BREED]
    assert metrics["iou"]["border"] is None
    assert metrics["mean_iou"] == pytest.approx((metrics["iou"]["pet"] + metrics["iou"]["background"]) / 2)


def test_species_are_slices_too(runs):
    species = runs.first.summary["metrics"]["slices"]["species"]
    assert sorted(species) == ["cat", "dog"]
    assert species["cat"]["examples"] + species["dog"]["examples"] == 14


def test_a_good_first_model_is_blessed_and_pushed(runs, output, toy_version):
    assert runs.first.exit_code == local_runner.EXIT_BLESSED
    assert runs.first.summary["blessed"] is True
    assert runs.first.summary["last_blessed_model"]["mean_iou"] is None
    assert runs.first.summary["dataset_manifest_sha256"] == read_version(toy_version).manifest.sha256
    pushed = Path(runs.first.summary["pushed_to"])
    assert pushed.parent == output / "serving"
    image = next(iter(tf.data.TFRecordDataset([str(path) for path in toy_version.glob("examples/Split-eval/*")])))
    photo = tf.train.Example.FromString(image.numpy()).features.feature["image"].bytes_list.value[0]
    served = tf.saved_model.load(str(pushed)).signatures["serving_default"](image_bytes=tf.constant([photo]))
    assert served["class_ids"].shape == (1, 32, 32)


def test_the_published_data_is_used_in_place(runs, output, toy_version):
    assert [path.name for path in output.rglob("*.tfrecord-*") if "Evaluator" not in str(path)] == []
    assert sorted(path.name for path in toy_version.iterdir()) == [
        "dataset.yaml",
        "examples",
        "manifest.json",
        "schema.pbtxt",
        "statistics",
    ]


def test_a_run_prints_one_line_per_step_and_the_table_and_no_logging(runs):
    steps = [line.split(":")[0] for line in runs.first.out.splitlines()[2:9]]
    assert steps == [
        "ImportExamples",
        "ImportSchemaGen",
        "ImportStatistics",
        "Trainer",
        "LastBlessedModel",
        "Evaluator",
        "Pusher",
    ]
    assert f"blessed, pushed to {runs.first.summary['pushed_to']}" in runs.first.out
    assert runs.first.err == ""
    assert max(map(len, runs.first.out.splitlines())) < 200


def test_a_second_run_finds_every_step_done_and_pushes_nothing_anew(runs):
    for step in ("ImportExamples", "ImportSchemaGen", "ImportStatistics", "Trainer", "Evaluator", "Pusher"):
        assert f"{step}: up to date\n" in runs.again.out
    assert "LastBlessedModel: none yet\n" in runs.first.out
    assert "LastBlessedModel: none with these classes and this image size\n" in runs.again.out
    assert runs.again.exit_code == local_runner.EXIT_BLESSED
    assert runs.again.summary["pushed_to"] == runs.first.summary["pushed_to"]
    assert runs.again.summary["metrics"] == runs.first.summary["metrics"]


def test_a_model_worse_than_the_last_blessed_one_is_neither_blessed_nor_pushed(runs):
    assert runs.worse.exit_code == local_runner.EXIT_NOT_BLESSED
    assert runs.worse.summary["blessed"] is False
    assert runs.worse.summary["pushed_to"] is None
    assert runs.worse.summary["metrics"]["mean_iou"] > 0.5  # above the floor
    assert runs.worse.summary["last_blessed_model"]["mean_iou"] == runs.first.summary["metrics"]["mean_iou"]
    [reason] = runs.worse.summary["not_blessed_because"]
    assert "below the last blessed model's" in reason
    assert reason in runs.worse.out


def test_a_better_model_is_compared_with_the_last_blessed_one_and_pushed_beside_it(runs):
    assert runs.better.exit_code == local_runner.EXIT_BLESSED
    assert runs.better.summary["last_blessed_model"]["mean_iou"] == runs.first.summary["metrics"]["mean_iou"]
    assert runs.better.summary["metrics"]["mean_iou"] == 1.0
    assert runs.better.served == sorted([runs.first.summary["pushed_to"], runs.better.summary["pushed_to"]])


def test_a_model_below_the_floor_is_neither_blessed_nor_pushed(below_floor):
    assert below_floor.exit_code == local_runner.EXIT_NOT_BLESSED
    assert below_floor.summary["pushed_to"] is None
    [reason] = below_floor.summary["not_blessed_because"]
    assert reason == f"mean_iou {below_floor.summary['metrics']['mean_iou']:.4f} is below the floor 0.9000"


def test_a_floor_holds_for_all_examples_together_and_not_for_each_slice(toy_version, floor_output, below_floor):
    metrics = below_floor.summary["metrics"]
    lowest_slice = min(one["mean_iou"] for one in metrics["slices"]["breed"].values())
    assert lowest_slice < metrics["mean_iou"]
    floor = (lowest_slice + metrics["mean_iou"]) / 2
    run = run_pipeline(toy_version, floor_output, MIDDLING, min_mean_iou=floor)
    assert "Trainer: up to date" in run.out
    assert run.summary["blessed"] is True


def test_a_floor_of_a_slice_holds_in_each_of_its_values(toy_version, floor_output, below_floor):
    breeds = {name: one["mean_iou"] for name, one in below_floor.summary["metrics"]["slices"]["breed"].items()}
    worst, second = sorted(breeds, key=breeds.get)[:2]
    floor = (breeds[worst] + breeds[second]) / 2
    run = run_pipeline(toy_version, floor_output, MIDDLING, min_mean_iou=0.1, min_slice_mean_iou={"breed": floor})
    [reason] = run.summary["not_blessed_because"]
    assert reason == f"mean_iou {breeds[worst]:.4f} of breed {worst} is below the floor {floor:.4f}"


def test_a_model_that_is_blind_to_a_class_is_not_blessed_unless_the_configuration_allows_it(toy_version, tmp_path):
    masks = [truth for _, truth, _ in judged(toy_version, 0)]
    share, photos = np.mean(np.stack(masks) == 2), sum((mask == 2).any() for mask in masks)
    seen = f"blind to border: IoU 0.000, though {share:.2%} of the eval pixels and {photos} of 14 photos show it"
    run = run_pipeline(toy_version, tmp_path, BLIND_TO_LAST, min_mean_iou=0.1)
    [reason] = run.summary["not_blessed_because"]
    assert reason.startswith(seen)
    assert "evaluation.allow_blind" in reason
    assert reason in run.out
    assert (tmp_path / "evaluation.html").read_text().count(seen) == 1
    assert [one["name"] for one in run.summary["blind_classes"]] == ["border"]

    allowed = run_pipeline(toy_version, tmp_path, BLIND_TO_LAST, min_mean_iou=0.1, allow_blind=("border",))
    assert "Trainer: up to date" in allowed.out
    assert allowed.summary["blessed"] is True
    assert f"WARNING: {seen}; evaluation.allow_blind allows it" in allowed.out
    assert (tmp_path / "evaluation.html").read_text().count(seen) == 1


def test_a_pushed_model_that_was_removed_is_pushed_again(runs):
    assert "Evaluator: up to date" in runs.after_removal.out
    assert runs.after_removal.summary["pushed_to"] in runs.after_removal.served
    assert len(runs.after_removal.served) == len(runs.better.served)


def test_the_sheet_shows_truth_and_prediction_in_the_classes_colours(runs, output):
    sheet = Image.open(output / "predictions.png")
    colors = {color for _, color in sheet.convert("RGB").getcolors(1 << 24)}
    assert set(load_spec("pets").palette) <= colors
    assert sheet.width > sheet.height > 400


def test_the_sheet_is_drawn_anew_for_another_model_only(runs):
    assert runs.again.sheet_mtime_ns == runs.first.sheet_mtime_ns
    assert runs.worse.sheet_mtime_ns > runs.again.sheet_mtime_ns


def test_an_output_that_was_renamed_keeps_its_last_blessed_model(toy_version, runs, tmp_path_factory, output):
    renamed = tmp_path_factory.mktemp("moved") / "renamed"
    shutil.copytree(output, renamed)
    run = run_pipeline(toy_version, renamed, MIDDLING)
    assert "LastBlessedModel: found\n" in run.out
    assert run.exit_code == local_runner.EXIT_NOT_BLESSED
    assert run.summary["last_blessed_model"]["mean_iou"] == runs.better.summary["metrics"]["mean_iou"]


def _last_trained(output: Path) -> Path:
    return max((output / "pipeline" / "Trainer" / "model").iterdir(), key=lambda one: int(one.name)) / "Format-Serving"


def remove_all(model: Path):
    shutil.rmtree(model.parent)


def remove_variables(model: Path):
    shutil.rmtree(model / "variables")


def scramble(model: Path):
    (model / "saved_model.pb").write_bytes(b"not a model" * 99)


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (remove_all, "the last blessed model is not there"),
        (remove_variables, "the last blessed model is damaged"),
        (scramble, "the last blessed model is damaged"),
    ],
)
def test_a_last_blessed_model_that_cannot_be_used_is_named_before_anything_trains(
    toy_version, runs, output, tmp_path, damage, message
):
    copy = shutil.copytree(output, tmp_path / "copy")
    model = _last_trained(copy)
    damage(model)
    with pytest.raises(UserError, match=f"{model.parent}.*: {message}.*--output"):
        run_pipeline(toy_version, copy, MIDDLING, run_fn="failing_run_fn")


def test_a_blessed_model_that_is_missed_only_when_it_is_compared_with_is_named_too(toy_version, runs, output, tmp_path):
    copy = shutil.copytree(output, tmp_path / "copy")
    earlier = _last_trained(copy)
    assert run_pipeline(toy_version, copy, PERFECT).exit_code == local_runner.EXIT_BLESSED
    remove_all(earlier)
    with pytest.raises(UserError, match=f"{earlier.parent}.*: the last blessed model is not there"):
        run_pipeline(toy_version, copy, PERFECT)  # the candidate, from the cache, is itself the latest blessed one


def test_a_memory_of_earlier_runs_in_another_format_is_named(toy_version, runs, output, tmp_path):
    copy = shutil.copytree(output, tmp_path / "copy")
    with closing(sqlite3.connect(copy / "metadata.sqlite")) as connection:
        connection.execute("UPDATE MLMDEnv SET schema_version = 99")
        connection.commit()
    with pytest.raises(UserError, match=f"{copy / 'metadata.sqlite'}: .*version 99 is greater.*another --output"):
        run_pipeline(toy_version, copy, GOOD)


def test_a_failed_step_is_one_line_and_a_traceback_in_the_log(toy_version, tmp_path):
    run = run_pipeline(toy_version, tmp_path, GOOD, run_fn="failing_run_fn")
    assert run.exit_code == local_runner.EXIT_STEP_FAILED
    error, log_line = run.err.splitlines()
    assert error == "error: step Trainer failed: RuntimeError: the loss is not a number"
    log = Path(log_line.removeprefix("traceback: "))
    assert log.parent == tmp_path / "logs"
    assert "in failing_run_fn" in log.read_text()
    assert run.summary == {}


def test_a_mistake_that_the_trainer_finds_is_a_user_error(toy_version, tmp_path):
    with pytest.raises(UserError, match="lower batch_size"):
        run_pipeline(toy_version, tmp_path, GOOD, run_fn="refusing_run_fn")


def test_the_report_shows_every_metric_with_its_interval_and_the_last_blessed_model(runs, output):
    page = (output / "evaluation.html").read_text()
    metrics = runs.better.summary["metrics"]
    assert f"{metrics['mean_iou']:.3f}" in page
    low, high = metrics["intervals"]["iou_pet"]
    assert f"{low:.3f} to {high:.3f}" in page
    assert f"{runs.better.summary['last_blessed_model']['mean_iou']:.3f}" in page
    assert all(breed in page for breed in metrics["slices"]["breed"])
    assert 'href="#worst-of-class"' in page
    assert page.count('class="triple"') == 14 + 6 + 3 * 6  # the worst are all, then the best, and six for each class


def test_the_worst_and_the_best_are_those_of_all_records(runs, toy_version, monkeypatch):
    monkeypatch.setattr(eval_predictions, "WORST", 3)
    monkeypatch.setattr(eval_predictions, "BEST", 3)
    monkeypatch.setattr(eval_predictions, "WORST_OF_CLASS", 2)
    monkeypatch.setattr(eval_predictions, "SAMPLED", 2)
    kept = eval_predictions.predict_examples(
        Path(runs.worse.summary["model"]), toy_version, read_manifest(toy_version), 3
    )
    ious = {one: mean_iou(confusion_matrix(truth, predicted, 3)) for one, truth, predicted in named(toy_version)}
    assert kept.count == len(ious) == 14
    assert [one.image_id for one in kept.worst] == sorted(ious, key=lambda one: (ious[one], one))[:3]
    assert [one.image_id for one in kept.best] == sorted(ious, key=lambda one: (-ious[one], one))[:3]
    hashes = {one: hashlib.sha256(one.encode()).hexdigest() for one in ious}
    assert [one.image_id for one in kept.sample] == sorted(ious, key=hashes.get)[:2]
    for class_id, worst in enumerate(kept.worst_of_class):
        of_class = {
            one: class_iou(confusion_matrix(truth, predicted, 3))[class_id]
            for one, truth, predicted in named(toy_version)
            if (truth == class_id).any()
        }
        lowest = sorted(of_class, key=lambda one: (of_class[one], one))[:2]
        assert [(one.image_id, one.iou) for one in worst] == [(one, of_class[one]) for one in lowest]


def test_a_table_has_the_figures_of_every_image_and_its_slices(runs, output, toy_version):
    with (output / "per_image.csv").open(newline="") as file:
        rows = {row["id"]: row for row in csv.DictReader(file)}
    assert rows.keys() == {one for one, _, _ in named(toy_version)}
    breeds = runs.better.summary["metrics"]["slices"]["breed"]
    assert Counter(row["breed"] for row in rows.values()) == {name: one["examples"] for name, one in breeds.items()}
    assert {row["mean_iou"] for row in rows.values()} == {"1.0000"}
    without = {row["breed"] for row in rows.values() if row["iou_border"] == ""}
    assert without == {BORDERLESS_BREED}


def named(version: Path) -> list[tuple[str, np.ndarray, np.ndarray]]:
    """Id, truth and the toy model's prediction of each eval example."""

    def id_of(serialized: bytes) -> str:
        return tf.train.Example.FromString(serialized).features.feature["image_id"].bytes_list.value[0].decode()

    return [(id_of(one), truth, predicted) for one, truth, predicted in judged(version, MIDDLING)]


def test_the_report_asks_for_nothing_from_anywhere(runs, output):
    page = (output / "evaluation.html").read_text()
    assert 'content="default-src &#x27;none&#x27;' in page
    assert not re.findall(r"""(?:src|href)=["'](?!data:|#)""", page)
