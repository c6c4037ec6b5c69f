"""A photo to label keeps the name of its file, as far as that is safe; data decides nothing else."""

import pytest

from beam_jobs.monitor.photo_names import PhotoNames, original_name
from schemas.image_ids import image_id_of

KEPT = "photos/2026-11-29/11/4f6c2f0d9b1e-000007.jpg"


@pytest.mark.parametrize(
    ("original", "name"),
    [
        ("IMG 1 (2)", "IMG 1 (2).jpg"),
        ("Grüße_東京", "Grüße_東京.jpg"),
        ("day1/7", "day1_7.jpg"),
        ("=1+1", "~3D1~2B1.jpg"),
        ("a*b?[c]", "a~2Ab~3F~5Bc~5D.jpg"),
        ("C:evil", "C~3Aevil.jpg"),
        ("..", "~2E..jpg"),
        ("../../secret", "~2E.~2F..~2Fsecret.jpg"),
        ("tail ", "tail~20.jpg"),
        ("two\nlines", "two~0Alines.jpg"),
        ("con", "~63on.jpg"),
        ("-rf", "~2Drf.jpg"),
    ],
)
def test_a_photo_keeps_the_name_of_its_file_where_that_is_safe(original, name):
    assert PhotoNames().take(KEPT, image_id_of(original)) == name


@pytest.mark.parametrize("text", ["", "../../secret", "a/b", "a b", "~2f", "x" * 300, "nul\0"])
def test_a_record_whose_id_is_none_leaves_the_name_that_the_log_has(text):
    assert PhotoNames().take(KEPT, text) == "4f6c2f0d9b1e-000007.jpg"
    assert original_name(text) == ""


def test_photos_of_one_name_are_told_apart_also_where_capital_letters_do_not_count():
    names = PhotoNames()
    found = [names.take(KEPT, image_id_of(one)) for one in ("a", "A", "a", "a-2", "d/a", "d_a")]
    assert found == ["a.jpg", "A-2.jpg", "a-3.jpg", "a-2-2.jpg", "d_a.jpg", "d_a-2.jpg"]
    assert names.take(KEPT, "") == "4f6c2f0d9b1e-000007.jpg"
    assert names.take(KEPT, "") == "4f6c2f0d9b1e-000007-2.jpg"


def test_the_list_names_the_original_with_its_folder_and_never_as_a_formula():
    assert original_name(image_id_of("day 1/7")) == "day 1/7"
    assert original_name(image_id_of("=1+1")) == "~3D1~2B1"
    assert original_name(image_id_of("two\nlines")) == "two~0Alines"
