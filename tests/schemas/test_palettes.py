"""Colours can be told apart, also by people with deuteranopia."""

import itertools

import pytest

from schemas.colors import GREY, ignored_color
from schemas.palettes import difference, least_difference, unlike_colors
from schemas.shipped import load_spec
from schemas.shorthand import class_colors, expand

AT_A_GLANCE = 10  # Delta E


def test_red_and_green_of_one_lightness_are_alike_to_people_with_deuteranopia_and_blue_and_yellow_are_not():
    assert difference((200, 80, 60), (120, 130, 50)) < AT_A_GLANCE
    assert difference((40, 80, 220), (240, 210, 40)) > 100
    assert difference((10, 20, 30), (10, 20, 30)) == 0


@pytest.mark.parametrize("name", ["pets", "streets"])
def test_the_data_sets_that_ship_have_colours_that_can_be_told_apart_at_a_glance(name):
    palette = load_spec(name).palette
    least, one, other = least_difference([*palette, ignored_color(palette)])
    assert least > 1.5 * AT_A_GLANCE, f"{one} and {other}"


@pytest.mark.parametrize(("count", "least"), [(4, 50), (12, 25), (30, 14), (50, 8)])
def test_proposed_colours_differ_as_much_as_so_many_can(count, least):
    assert least_difference([*class_colors(count), GREY])[0] > least


def test_a_proposed_colour_is_unlike_those_that_a_person_has_given():
    given = {"name": "sky", "mask_values": [0], "color": "#0000f0"}
    [_, other] = expand({"name": "x", "classes": [given, "road"]})["classes"]
    assert difference(tuple(bytes.fromhex(other["color"][1:])), (0, 0, 240)) > 5 * AT_A_GLANCE


def test_the_series_goes_on_for_more_classes_than_there_are_colours_to_choose_from():
    assert len(list(itertools.islice(unlike_colors(), 400))) == 400
