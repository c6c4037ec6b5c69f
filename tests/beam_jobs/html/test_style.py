"""The colours of the pages: texts can be read, and splits can be told apart, by people with deuteranopia, too."""

import itertools
import re

import pytest

from beam_jobs.html.style import STYLE
from schemas.features import SPLITS
from schemas.palettes import difference

READABLE = 4.5  # WCAG 2.2, 1.4.3: contrast of text
PAIRS = [
    *itertools.product(("ink", "muted", "train", "eval", "test", "bad", "good"), ("page", "card", "plane")),
    *(("bad", "bad-page"), ("ink", "bad-page"), ("good", "good-page"), ("card", "bad")),
    *(("card", state) for state in ("good", "look", "bad", "muted")),  # the signs of the lights
]


def colors(scheme):
    """Name to red, green and blue, as the style sheet defines them for light or dark."""
    light, dark, _ = re.findall(r":root \{(.*?)\}", STYLE, re.DOTALL)
    found = re.findall(r"--([a-z-]+): #([0-9a-f]{6})", light + (dark if scheme == "dark" else ""))
    return {name: tuple(bytes.fromhex(value)) for name, value in found}


def luminance(color):
    linear = [one / 255 / 12.92 if one <= 10 else ((one / 255 + 0.055) / 1.055) ** 2.4 for one in color]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def contrast(one, other):
    darker, lighter = sorted((luminance(one), luminance(other)))
    return (lighter + 0.05) / (darker + 0.05)


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_every_text_can_be_read_on_what_is_below_it(scheme):
    found = colors(scheme)
    ratios = {pair: contrast(*(found[name] for name in pair)) for pair in PAIRS}
    assert {pair: round(ratio, 2) for pair, ratio in ratios.items() if ratio < READABLE} == {}


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_splits_have_colours_that_can_be_told_apart(scheme):
    found = colors(scheme)
    assert min(difference(found[one], found[other]) for one, other in itertools.combinations(SPLITS, 2)) > 15
