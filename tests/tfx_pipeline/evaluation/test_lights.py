"""The evaluation page's first row: each light is on for what it is about."""

from dataclasses import replace

import pytest

from beam_jobs.html.lights import BAD, GOOD, LOOK, UNKNOWN
from tfx_pipeline.evaluation.lights import model_lights
from tfx_pipeline.evaluation.results import BlindClass, Evaluation, SliceMetrics


def metrics(mean_iou=0.7, examples=60, **others):
    return SliceMetrics(examples, {"mean_iou": mean_iou, "iou": {"road": 0.8, "sky": 0.6}, **others})


FINE = Evaluation(metrics(), {}, baseline_mean_iou=0.69, blessed=True, titles=("Road", "Sky"))
BLIND = BlindClass("sky", 0.0, 0.1, 5, 60, allowed=False, title="Sky")


def lights(**changes):
    return {one.name: one for one in model_lights(replace(FINE, **changes))}


def test_all_is_in_order_where_nothing_is_wrong():
    assert {name: (one.state, one.text) for name, one in lights().items()} == {
        "Floors": (GOOD, "all are met"),
        "Last blessed": (GOOD, "mean IoU 0.700, +0.010"),
        "Classes": (GOOD, "all are seen; the weakest is Sky, IoU 0.600"),
    }


SEASONS = {"winter": metrics(0.55), "summer": metrics(0.75), "autumn": metrics(0.1, examples=3)}


@pytest.mark.parametrize(
    ("changes", "name", "state", "text"),
    [
        ({"blessed": False, "reasons": ["one", "two"]}, "Floors", BAD, "2 not met"),
        ({"baseline_mean_iou": 0.705}, "Last blessed", LOOK, "mean IoU 0.700, -0.005"),
        ({"baseline_mean_iou": None}, "Last blessed", UNKNOWN, "mean IoU 0.700; there was none before"),
        ({"blind": (BLIND,)}, "Classes", BAD, "blind to Sky"),
        ({"blind": (replace(BLIND, allowed=True),)}, "Classes", LOOK, "blind to Sky"),
        ({"overall": metrics(iou={"road": 0.8, "sky": None})}, "Classes", LOOK, "not judged: Sky"),
        ({"overall": metrics(own_size_mean_iou=0.65)}, "Own size", GOOD, "mean IoU 0.650 as people see it"),
        ({"overall": metrics(own_size_mean_iou=0.5)}, "Own size", LOOK, "mean IoU 0.500 as people see it"),
        ({"slices": {"season": SEASONS}}, "By season", LOOK, "weakest: winter, 0.550"),
        ({"slices": {"season": {"summer": metrics(0.75)}}}, "By season", GOOD, "weakest: summer, 0.750"),
        ({"slices": {"season": {"autumn": metrics(0.1, 3)}}}, "By season", UNKNOWN, "no value has 20 images"),
    ],
)
def test_a_light_says_what_was_found(changes, name, state, text):
    found = lights(**changes)[name]
    assert (found.state, found.text) == (state, text)
