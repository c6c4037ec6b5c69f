"""Patterns match as an ordinary regular expression with greedy wildcards would, and in bounded time."""

import random
import re

import pytest

from schemas.path_pattern import PathPattern, check_path_pattern

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


@pytest.mark.parametrize(
    ("pattern", "path", "image_id"),
    [
        ("photos/{id:path}.jpg", "photos/0001.jpg", "0001"),
        ("photos/{id:path}.jpg", "photos/a/b/0001.JPG", "a/b/0001"),
        ("photos/{id:path}_left.png", "photos/a/0001_left.png", "a/0001"),
        ("photos/{id:path}.jpg", "photos/.trash/0001.jpg", None),
        ("photos/{id:path}.jpg", "photos/a/._0001.jpg", None),
        ("{id:path}.*", "__MACOSX/a.jpg", None),
        ("{id:path}.*", "a/Thumbs.db", None),
        ("{id}/images/{id}.jpg", "a/images/0001.jpg", "a/0001"),
        ("{id}/images/{id}.jpg", "a/masks/0001.jpg", None),
        ("scene_{id}/*/{id}.jpg", "scene_7/x/1.jpg", "7/1"),
        ("{id:train|val}/{id}.jpg", "val/1.jpg", "val/1"),
        ("{id:train|val}annot/{id}.png", "valannot/1.png", "val/1"),
        ("{id:train|val}/{id:path}.jpg", "train/a/1.jpg", "train/a/1"),
        ("img_{id}/{id:path}_x.jpg", "img_a/_x.jpg", ""),
    ],
)
def test_an_id_may_span_folders(pattern, path, image_id):
    assert PathPattern(check_path_pattern(pattern)).id_of(path) == image_id


def test_a_split_may_be_a_part_of_the_id():
    assert PathPattern("{id:train|val}annot/{id}.png").split_of("valannot/1.png") == "eval"
    assert PathPattern("{id:train|val}annot/{id}.png").names_splits


@pytest.mark.parametrize("pattern", ["a_{id:path}.jpg", "{id:path}/{id}.jpg", "{id}{id}/{id}.jpg", "{id:path}{id}.jpg"])
def test_an_id_that_could_be_read_in_two_ways_is_refused(pattern):
    with pytest.raises(ValueError, match=r"\{id"):
        check_path_pattern(pattern)


def test_folders_of_any_depth_are_searched_where_the_id_spans_them():
    pattern = PathPattern("photos/{id:path}.jpg")
    assert pattern.visits("photos")
    assert pattern.visits("photos/a/b")
    assert not pattern.visits("masks")
    assert not pattern.visits("photos/.git")
    assert pattern.glob == "photos/**/*.jpg"
