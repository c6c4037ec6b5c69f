"""The score that masks are ranked by, on arrays."""

import numpy as np
import pytest

from schemas.features import IGNORE_ID
from tests.trainer.conftest import BACKGROUND, PET, draw
from tfx_pipeline.label_issues.ranking import limit_of
from tfx_pipeline.label_issues.scores import ClassSums, label_quality, softmin

SIDE, CLASSES = 64, 3
BLURRED = 0.1  # probability that the model leaves to each of the other two classes


def sums_of(mask, probabilities):
    labelled = (mask != IGNORE_ID)[..., None]
    truth = (mask[..., None] == np.arange(CLASSES)) * 1.0
    probabilities = probabilities * labelled
    terms = truth, probabilities, truth * probabilities, probabilities**2
    return ClassSums(*(one.sum((0, 1)) for one in terms))


def predicted_as(mask, doubt=BLURRED):
    return np.where(mask[..., None] == np.arange(CLASSES), 1 - 2 * doubt, doubt)


@pytest.fixture(name="mask")
def drawn_mask():
    return draw(3, SIDE)[1]


def test_a_mask_that_fits_the_prediction_scores_one_or_more_however_sure_the_model_is(mask):
    sure, unsure = (label_quality(sums_of(mask, predicted_as(mask, doubt))) for doubt in (0.02, 0.2))
    assert sure == pytest.approx(1, abs=0.1)
    assert unsure > sure


@pytest.mark.parametrize(
    "spoil",
    [
        lambda mask: np.where(mask == PET, BACKGROUND, np.where(mask == BACKGROUND, PET, mask)),
        lambda mask: np.roll(mask, SIDE // 3, axis=1),
        lambda mask: np.full_like(mask, BACKGROUND),
        lambda mask: draw(4, SIDE)[1],
    ],
    ids=["inverted", "shifted", "empty", "of another photo"],
)
def test_a_wrong_mask_scores_far_below_a_good_one(mask, spoil):
    good, wrong = (label_quality(sums_of(one, predicted_as(mask))) for one in (mask, spoil(mask)))
    assert wrong < good / 2


def test_an_unsure_model_accuses_less_than_a_sure_one(mask):
    shifted = np.roll(mask, SIDE // 8, axis=0)
    sure, unsure = (label_quality(sums_of(shifted, predicted_as(mask, doubt))) for doubt in (0.02, 0.25))
    assert sure < unsure


def test_ignored_pixels_and_classes_that_nothing_shows_do_not_count(mask):
    before = label_quality(sums_of(mask, predicted_as(mask)))
    half = mask.copy()
    half[: SIDE // 2] = IGNORE_ID
    assert label_quality(sums_of(half, predicted_as(mask))) == pytest.approx(before, abs=0.15)
    assert label_quality(sums_of(np.full_like(mask, IGNORE_ID), predicted_as(mask))) == 1.0
    absent = ClassSums(*(np.append(one, 0.0) for one in sums_of(mask, predicted_as(mask))))
    assert label_quality(absent) == before


def test_a_thin_class_among_many_that_the_model_sees_elsewhere_makes_no_mask_suspicious(mask):
    sums = [np.append(one, 0.0) for one in sums_of(mask, predicted_as(mask))]
    before = label_quality(ClassSums(*sums))
    pixels = mask.size
    for one, share in zip(sums, (0.02, 0.02, 1e-5, 0.015)):  # masked, predicted, shared, squared
        one[-1] = share * pixels
    assert label_quality(ClassSums(*sums)) == pytest.approx(before, rel=0.05)


def test_the_soft_minimum_is_the_formula_of_the_paper():
    values = np.array([0.0, 0.5, 1.0])
    weights = np.exp((1 - values) / 0.1)
    assert softmin(values) == pytest.approx(values @ weights / weights.sum())
    assert softmin(np.array([])) == 1.0


def test_scores_far_below_the_others_are_suspicious_and_few_of_an_even_crowd_are():
    crowd = np.random.default_rng(0).normal(0.9, 0.05, 300)
    limit = limit_of([*crowd, *[0.3] * 45])
    assert 0.3 < limit < np.quantile(crowd, 0.01)


def test_scores_that_lie_close_together_make_nothing_suspicious():
    assert limit_of([0.99] * 20 + [0.95]) < 0.95
