"""The table at the end of a run, for any number of classes and slices."""

import pytest

from schemas.manifest import read_manifest
from tfx_pipeline.evaluation.results import Evaluation, SliceMetrics
from tfx_pipeline.local.summary import Summary

CLASSES = [f"class_{number}" for number in range(14)]


def metrics(examples: int) -> SliceMetrics:
    iou = {name: None if name == "class_3" else 0.5 for name in CLASSES}
    interval = {} if examples == 20 else {"mean_iou": (0.4, 0.625)}
    values = {"mean_iou": 0.5, "pixel_accuracy": 0.75, "iou": iou, "boundary_f_score": 0.25}
    return SliceMetrics(examples, values, interval)


@pytest.fixture
def table(toy_version) -> list[str]:
    slices = {
        "city": {f"city_{number}": metrics(number) for number in range(7)},
        "conditions": {name: metrics(20) for name in ("day", "dusk", "rain_and_fog")},
    }
    evaluation = Evaluation(overall=metrics(60), slices=slices, blessed=True)
    summary = Summary(read_manifest(toy_version), evaluation, "model", "serving/1", {}, ())
    return summary.table().splitlines()


def test_each_class_has_a_line_and_the_slices_that_fit_a_column_the_smaller_slice_first(table):
    assert table[0].split()[-4:] == ["all", "day", "dusk", "rain_and_fog"]
    assert [line.split()[2] for line in table[6:20]] == CLASSES
    assert table[6].split()[3:] == ["0.500"] * 4
    assert [line.split() for line in (*table[1:6], table[20])] == [
        ["mean", "IoU", *["0.500"] * 4],
        ["95", "%", "from", "0.400", *"---"],
        ["to", "0.625", *"---"],
        ["pixel", "accuracy", *["0.750"] * 4],
        ["boundary", "F-score", *["0.250"] * 4],
        ["examples", "60", "20", "20", "20"],
    ]


def test_a_class_without_a_value_is_a_dash(table):
    assert table[9].split() == ["IoU", "of", "class_3", *"----"]


def test_no_line_is_wider_than_a_terminal(table):
    assert max(map(len, table)) <= 120
