import pytest

from schemas.image_size import Sides, parse_image_size, pixels_text, scaled, sides


@pytest.mark.parametrize(
    ("given", "size"),
    [(128, 128), ("128", 128), ("128x128", 128), ("480x360", "480x360"), ("480X360", "480x360"), (0, 0), ("0x0", 0)],
)
def test_a_size_is_a_side_or_width_times_height_and_has_one_form(given, size):
    assert parse_image_size(given) == size


@pytest.mark.parametrize(
    "given", ["", "x360", "480x", "480x360x3", "-1", "480 x 360", 1.5, True, None, "480x0", "70000"]
)
def test_what_is_no_size_is_refused(given):
    with pytest.raises(ValueError, match="side"):
        parse_image_size(given)


def test_the_width_is_written_first_and_arrays_have_the_height_first():
    assert sides("480x360") == Sides(height=360, width=480) == (360, 480)
    assert sides(128) == (128, 128)
    assert (scaled("480x360", 2), scaled(64, 2)) == ("960x720", 128)
    assert (pixels_text("480x360"), pixels_text(128)) == ("480x360", "128x128")
