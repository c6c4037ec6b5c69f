"""What may be wrong with a mask, from a good prediction."""

import numpy as np
import pytest

from schemas.features import IGNORE_ID
from tests.trainer.conftest import BACKGROUND, BORDER, PET, draw
from tfx_pipeline.label_issues.suspicions import Pair, suspect

SIDE = 64
TITLES = ("pet", "background", "border")


def of(mask, predicted=None, others=None):
    truth = draw(3, SIDE)[1] if predicted is None else predicted
    return suspect({"photo": Pair(mask, truth), **(others or {})}, TITLES)["photo"]


@pytest.fixture(name="mask")
def drawn_mask():
    return draw(3, SIDE)[1]


def moved(mask, down, right):
    """The mask moved by rows and columns; what comes in is background."""
    found = np.full_like(mask, BACKGROUND)
    found[max(0, down) : SIDE + min(0, down), max(0, right) : SIDE + min(0, right)] = mask[
        max(0, -down) : SIDE - max(0, down), max(0, -right) : SIDE - max(0, right)
    ]
    return found


def test_two_classes_in_each_others_place_are_named(mask):
    inverted = np.array([BACKGROUND, PET, BORDER], np.uint8)[mask]
    assert of(inverted) == ("inverted", "pet and background in each other's place")


@pytest.mark.parametrize(
    ("down", "right", "words"),
    [
        (-16, 0, "by 25 % up"),
        (8, 16, "by 12 % down and 25 % to the right"),
        (0, -20, "by 31 % to the left"),
    ],
)
def test_a_shift_is_measured_and_its_way_is_that_of_the_mask(mask, down, right, words):
    kind, detail = of(moved(mask, down, right))
    assert (kind, detail) == ("shifted", words)


def test_a_mask_that_belongs_to_another_photo_names_that_photo():
    one, other = (draw(index, SIDE)[1] for index in (5, 2))
    one, other = moved(one, 0, -12), moved(np.where(other == PET, BORDER, other), 10, 12)
    pairs = {"one": Pair(other, one), "other": Pair(one, other)}
    assert suspect(pairs, TITLES) == {"one": ("swapped", "fits other"), "other": ("swapped", "fits one")}


def test_a_mask_of_one_class_and_one_without_a_class_say_so(mask):
    assert of(np.full_like(mask, BACKGROUND)) == ("empty", "nothing but background")
    assert of(np.where(mask == PET, BORDER, mask)) == ("missing_class", "no pet")


def test_a_fragment_of_a_mask_is_incomplete(mask):
    rows = np.indices(mask.shape)[0]
    lower = rows > np.quantile(rows[mask == PET], 0.4)
    fragment = np.where((mask != BACKGROUND) & lower, np.uint8(BACKGROUND), mask)
    assert of(fragment) == ("incomplete", "little pet")


def test_where_no_rule_explains_it_the_mask_just_differs(mask):
    pieces = np.where(np.indices(mask.shape).sum(0) // 16 % 2, mask, np.uint8(BORDER))
    assert of(pieces).kind == "disagrees"


def test_ignored_pixels_and_photos_of_several_sizes_are_no_obstacle(mask):
    ignored = np.array([BACKGROUND, PET, BORDER], np.uint8)[mask]
    ignored[:10] = IGNORE_ID
    small = draw(1, 32)[1]
    assert of(ignored, others={"small": Pair(small, small)}).kind == "inverted"
    assert of(np.full_like(mask, IGNORE_ID)).kind == "disagrees"
