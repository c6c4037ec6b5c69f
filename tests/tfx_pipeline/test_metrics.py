"""The list of metrics: a metric is one entry, and everything that computes or shows metrics has it."""

import html
import json

import numpy as np
import pytest
import tensorflow as tf
from tensorflow.core.util import event_pb2

from schemas import metrics
from schemas.manifest import read_manifest
from schemas.metrics import METRICS, Counts, Metric, figures
from schemas.shipped import load_spec
from tests.rooms import PROJECT_DIR
from tfx_pipeline.config.hub import DataSource
from tfx_pipeline.config.pipeline import EvaluationConfig
from tfx_pipeline.evaluation.eval_config import eval_config
from tfx_pipeline.evaluation.eval_predictions import Predictions
from tfx_pipeline.evaluation.page import write_evaluation_report
from tfx_pipeline.evaluation.results import Evaluation, SliceMetrics
from tfx_pipeline.hub.card_results import eval_results, results_tables
from tfx_pipeline.hub.properties import DatasetFacts
from tfx_pipeline.local.summary import Summary
from tfx_pipeline.space.repository import space_files
from tfx_pipeline.space.segmentation_app.model import Segmenter
from tfx_pipeline.space.segmentation_app.rendering import details_html
from tfx_pipeline.space.settings import SpaceSettings
from trainer.tensorboard import TensorBoardWriter

SPEC = load_spec("pets")
COUNTS = Counts(np.array([[6, 2, 0], [0, 9, 1], [1, 1, 4]]), np.array([[4, 2, 4, 2], [9, 9, 9, 9], [0, 0, 0, 0]]))
AT_MODEL_SIZE = ("mean_iou", "pixel_accuracy", "iou_pet", "iou_background", "iou_border", "boundary_f_score")
AT_BOTH_SIZES = (*AT_MODEL_SIZE, *(f"own_size_{name}" for name in AT_MODEL_SIZE))
FACTS = DatasetFacts(dataset="pets", version="1.0.0", image_size=32, manifest_sha256="0" * 64, records={}, spec=SPEC)
OWN_SIZE = "own size"  # part of all that people read of figures at the photos' own sizes
MEASURED_THERE = "measured at the photos' own sizes, too"


def error_rate(counts: Counts) -> np.ndarray:
    return 1 - np.trace(counts.matrix, axis1=-2, axis2=-1) / counts.matrix.sum(axis=(-2, -1))


def recall(counts: Counts) -> np.ndarray:
    return np.diagonal(counts.matrix, axis1=-2, axis2=-1) / counts.matrix.sum(axis=-1)


@pytest.fixture(params=["as they are", "with two more", MEASURED_THERE])
def shown(request, monkeypatch) -> list[metrics.Figure]:
    """Every figure, of the metrics as they are or of a longer list."""
    if request.param == "with two more":
        more = (
            Metric("error_rate", "error rate", error_rate, higher_is_better=False),
            Metric("recall", "recall", recall, per_class=True),
        )
        monkeypatch.setattr(metrics, "METRICS", METRICS + more)
    return figures(SPEC.class_names, at_own_size=request.param == MEASURED_THERE)


@pytest.fixture
def evaluation(shown) -> Evaluation:
    """One whose figures all differ in their third decimal."""
    values: dict = {}
    for number, figure in enumerate(shown):
        value = 0.501 + number / 1000
        if figure.class_name:
            values.setdefault(figure.metric.name, {})[figure.class_name] = value
        else:
            values[figure.metric.name] = value
    overall = SliceMetrics(10, values)
    matrix = tuple(tuple(row) for row in COUNTS.matrix.tolist())
    return Evaluation(overall, {"species": {"cat": overall}}, blessed=True, confusion_matrix=matrix)


def is_said_where_it_was_measured(text: str, shown: list[metrics.Figure]) -> bool:
    """Whether a text speaks of the photos' own sizes just where figures were measured there."""
    return (OWN_SIZE in text) == any(figure.metric.at_own_size for figure in shown)


def texts(evaluation: Evaluation, shown: list[metrics.Figure]) -> dict[str, str]:
    """Label to value, as people read it."""
    return {figure.label: f"{evaluation.overall.value(figure):.3f}" for figure in shown}


def test_the_list_holds_what_the_project_promises():
    assert {figure.name for figure in figures(SPEC.class_names)} == set(AT_MODEL_SIZE)
    assert {figure.name for figure in figures(SPEC.class_names, at_own_size=True)} == set(AT_BOTH_SIZES)


