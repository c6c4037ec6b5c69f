"""Files of photos whose names differ only in case, or that Windows has for devices, stay apart on any file system."""

import random

import pytest

from beam_jobs.file_names import folded, told_apart, unreserved
from schemas.image_ids import MAX_ID_BYTES, image_id_of, is_image_id, name_of


def test_ordinary_names_stay_and_only_those_that_would_be_one_file_are_changed():
    assert told_apart(["cat"]) == {"cat": "cat"}
    assert told_apart(["写真"]) == {"写真": "写真"}
    names = told_apart(["cat", "Cat", "CAT"])
    assert names == {"CAT": "CAT", "Cat": "Cat~~48735c4f", "cat": "cat~~77af778b"}
    assert len({folded(one) for one in names.values()}) == 3


def test_the_names_do_not_depend_on_the_order_in_which_ids_come():
    ids = ["Straße", "STRASSE", "strasse", "STRAßE"]
    assert len({folded(one) for one in ids}) == 1
    found = []
    for seed in range(5):
        random.Random(seed).shuffle(ids)
        found.append(told_apart(ids))
    assert found == [found[0]] * 5


@pytest.mark.parametrize("name", ["con", "AUX", "nul.1", "com9", "LPT¹", "prn.tar"])
def test_the_name_of_a_device_of_windows_gets_its_first_letter_escaped_and_can_be_read_back(name):
    assert unreserved(name) != name
    assert unreserved(unreserved(name)) == unreserved(name)
    assert name_of(unreserved(name)) == name


@pytest.mark.parametrize("name", ["cone", "com", "com10", "console", "a.con", "_nul", "lpt0x", "con_1"])
def test_other_names_are_no_devices(name):
    assert unreserved(name) == name


def test_a_changed_name_is_no_id_of_another_photo_and_has_room_while_it_is_written():
    long = image_id_of("con." + "x" * 196), image_id_of("CON." + "x" * 196)
    changed = [*told_apart(["cat", "Cat"]).values(), *told_apart(["con"]).values(), *told_apart(long).values()]
    assert [one for one in changed if is_image_id(one)] == ["Cat"]
    assert max(len(one.encode()) for one in changed) + 41 <= 255
    assert len(long[0].encode()) == MAX_ID_BYTES
