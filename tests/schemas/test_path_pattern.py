"""Patterns match as an ordinary regular expression with greedy wildcards would, and in bounded time."""

import random
import re

import pytest

from schemas.path_pattern import PathPattern

GREEDY = {"{id}": "(?P<id>[^/]*)", "*": "[^/]*", "?": "[^/]"}


def greedy_id(pattern: str, name: str) -> str | None:
    pieces = re.split(r"(\{id\}|\*|\?)", pattern)
    visible = r"(?!\.)" if not pieces[0] else ""
    expression = visible + "".join(GREEDY.get(piece, re.escape(piece)) for piece in pieces)
    match = re.fullmatch(expression, name, re.DOTALL)
    return match["id"] if match else None


def test_every_wildcard_takes_as_much_as_it_can_the_first_one_first():
    chance = random.Random(0)
    matched = 0
    for _ in range(4_000):
        pieces = chance.choices(["*", "?", "a", "b", "_", "."], k=chance.randrange(6))
        pieces.insert(chance.randrange(len(pieces) + 1), "{id}")
        pattern = "".join(pieces).replace("**", "*") + "_"  # no extension, which has rules of its own
        name = "".join(chance.choices("ab_.", k=chance.randrange(8))) + "_"
        expected = greedy_id(pattern, name)
        assert PathPattern(pattern).id_of(name) == expected, (pattern, name)
        matched += expected is not None
    assert matched > 400


@pytest.mark.parametrize("pattern", ["*a" * 40 + "{id}.png", "{id}" + "a*" * 40 + "b.png", "?*" * 40 + "{id}_x.png"])
def test_dozens_of_stars_take_no_longer_than_one(pattern):
    assert PathPattern(pattern).id_of("a" * 250 + ".jpg") is None
    assert PathPattern(f"{pattern}/{{id}}.png").visits("a" * 250 + ".jpg") is False


@pytest.mark.parametrize(
    ("pattern", "name", "image_id"),
    [
        ("{id}.jpg", "pug_1.JPEG", "pug_1"),
        ("{id}.*", "a.b.jpg", "a.b"),
        ("*_{id}_x.png", "a_b_c_x.png", "c"),
        ("{id}.*", ".hidden.jpg", None),
        ("pug{id}.jpg", "pug.jpg", ""),
        ("{id}.jpg", "pug\n1.jpg", "pug\n1"),
    ],
)
def test_an_id_is_found(pattern, name, image_id):
    assert PathPattern(pattern).id_of(name) == image_id


def test_a_split_is_read_beside_dozens_of_stars():
    pattern = PathPattern("*{split:train|val|eval}*/" + "*a" * 40 + "{id}.png")
    assert pattern.split_of("my_eval_1/" + "a" * 60 + "7.png") == "eval"
    assert pattern.id_of("my_eval_1/" + "a" * 60 + "7.png") == "7"
    assert pattern.id_of("my_eval_1/" + "b" * 200 + ".png") is None