def test_a_figure_at_own_size_is_that_of_counts_at_own_size_under_another_name():
    at_own_size = [one for one in figures(SPEC.class_names, at_own_size=True) if one.metric.at_own_size]
    for one, other in zip(figures(SPEC.class_names), at_own_size, strict=True):
        assert other.label == f"{one.label} at the photos' own size"
        np.testing.assert_array_equal(one.of(COUNTS), other.of(COUNTS))


def test_evaluator_computes_every_figure(shown):
    at_own_size = any(figure.metric.at_own_size for figure in shown)
    config = eval_config(SPEC, EvaluationConfig(min_mean_iou=0.5), at_own_size)
    names = {json.loads(one.config)["name"] for one in config.metrics_specs[0].metrics if one.config}
    assert names >= {figure.name for figure in shown}
    assert any(name.startswith("own_size") for name in names) == at_own_size


def test_the_table_and_the_summary_of_a_run_have_every_figure(evaluation, shown, toy_version):
    summary = Summary(read_manifest(toy_version), evaluation, "model", "serving/1", {}, ())
    assert is_said_where_it_was_measured(summary.table(), shown)
    lines = [line.split() for line in summary.table().splitlines()]
    for label, value in texts(evaluation, shown).items():
        assert [*label.split(), value, value] in lines
    written = json.loads(summary.to_json())["metrics"]
    assert {name: written[name] for name in evaluation.overall.values} == evaluation.overall.values


def test_the_evaluation_page_has_every_figure(evaluation, shown, toy_version, tmp_path):
    path = tmp_path / "evaluation.html"
    write_evaluation_report(path, evaluation, "", read_manifest(toy_version), SPEC, Predictions(10, [], [], []))
    page = html.unescape(path.read_text())
    assert is_said_where_it_was_measured(page, shown)
    for figure in shown:
        label = figure._replace(class_id=None, class_name="", class_title="").label  # a class's is in the class's row
        assert f"{label}</th>" in page or f"{label} (smaller is better)</th>" in page
        assert f">{evaluation.overall.value(figure):.3f}</td>" in page


def test_the_model_card_has_every_figure_as_a_table_and_for_programs(evaluation, shown, toy_version):
    text = results_tables(FACTS, evaluation)
    assert is_said_where_it_was_measured(text, shown)
    for label, value in texts(evaluation, shown).items():
        assert f"| {label} | {value} |" in text
    results = eval_results(FACTS, DataSource(title="Pets", license="CC0-1.0", source="us"), evaluation)
    assert {one.metric_name for one in results} == {figure.title for figure in shown}


def test_both_apps_show_every_figure(evaluation, shown):
    settings = SpaceSettings(
        kind="gradio", model_repo="acme/pets", model_commit="0" * 40, title="Pets", runtime="litert", examples={}
    )
    space = json.loads(space_files(settings)["space.json"])
    info = {"dataset": "pets", "image_size": 32, "classes": SPEC.class_names, "metrics": evaluation.metrics()}
    page = details_html(Segmenter(lambda pixels: pixels, info, space["metrics"], "acme/pets"))
    assert is_said_where_it_was_measured(page, shown)
    for figure in shown:
        value = f"{evaluation.overall.value(figure):.3f}"
        expected = f"{figure.class_name} {value}" if figure.class_name else f"{figure.title}</dt><dd>{value}</dd>"
        assert expected in page
    script = (PROJECT_DIR / "tfx_pipeline" / "space" / "static_app" / "rendering.js").read_text(encoding="utf-8")
    assert "space.metrics" in script
    assert not [one.name for one in METRICS if f"metrics.{one.name}" in script]


def test_tensorboard_gets_every_figure_that_has_a_value(shown, tmp_path):
    TensorBoardWriter(str(tmp_path), SPEC).evaluation(1, COUNTS, 0.5)
    [file] = (tmp_path / "validation").iterdir()
    events = [event_pb2.Event.FromString(one.numpy()) for one in tf.data.TFRecordDataset(str(file))]
    tags = {value.tag for event in events for value in event.summary.value}
    assert tags - {"loss"} == {
        f"{figure.metric.name}/{figure.class_name}" if figure.class_name else figure.name
        for figure in shown
        if not figure.metric.at_own_size  # the evaluation of a training counts at the model's size, which is quick
    }


def test_only_the_list_names_metrics():
    """The mean IoU decides, and IoU finds the worst class; no other metric is named outside of `schemas.metrics`."""
    named = [one.name for one in METRICS if one.name not in ("mean_iou", "iou")]
    for room in ("beam_jobs", "trainer", "tfx_pipeline"):
        for path in (PROJECT_DIR / room).rglob("*.py"):
            source = path.read_text(encoding="utf-8")
            assert not [name for name in named if f'"{name}"' in source], path
