"""The split `test`: read by nothing but one evaluation, at the end, of a model that is blessed."""

import json
from pathlib import Path

import pytest

from schemas.features import TEST
from schemas.metrics import MEAN_IOU
from schemas.version import read_version
from tests.tfx_pipeline.conftest import RECORDS, publish_toy
from tests.tfx_pipeline.local.toy_runs import GOOD, MIDDLING, PERFECT, numpy_ious, run_pipeline
from tests.tfx_pipeline.test_pipeline import compile_for_vertex
from tfx_pipeline.config.pipeline import load_config

TEST_RECORDS = 6


@pytest.fixture(scope="module")
def version(tmp_path_factory) -> Path:
    return publish_toy(tmp_path_factory.mktemp("published"), RECORDS | {TEST: TEST_RECORDS})


@pytest.fixture(scope="module")
def output(tmp_path_factory) -> Path:
    return tmp_path_factory.mktemp("output")


@pytest.fixture(scope="module")
def first(version, output):
    return run_pipeline(version, output, GOOD), (output / "evaluation.html").read_text()


@pytest.fixture(scope="module")
def better(version, output, first):
    return run_pipeline(version, output, PERFECT), (output / "evaluation.html").read_text()


def test_a_blessed_model_is_evaluated_on_test_and_reported_apart(first, version):
    run, page = first
    test = run.summary["test"]
    assert test["metrics"]["examples"] == TEST_RECORDS
    assert test["metrics"]["mean_iou"] == pytest.approx(numpy_ious(version, GOOD, split=TEST).mean(), abs=1e-6)
    low, high = test["metrics"]["intervals"]["mean_iou"]
    assert low <= test["metrics"]["mean_iou"] <= high
    assert run.summary["metrics"]["examples"] == RECORDS["eval"]
    assert f"on the test split: mean IoU {MEAN_IOU.text(test['metrics']['mean_iou'])}, 95 % from" in run.out
    assert "On the test split: mean IoU" in page
    assert "models from this folder" not in page


@pytest.mark.proof
def test_a_second_model_on_the_same_test_split_is_counted_and_said(better):
    run, page = better
    assert run.summary["test"]["models_evaluated"] == 2
    assert "2 models from this folder were evaluated on it" in page
    assert "2 models from this folder were evaluated on it" in run.out


def test_neither_trainer_nor_evaluator_opens_a_test_shard_and_a_model_that_is_not_blessed_gets_no_figure(tmp_path):
    version = publish_toy(tmp_path, RECORDS | {TEST: TEST_RECORDS})
    for shard in version.glob("examples/Split-test/*"):
        shard.write_bytes(b"whoever reads this fails")
    run = run_pipeline(version, tmp_path / "output", MIDDLING, min_mean_iou=0.99, run_fn="run_fn_noting_files")
    assert run.summary["blessed"] is False
    assert run.summary["test"] is None
    assert "on the test split: not evaluated, because the model is not blessed" in run.out
    [noted] = tmp_path.rglob("read.json")
    assert [Path(one).parent.name for one in json.loads(noted.read_text())] == ["Split-train", "Split-eval"]


def test_training_and_search_are_given_train_and_eval_alone(write_config, version, tmp_path):
    search = {"trials": 2, "epochs": 1, "search": {"learning_rate": [0.001, 0.01]}}
    config = load_config(write_config(tuning=search), data="gs://bucket/pets/1.0.0", output="gs://bucket/output")
    spec = json.loads(compile_for_vertex(config, read_version(version), tmp_path))["pipelineSpec"]
    tasks = spec["root"]["dag"]["tasks"]
    for step in ("Trainer", "Tuner"):
        assert TEST not in json.dumps(tasks[step]["inputs"]["parameters"]["train_args"])
        assert TEST not in json.dumps(tasks[step]["inputs"]["parameters"]["eval_args"])
    assert TEST not in json.dumps(tasks["Evaluator"]["inputs"]["parameters"]["example_splits"])
    assert TEST in json.dumps(tasks["TestEvaluator"]["inputs"]["parameters"]["example_splits"])
    assert set(tasks["TestEvaluator"]["inputs"]["artifacts"]) == {"examples", "model", "model_blessing"}
