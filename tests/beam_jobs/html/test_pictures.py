"""Pictures of photos with their masks."""

import pytest

from beam_jobs.html.pictures import Picture, display_size, photo_and_overlay, same_again, triple
from tests.html_pages import Page

ONE = Picture("cat_1", 40, 20, b"photo", b"mask", b"prediction")


@pytest.mark.parametrize(
    ("pixels", "source", "shown"),
    [
        ((128, 128), (300, 600), (128, 64)),  # a record that was stretched
        ((128, 128), (600, 300), (64, 128)),
        ((128, 96), (), (128, 96)),
        ((128, 96), (1, 1), (128, 96)),  # of a record that does not say it
        ((2, 2), (10, 9000), (2, 1)),
    ],
)
def test_a_photo_is_shown_in_the_aspect_of_its_source_where_that_is_known(pixels, source, shown):
    assert display_size(pixels, source) == shown


def test_all_of_a_picture_is_drawn_in_its_aspect_and_each_file_is_in_the_page_once():
    page = Page(triple("one", ONE) + same_again("one", ONE) + photo_and_overlay("two", ONE))
    images = [attributes for tag, attributes in page.elements if tag == "image"]
    assert {(one["width"], one["height"]) for one in images} == {("40", "20")}
    assert [one["class"] for one in images] == ["photo", "truth", "predicted", "photo", "truth overlay"]
    targets = {attributes["id"] for _, attributes in page.elements if "id" in attributes}
    assert {attributes["href"][1:] for tag, attributes in page.elements if tag == "use"} <= targets
