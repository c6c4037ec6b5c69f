"""What is said of many things names a few of them and counts the others."""

import pickle

import pytest

from schemas.bounded_text import bounded_lines, clipped, enumerated, printable
from schemas.errors import LINES, UserError


@pytest.mark.parametrize(
    ("count", "text"),
    [
        (0, ""),
        (1, "0"),
        (3, "0, 1, 2"),
        (4, "0, 1, 2, 3"),  # "and 1 more" would be as long
        (5, "0, 1, 2 and 2 more"),
        (5_000, "0, 1, 2 and 4,997 more"),
    ],
)
def test_of_many_items_a_few_are_named_and_the_others_counted(count, text):
    assert enumerated(range(count), most=3) == text


def test_an_item_of_any_length_takes_no_more_than_a_sentence():
    assert len(enumerated(["x" * 100_000] * 1_000)) < 3_000


def test_a_long_text_keeps_its_start_and_its_end_where_the_remedy_stands():
    text = clipped("/data/photo.jpg: " + "x" * 10_000 + "; rename it", 100)
    assert text.startswith("/data/photo.jpg: ")
    assert text.endswith("; rename it")
    assert len(text) == 100
    assert clipped("short", 100) == "short"


def test_of_many_lines_the_first_are_shown_and_the_others_counted():
    assert bounded_lines(map(str, range(3)), most=3) == ["0", "1", "2"]
    assert bounded_lines(map(str, range(4)), most=3) == ["0", "1", "2", "3"]
    assert bounded_lines(map(str, range(5)), most=3) == ["0", "1", "2", "and 2 more"]


def test_what_moves_a_cursor_or_turns_letters_is_spelled_out():
    assert printable("a\x1b[2Jb\u202ec\udcff\x00") == "a\\x1b[2Jb\\u202ec\\udcff\\x00"
    assert printable("été, 写真\nnext") == "été, 写真\nnext"


def test_a_message_is_bounded_once_however_often_it_passes_between_processes():
    error = UserError("\n".join(f"config.yaml: {'x' * 5_000}; remove it \x1b[0m" for _ in range(10_000)))
    lines = str(error).split("\n")
    assert len(lines) == LINES + 1
    assert lines[-1] == f"and {10_000 - LINES:,} more"
    assert all(line.isprintable() and len(line) <= 1_000 for line in lines)
    assert str(pickle.loads(pickle.dumps(error))) == str(error)
