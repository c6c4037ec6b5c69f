"""Colours of masks: each means one thing, and ignored pixels look like no class."""

import colorsys

import numpy as np
import pytest

from schemas.colors import ALIKE, CLEAR, GREY, color_table, distinct_color, first_alike, ignored_color, unknown_color
from schemas.errors import UserError
from schemas.features import IGNORE_ID
from schemas.frozen_model import parse_model
from schemas.shipped import load_spec
from schemas.spec import DatasetSpec

CAMVID_SKY = "#808080"


def spec_with(*colors: str) -> DatasetSpec:
    values = load_spec("streets").model_dump() | {"slices": (), "rules": (), "thresholds": {}}
    classes = [{"name": f"class_{i}", "mask_values": [i], "color": color} for i, color in enumerate(colors)]
    return parse_model(DatasetSpec, values | {"classes": classes}, "dataset.yaml")


def distance(one, other) -> float:
    return float(np.linalg.norm(np.subtract(one, other)))


def rainbow(count: int) -> list[str]:
    """Colours of many classes, none alike."""
    rgb = (colorsys.hsv_to_rgb(i / count, 1 - i % 3 / 4, 1 - i % 4 / 5) for i in range(count))
    return [f"#{round(255 * r):02x}{round(255 * g):02x}{round(255 * b):02x}" for r, g, b in rgb]


@pytest.mark.parametrize("name", ["pets", "streets"])
def test_ignored_pixels_of_the_data_sets_that_ship_are_grey(name):
    assert ignored_color(load_spec(name).palette) == (126, 126, 126)


def test_ignored_pixels_move_away_from_a_grey_class_such_as_camvids_sky():
    spec = spec_with(CAMVID_SKY, "#800000", "#000000")
    assert all(distance(ignored_color(spec.palette), color) >= CLEAR for color in spec.palette)
    assert ignored_color(spec.palette) == distinct_color(GREY, spec_with(CAMVID_SKY, "#800000", "#000000").palette)


def test_unknown_values_look_like_neither_a_class_nor_ignored_pixels():
    spec = spec_with("#ff00ff", CAMVID_SKY)
    others = (*spec.palette, ignored_color(spec.palette))
    assert all(distance(unknown_color(spec.palette), color) >= CLEAR for color in others)


def test_among_very_many_classes_the_farthest_colour_is_taken():
    taken = spec_with(*rainbow(250)).palette
    chosen = distinct_color(taken[0], taken)
    assert min(distance(chosen, color) for color in taken) > ALIKE


def test_each_class_id_has_its_colour_and_everything_else_is_ignored():
    spec = spec_with(CAMVID_SKY, "#800000")
    table = color_table(spec.palette)
    np.testing.assert_array_equal(table[:2], spec.palette)
    np.testing.assert_array_equal(table[IGNORE_ID], ignored_color(spec.palette))


def test_two_classes_that_look_the_same_are_refused():
    assert first_alike(((0, 0, 0), (9, 0, 0), (3, 0, 4))) == (0, 2)
    with pytest.raises(UserError, match="classes: class_2 looks like class_0, #102030; give it another color"):
        spec_with("#102030", "#ffffff", "#102033")
