"""A log says what its models call their classes, and in which colours they are drawn."""

import pytest

from beam_jobs.served.class_file import write_classes
from beam_jobs.served.shown_classes import plain_classes, read_shown_classes
from beam_jobs.storage.files import write_atomically
from schemas.served import classes_path

MODEL, OTHER = "4f6c2f0d9b1e", "0123456789ab"
NAMES = ("road", "traffic_sign")


def write(log, model=MODEL, titles=("Road", "Traffic sign"), classes=NAMES):
    write_classes(str(log), model, classes, titles, ((128, 64, 128), (220, 220, 0)), write_atomically)


def test_titles_and_colours_are_those_of_the_first_log_that_has_these_classes(tmp_path):
    write(tmp_path / "log", titles=("Strasse", "Schild"))
    write(tmp_path / "reference", classes=("road", "sky"))
    places = [(str(tmp_path / folder), MODEL) for folder in ("none", "reference", "log")]
    shown = read_shown_classes(sorted(NAMES), places)
    assert shown.names == NAMES
    assert shown.titles == {"road": "Strasse", "traffic_sign": "Schild"}
    assert shown.colors == {"road": "#804080", "traffic_sign": "#dcdc00"}


def test_classes_come_in_the_order_of_the_model_and_not_of_the_alphabet(tmp_path):
    write(tmp_path, classes=NAMES[::-1])
    assert read_shown_classes(NAMES, [(str(tmp_path), MODEL)]).names == NAMES[::-1]


@pytest.mark.parametrize(
    "content",
    [
        b"no JSON",
        b"[]",
        b"{}",
        b'{"classes": ["road", "traffic_sign"], "titles": ["Road", "Road"], "palette": [[1, 2, 3], [4, 5, 6]]}',
        b'{"classes": ["road", "traffic_sign"], "titles": ["Road", "Sign"], "palette": [[1, 2, 3], [4, 5, 600]]}',
        b'{"classes": ["road", "traffic_sign"], "titles": ["Road", "Sign"], "palette": [[1, 2, 3]]}',
        b'{"classes": ["road", "traffic_sign"], "titles": ["Road", "Si\\u2028gn"], "palette": [[1, 2, 3], [4, 5, 6]]}',
    ],
)
def test_a_damaged_file_leaves_the_names(tmp_path, content):
    (tmp_path / classes_path(MODEL)).write_bytes(content)
    assert read_shown_classes(NAMES, [(str(tmp_path), MODEL)]) == plain_classes(NAMES)


def test_a_model_whose_name_is_a_path_is_not_looked_for(tmp_path):
    write(tmp_path / "elsewhere")
    log = tmp_path / "log"
    (log / "classes-x").mkdir(parents=True)
    assert (log / classes_path(f"x/../../elsewhere/classes-{MODEL}")).is_file()  # so a path would lead there
    found = read_shown_classes(NAMES, [(str(log), f"x/../../elsewhere/classes-{MODEL}"), (str(log), OTHER)])
    assert found == plain_classes(NAMES)
