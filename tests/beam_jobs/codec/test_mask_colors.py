"""Palettes that give one value two colours, or one colour two values, betray masks whose values mean other classes."""

import itertools
import re

import numpy as np
import pytest
from PIL import Image

from beam_jobs.codec.mask_colors import colors_of, find_contradiction, merge_colors
from beam_jobs.codec.masks import decode_mask
from beam_jobs.rejections import InputRejected
from schemas.shipped import load_spec
from tests.beam_jobs.jobs import prepare
from tests.beam_jobs.pictures import encode, trimap

PETS = load_spec("pets")
SIZE = (60, 40)
RED, GREEN, BLUE, GREY = (200, 0, 0), (0, 200, 0), (0, 0, 200), (90, 90, 91)


def painted(*palette: tuple[int, int, int], values: np.ndarray | None = None) -> bytes:
    """A trimap as a palette image; the first colour is that of value 0, which it doesn't use."""
    image = trimap() if values is None else Image.fromarray(values)
    image = image.copy()
    image.putpalette([channel for color in palette for channel in color])
    return encode(image, "PNG")


def said_by(image_id: str, *palette: tuple[int, int, int], values: np.ndarray | None = None):
    colors = decode_mask(painted(*palette, values=values), PETS, SIZE).colors
    return colors_of(image_id, f"masks/{image_id}.png", colors)


def without_border() -> np.ndarray:
    values = np.asarray(trimap()).copy()
    values[values == 3] = 2
    return values


def test_masks_of_one_palette_do_not_contradict_each_other_whatever_they_leave_unused():
    one = said_by("a", GREY, RED, GREEN, BLUE)
    other = said_by("b", RED, RED, GREEN, GREY, values=without_border())  # value 3 is another colour, but unused
    assert find_contradiction(merge_colors([one, other])) is None


def test_a_value_of_two_colours_names_two_masks_both_colours_and_the_remedy():
    found = merge_colors([said_by("b", GREY, RED, GREEN, BLUE), said_by("a", GREY, GREEN, RED, BLUE)])
    assert find_contradiction(found) == (
        "value 1 is #00c800 in masks/a.png, but #c80000 in masks/b.png; save masks as grey PNG whose values are the"
        " class values, or all with one palette"
    )


def test_a_colour_of_two_values_is_a_contradiction_where_no_palette_has_it_twice():
    one = said_by("a", GREY, RED, GREEN, BLUE, values=without_border())
    swapped = without_border()
    swapped[swapped == 2] = 3
    other = said_by("b", GREY, RED, BLUE, GREEN, values=swapped)
    assert "#00c800 is value 2 in masks/a.png, but 3 in masks/b" in find_contradiction(merge_colors([one, other]))
    twice = said_by("b", GREY, RED, GREEN, GREEN, values=swapped)
    assert find_contradiction(merge_colors([said_by("a", GREY, RED, GREEN, GREEN), twice])) is None


def test_the_two_masks_that_are_named_depend_on_no_order():
    palettes = [[RED, GREEN, BLUE], [GREEN, RED, BLUE], [BLUE, RED, GREEN], [GREEN, RED, BLUE]]
    said = [said_by(image_id, GREY, *palette) for image_id, palette in zip("dbca", palettes)]
    found = {find_contradiction(merge_colors(order)) for order in itertools.permutations(said)}
    found |= {
        find_contradiction(merge_colors([merge_colors(order[:2]), merge_colors(order[2:])]))
        for order in itertools.permutations(said)
    }
    assert len(found) == 1
    assert "masks/a.png" in found.pop()


def test_what_is_kept_is_bounded_however_many_colours_there_are():
    said = [said_by(f"{one:03}", GREY, (one, 0, 1), (one, 0, 2), (one, 0, 3)) for one in range(256)]
    found = merge_colors(said)
    assert {len(sides) for sides in found.colors.values()} == {2}
    assert len(found.values) <= 256
    assert "masks/000.png, but #010001 in masks/001.png" in find_contradiction(found)


def test_a_value_in_the_colour_of_another_class_rejects_the_mask():
    pet, background, border = PETS.palette
    assert decode_mask(painted(GREY, pet, background, border), PETS, SIZE).colors
    with pytest.raises(
        InputRejected, match=r"mask_colors_differ: value 1, which means 'pet', is #1f3b57 .*'background'"
    ):
        decode_mask(painted(GREY, background, pet, border), PETS, SIZE)


@pytest.mark.proof
def test_a_version_of_masks_whose_palettes_differ_is_withheld_and_mixed_grey_and_palette_masks_are_not(
    photos, tmp_path, capsys
):
    masks = photos / "annotations" / "trimaps"
    for number in range(3, 20):
        (masks / f"pug_{number}.png").write_bytes(painted(GREY, RED, GREEN, BLUE))
    assert prepare(photos, tmp_path / "data") == 0
    (masks / "pug_12.png").write_bytes(painted(GREY, GREEN, RED, BLUE))
    capsys.readouterr()
    assert prepare(photos, tmp_path / "data", "1.0.1") == 1
    assert re.search(
        r"mask palettes\s+value 1 is #\w+ in \S*trimaps/pug_1\d.png, but #\w+ in \S*", capsys.readouterr().err
    )
    assert not (tmp_path / "data" / "pets" / "1.0.1").exists()
