"""Page and card say at which sizes pixels were counted, and show no figure twice or where it was not measured."""

import html
import re
from dataclasses import replace

import pytest

from schemas.manifest import read_manifest
from schemas.metrics import figures
from schemas.shipped import load_spec
from tfx_pipeline.evaluation.counted_size import size_in_words
from tfx_pipeline.evaluation.eval_predictions import Predictions
from tfx_pipeline.evaluation.page import write_evaluation_report
from tfx_pipeline.evaluation.results import Evaluation, SliceMetrics

PETS = load_spec("pets")


def metrics(at_own_size: bool) -> SliceMetrics:
    values: dict = {}
    for number, figure in enumerate(figures(PETS.class_names, at_own_size=at_own_size)):
        value = 0.5 + number / 1000
        if figure.class_name:
            values.setdefault(figure.metric.name, {})[figure.class_name] = value
        else:
            values[figure.metric.name] = value
    return SliceMetrics(10, values)


MATRIX = ((9, 1, 0), (0, 9, 1), (1, 0, 9))
HERE, BOTH = (Evaluation(metrics(one), {}, blessed=True, confusion_matrix=MATRIX) for one in (False, True))


@pytest.mark.parametrize(
    ("evaluation", "image_size", "words"),
    [
        (HERE, 0, "Pixels are counted at the photos' own size."),
        (HERE, "480x352", "Pixels are counted at the size of the records, 480x352."),
        (
            BOTH,
            128,
            "at the size of the records, 128x128, which decides what is blessed, and at the photos' own size: ",
        ),
    ],
    ids=["own sizes kept", "without masks at own size", "both"],
)
def test_the_sizes_are_said_once(evaluation, image_size, words):
    said = size_in_words(evaluation, image_size)
    assert words in said
    assert said.count("own size") == (evaluation is BOTH or image_size == 0)


def test_a_last_blessed_model_that_was_not_measured_there_is_shown_without_a_figure(tmp_path, toy_version):
    evaluation = replace(BOTH, baseline=HERE.overall, baseline_mean_iou=0.5)
    path = tmp_path / "evaluation.html"
    write_evaluation_report(path, evaluation, "", read_manifest(toy_version), PETS, Predictions(10, [], [], []))
    page = html.unescape(path.read_text())
    row = page[page.index("mean IoU at the photos' own size</th>") :].partition("</tr>")[0]
    assert re.findall(">([^<]+)</td>", row) == ["0.503", "-", "-", "-"]  # value, interval, last blessed, change
