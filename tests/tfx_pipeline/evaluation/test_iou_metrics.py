"""The interval of a figure says what follows about other photos, or nothing."""

import math

import numpy as np
import pytest
import tensorflow_model_analysis as tfma

from schemas.bootstrap import REPLICATES
from schemas.metrics import MEAN_IOU
from tfx_pipeline.evaluation.iou_metrics import _COUNTS, MEAN_IOU_CHANGE, SummedCounts, _computations

CLASSES = 2
PHOTO, OTHER = np.array([[30, 10, 5, 55, *[9, 7, 8, 6] * CLASSES, 1, 1], [60, 1, 2, 37, *[8, 8, 8, 8] * CLASSES, 1, 1]])


def summed(*drawn: np.ndarray) -> SummedCounts:
    """Sums of these counts, int64 [K], as one and the same weights draw them."""
    weights = np.random.default_rng(0).poisson(1.0, (REPLICATES, len(drawn)))
    return SummedCounts(np.sum(drawn, axis=0), weights @ np.array(drawn))


def ends_of(metric: str, **models: SummedCounts) -> list[float]:
    """The ends of a metric's interval of the first model."""
    sums = {tfma.metrics.MetricKey(name=_COUNTS, model_name=name): one for name, one in models.items()}
    ends = []
    for bound in ("low", "high"):
        _, derived, *_ = _computations(metric, CLASSES, bound, None, bound, model_names=list(models))
        ends += derived.result(sums).values()
    return ends


def interval(*drawn: np.ndarray) -> list[float]:
    """The ends of the interval of the mean IoU, where these counts, int64 [K], are drawn."""
    return ends_of(MEAN_IOU.name, candidate=summed(*drawn))


def answer(matrix: np.ndarray, own_matrix: np.ndarray | None) -> dict[str, np.ndarray]:
    """What a model's `evaluate` returns for one example; without `own_matrix` as models of earlier versions do."""
    names = ("confusion_matrix", "boundary_counts", "own_size_confusion_matrix", "own_size_boundary_counts")
    counts = [
        one for matrix in (matrix, own_matrix) for one in (matrix, np.ones(4 * CLASSES, int)) if matrix is not None
    ]
    return {"fingerprint": np.array([7]), **dict(zip(names, counts))}


def evaluated(metric: str, *answers: dict[str, np.ndarray]) -> float:
    """A metric at the photos' own sizes, as Evaluator computes it."""
    counted, derived = _computations(metric, CLASSES, metric, None, None, at_own_size=True)
    total = counted.combiner.create_accumulator()
    for one in answers:
        inputs = tfma.metrics.StandardMetricInputs({"predictions": one})
        total = counted.combiner.add_input(total, inputs)
    [value] = derived.result(counted.combiner.extract_output(total)).values()
    return value


def test_figures_at_own_size_are_those_of_its_counts_and_have_no_value_where_nothing_was_counted():
    small, large = np.array([3, 1, 1, 3]), np.array([40, 0, 10, 50])
    both = answer(small, large), answer(small, large)
    assert evaluated("mean_iou", *both) == pytest.approx(0.6)
    assert evaluated("own_size_mean_iou", *both) == pytest.approx((40 / 50 + 50 / 60) / 2)
    for other in (answer(small, np.zeros(4, int)), answer(small, None)):
        assert evaluated("mean_iou", other) == pytest.approx(0.6)
        assert math.isnan(evaluated("own_size_mean_iou", other))


def test_photos_that_differ_have_an_interval():
    low, high = interval(PHOTO, OTHER)
    assert low < high


@pytest.mark.parametrize("scale", [1, 10**9])
def test_one_photo_or_one_group_has_none_however_many_pixels_it_holds(scale):
    assert all(map(math.isnan, interval(PHOTO * scale)))


def test_a_perfect_model_keeps_its_interval():
    perfect = [np.array([pets, 0, 0, 100 - pets, *[9, 9, 9, 9] * CLASSES, 1, 1]) for pets in (20, 60, 40)]
    assert interval(*perfect) == [1.0, 1.0]


def test_a_change_is_as_sure_as_the_two_models_differ_on_the_same_photos():
    before = [PHOTO, OTHER, PHOTO + 3]
    better = [one + np.array([5, -1, -1, 5, *[0] * 4 * CLASSES, 0, 0]) for one in before]
    low, high = ends_of(MEAN_IOU_CHANGE, candidate=summed(*better), baseline=summed(*before))
    assert 0 < low < high
    alone = interval(*better)
    assert high - low < (alone[1] - alone[0]) / 3  # photos that are hard for both do not count
    assert ends_of(MEAN_IOU_CHANGE, candidate=summed(*before), baseline=summed(*before)) == [0.0, 0.0]


def test_without_a_last_blessed_model_there_is_no_change():
    assert all(map(math.isnan, ends_of(MEAN_IOU_CHANGE, candidate=summed(PHOTO, OTHER))))
