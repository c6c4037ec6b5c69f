"""Every model that was evaluated into an output folder leaves one line."""

from dataclasses import replace

import pytest

from schemas.errors import UserError
from schemas.manifest import read_manifest
from tfx_pipeline.config.output_layout import HISTORY_FILE
from tfx_pipeline.evaluation.results import Evaluation, SliceMetrics
from tfx_pipeline.local import history
from tfx_pipeline.local.history import note_run, read_history
from tfx_pipeline.local.summary import Summary


@pytest.fixture
def summary(toy_version):
    values = {"mean_iou": 0.5, "pixel_accuracy": 0.9, "boundary_f_score": 0.4, "iou": {"pet": 0.5, "border": None}}
    overall = SliceMetrics(examples=7, values=values, intervals={"mean_iou": (0.4, 0.6)})
    evaluation = Evaluation(overall=overall, slices={}, blessed=True, confusion_matrix=[])
    return Summary(read_manifest(toy_version), evaluation, "out/pipeline/Trainer/model/3/Format-Serving", None, {}, ())


def test_a_run_is_noted_with_its_data_its_figures_and_its_verdict(tmp_path, summary):
    note_run(tmp_path, summary)
    [run] = read_history(tmp_path)
    assert (run.dataset, run.version, run.manifest_sha256) == ("pets", "1.0.0", summary.manifest.sha256)
    assert (run.blessed, run.examples, run.interval) == (True, 7, (0.4, 0.6))
    assert (run.metrics["mean_iou"], run.metrics["iou_pet"], run.metrics["iou_border"]) == (0.5, 0.5, None)
    assert run.model == "Trainer/model/3/Format-Serving"


def test_the_same_model_judged_the_same_is_one_run_wherever_the_folder_lies_and_another_model_is_the_next(
    tmp_path, summary
):
    note_run(tmp_path, summary)
    note_run(tmp_path, replace(summary, model="moved/pipeline/Trainer/model/3/Format-Serving"))
    assert len(read_history(tmp_path)) == 1
    note_run(tmp_path, replace(summary, model="moved/pipeline/Trainer/model/4/Format-Serving"))
    assert [run.model.split("/")[2] for run in read_history(tmp_path)] == ["3", "4"]


def test_the_oldest_runs_make_room(tmp_path, summary, monkeypatch):
    monkeypatch.setattr(history, "MAX_RUNS", 2)
    for number in range(4):
        note_run(tmp_path, replace(summary, model=f"a/b/{number}/d"))
    assert [run.model.split("/")[2] for run in read_history(tmp_path)] == ["2", "3"]


def test_a_line_that_a_person_broke_ends_no_run_and_is_named_when_it_is_read(tmp_path, summary):
    (tmp_path / HISTORY_FILE).write_text("{}\n")
    note_run(tmp_path, summary)
    assert len((tmp_path / HISTORY_FILE).read_text().splitlines()) == 2
    with pytest.raises(UserError, match=rf"{HISTORY_FILE}:1: finished"):
        read_history(tmp_path)


def test_a_folder_without_runs_has_no_history(tmp_path):
    assert read_history(tmp_path) == []
