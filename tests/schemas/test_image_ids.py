"""An id is made of any name, can be turned back into it, and is safe wherever an id goes."""

import random
import re
import unicodedata

import pytest

from schemas.image_ids import MAX_ID_BYTES, image_id_of, is_image_id, name_of, shown_name

HOSTILE = [
    *(
        "IMG 1 (2)",
        "a@2x",
        "a/0001",
        "../../etc/passwd",
        "/etc/passwd",
        "..",
        ".hidden",
        "-rf",
        "a~20b",
        "a%20b",
        "~",
        "~~",
    ),
    *(
        "pug_1\n",
        "pug_\x1b[2J",
        "pug_\u202egpj",
        "\u3164",
        "e \u0301",
        "[1]",
        "*",
        "?",
        "a\\b",
        "C:x",
        "'\";$HOME",
        "nul\0",
    ),
]


@pytest.mark.parametrize("name", ["pug_1", "_DSC1234", "a.b-c", "Über", "写真", "हिन्दी", "фото_1", "0001TP_006690"])
def test_ordinary_names_of_any_script_are_their_own_ids(name):
    assert image_id_of(name) == name
    assert is_image_id(name)


@pytest.mark.parametrize("name", HOSTILE)
def test_what_is_not_safe_is_escaped_and_can_be_turned_back(name):
    image_id = image_id_of(name)
    assert re.fullmatch(r"[A-Za-z0-9_][A-Za-z0-9_.~-]*|~[A-Za-z0-9_.~-]+", image_id)
    assert name_of(image_id) == name
    assert is_image_id(image_id)
    assert shown_name(image_id).isprintable()


def test_different_names_have_different_ids():
    rng = random.Random(0)
    names = {"".join(rng.choices("ab~2F%/. \u0301é\u200bé", k=rng.randrange(1, 8))) for _ in range(20_000)}
    composed = {unicodedata.normalize("NFC", name) for name in names}
    assert len({image_id_of(name) for name in composed}) == len(composed) > 10_000
    assert all(name_of(image_id_of(name)) == name for name in composed)


def test_composed_and_decomposed_accents_are_one_name():
    assert image_id_of("U\u0308ber") == image_id_of("Über") == "Über"


def test_an_id_is_bounded_in_bytes_and_names_that_begin_alike_stay_apart():
    first, second = image_id_of("写" * 300 + "1"), image_id_of("写" * 300 + "2")
    assert first != second
    assert first[:40] == second[:40] == "写" * 40
    for one in (first, second, image_id_of("x" * 100_000), image_id_of("/" * 300)):
        assert MAX_ID_BYTES - 3 <= len(one.encode()) <= MAX_ID_BYTES
        assert is_image_id(one)


@pytest.mark.parametrize(
    "text", ["", "a b", "../x", "a/b", ".x", "-x", "a~2f", "a~41", "a~2", "a~~b", "x" * 201, "\ud800"]
)
def test_a_text_that_no_name_gives_is_no_id(text):
    assert not is_image_id(text)
