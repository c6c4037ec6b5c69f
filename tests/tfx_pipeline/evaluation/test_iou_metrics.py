"""The interval of a figure says what follows about other photos, or nothing."""

import math

import numpy as np
import pytest
import tensorflow_model_analysis as tfma

from schemas.metrics import MEAN_IOU
from tfx_pipeline.evaluation.iou_metrics import _COUNTS, REPLICATES, SummedCounts, _computations

CLASSES = 2
PHOTO, OTHER = np.array([[30, 10, 5, 55, *[9, 7, 8, 6] * CLASSES, 1, 1], [60, 1, 2, 37, *[8, 8, 8, 8] * CLASSES, 1, 1]])


def interval(*drawn: np.ndarray) -> list[float]:
    """The ends of the interval of the mean IoU, where these counts, int64 [K], are drawn."""
    weights = np.random.default_rng(0).poisson(1.0, (REPLICATES, len(drawn)))
    sums = SummedCounts(np.sum(drawn, axis=0), weights @ np.array(drawn))
    ends = []
    for bound in ("low", "high"):
        *_, derived = _computations(MEAN_IOU.name, CLASSES, bound, None, bound)
        ends += derived.result({tfma.metrics.MetricKey(name=_COUNTS, model_name=""): sums}).values()
    return ends


def test_photos_that_differ_have_an_interval():
    low, high = interval(PHOTO, OTHER)
    assert low < high


@pytest.mark.parametrize("scale", [1, 10**9])
def test_one_photo_or_one_group_has_none_however_many_pixels_it_holds(scale):
    assert all(map(math.isnan, interval(PHOTO * scale)))


def test_a_perfect_model_keeps_its_interval():
    perfect = [np.array([pets, 0, 0, 100 - pets, *[9, 9, 9, 9] * CLASSES, 1, 1]) for pets in (20, 60, 40)]
    assert interval(*perfect) == [1.0, 1.0]
