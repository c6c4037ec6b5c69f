"""Runs of the whole pipeline with a model that needs no training: blessing, caching, pushing, reports, failures."""

import csv
import hashlib
import html
import re
import shutil
import sqlite3
from collections import Counter
from contextlib import closing
from pathlib import Path
from types import SimpleNamespace
from urllib.parse import unquote

import pytest
import tensorflow as tf
from PIL import Image

from schemas.errors import UserError
from schemas.manifest import read_manifest
from schemas.metrics import class_iou, confusion_matrix, mean_iou
from schemas.shipped import load_spec
from schemas.version import read_version
from tests.tfx_pipeline import toy_trainer
from tests.tfx_pipeline.conftest import BORDERLESS_BREED
from tests.tfx_pipeline.local.toy_runs import GOOD, MIDDLING, PERFECT, Run, named, run_pipeline, toy_config
from tfx_pipeline import local_runner
from tfx_pipeline.config.pipeline import EvaluationConfig
from tfx_pipeline.evaluation import eval_predictions
from tfx_pipeline.local.local_run import run_by_step

pytestmark = pytest.mark.slow


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
    assert "LastBlessedModel: no other with these classes and this image size\n" in runs.again.out
    assert runs.again.exit_code == local_runner.EXIT_BLESSED
    assert runs.again.summary["pushed_to"] == runs.first.summary["pushed_to"]
    assert runs.again.summary["metrics"] == runs.first.summary["metrics"]


def test_a_notebook_runs_one_step_at_a_time_and_finds_what_a_command_has_done(runs, output, toy_version, tmp_path):
    run_fn, floors = f"{toy_trainer.__name__}.run_fn", EvaluationConfig(min_mean_iou=0.5, max_mean_iou_drop=0.01)

    def steps(folder):
        return run_by_step(toy_config(toy_version, folder, PERFECT, floors), read_version(toy_version), run_fn)

    first = next(steps(tmp_path / "new"))
    assert [one.uri for one in first.outputs["result"]] == [str(toy_version / "examples")]
    assert list((tmp_path / "new" / "pipeline").glob("*")) == []  # the others wait until they are asked for
    assert {step.name for step in steps(output) if step.cached} >= {"Trainer", "Evaluator", "Pusher"}


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


@pytest.fixture(scope="module")
def renamed(toy_version, runs, tmp_path_factory, output) -> tuple[Path, Run]:
    """What the pipeline's life has left, at another place, and the next run there."""
    folder = shutil.copytree(output, tmp_path_factory.mktemp("moved") / "renamed")
    return folder, run_pipeline(toy_version, folder, PERFECT)


def test_an_output_that_was_renamed_keeps_its_last_blessed_model(renamed, runs):
    _, run = renamed
    assert "LastBlessedModel: found\n" in run.out
    assert run.exit_code == local_runner.EXIT_BLESSED
    assert run.summary["last_blessed_model"]["mean_iou"] == runs.better.summary["metrics"]["mean_iou"]


def _trained(output: Path) -> list[Path]:
    """The models, the newest last."""
    runs = sorted((output / "pipeline" / "Trainer" / "model").iterdir(), key=lambda one: int(one.name))
    return [one / "Format-Serving" for one in runs]


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
    model = _trained(copy)[-1]
    damage(model)
    with pytest.raises(UserError, match=f"{model.parent}.*: {message}.*--output"):
        run_pipeline(toy_version, copy, MIDDLING, run_fn="failing_run_fn")


def test_a_blessed_model_that_is_missed_only_when_it_is_compared_with_is_named_too(toy_version, renamed):
    folder, _ = renamed
    *_, earlier, _ = _trained(folder)
    remove_all(earlier)
    with pytest.raises(UserError, match=f"{earlier.parent}.*: the last blessed model is not there"):
        run_pipeline(toy_version, folder, PERFECT)  # the candidate, from the cache, is itself the latest blessed one


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
    slices = page[page.index('id="slice-breed"') : page.index('id="confusion"')]
    for part in (page[: page.index('id="classes"')], slices):  # the change, and the ends of its interval
        assert re.search(r"[+]0[.][0-9]{3} \([+-]0[.][0-9]{3} to [+]0[.][0-9]{3}\)</td>", part)
    assert 'href="#worst-of-class"' in page
    assert page.count('class="triple"') == 14 + 6 + 3 * 6  # the worst are all, then the best, and six for each class


def test_the_report_begins_with_the_model_s_size_speed_and_recipe(runs, output):
    page = html.unescape((output / "evaluation.html").read_text())
    first = re.sub("<[^>]+>", " ", page[page.index("<body>") : page.index("<main>")])
    [size] = re.findall(r"Size +([0-9.]+) MB", first)
    files = [one for one in Path(runs.better.summary["model"]).rglob("*") if one.is_file()]
    assert float(size) == pytest.approx(sum(one.stat().st_size for one in files) / 1e6, abs=0.051)
    assert "Speed" in first
    assert re.search("Recipe +[^;]* px; 20[0-9]{2}-[0-9]{2}-[0-9]{2}", first)


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


def test_the_report_asks_for_nothing_from_anywhere_and_links_the_one_on_the_data(runs, output, toy_version):
    page = (output / "evaluation.html").read_text()
    assert 'content="default-src &#x27;none&#x27;' in page
    assert not re.findall(r"""src=["'](?!data:)""", page)
    links = {(output / unquote(one)).resolve() for one in re.findall(r"""href=["'](?!data:|#)([^"']+)""", page)}
    beside = {output / "per_image.csv", output / "confusion.csv"}
    assert links == {(toy_version / "report.html").resolve(), *beside}
    assert all(one.is_file() for one in beside)


def test_the_whole_confusion_matrix_is_a_table_beside_the_report(runs, output):
    with (output / "confusion.csv").open(newline="") as file:
        head, *rows = csv.reader(file)
    metrics = runs.better.summary["metrics"]
    assert head == ["true", *metrics["iou"]]
    assert [[int(one) for one in row[1:]] for row in rows] == metrics["confusion_matrix"]
