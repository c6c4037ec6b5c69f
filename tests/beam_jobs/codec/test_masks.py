from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from beam_jobs.codec.masks import decode_mask, resize_mask
from beam_jobs.rejections import InputRejected
from schemas.features import IGNORE_ID
from schemas.shipped import load_spec
from schemas.spec import DatasetSpec
from tests.beam_jobs.pictures import encode, flipped, gradient, trimap
from tests.png_writer import GREY, PALETTE, png

CASES = Path(__file__).parents[4] / "shared" / "cases"
PETS, STREETS = load_spec("pets"), load_spec("streets")
SIZE = (60, 40)


def read(data: bytes, size: tuple[int, int] = SIZE, image_size: int = 0) -> np.ndarray:
    return resize_mask(decode_mask(data, PETS, size), PETS, image_size)


def test_mask_values_become_class_ids():
    class_ids = read(encode(trimap(), "PNG"))
    assert class_ids.dtype == np.uint8
    np.testing.assert_array_equal(class_ids, np.asarray(trimap()) - 1)


def test_a_resized_mask_holds_only_class_ids_that_were_there():
    values = np.where(np.arange(2400).reshape(40, 60) % 2, 1, 3).astype(np.uint8)
    class_ids = read(encode(Image.fromarray(values), "PNG"), image_size=17)
    assert class_ids.shape == (17, 17)
    assert set(np.unique(class_ids)) <= {0, 2}


def test_a_mask_is_resized_to_a_width_and_a_height_like_its_photo():
    assert read(encode(trimap(), "PNG"), image_size="48x32").shape == (32, 48)


def test_ignored_values_become_the_id_of_no_class_and_several_values_can_mean_one_class():
    values = np.repeat(np.array([0, 8, 13, 254, 255], np.uint8), 480).reshape(40, 60)
    class_ids = resize_mask(decode_mask(encode(Image.fromarray(values), "PNG"), STREETS, SIZE), STREETS, 0)
    assert sorted(set(zip(values.ravel().tolist(), class_ids.ravel().tolist()))) == [
        (0, 0),
        (8, 8),
        (13, 8),
        (254, IGNORE_ID),
        (255, IGNORE_ID),
    ]


def test_a_mask_without_a_labelled_pixel_is_rejected():
    values = np.full((40, 60), 255, np.uint8)
    values[:, 1::2] = 254
    mask = decode_mask(encode(Image.fromarray(values), "PNG"), STREETS, SIZE)
    with pytest.raises(InputRejected, match="mask_all_ignored"):
        resize_mask(mask, STREETS, 32)


@pytest.mark.parametrize("interlaced", [False, True])
@pytest.mark.parametrize("depth", [1, 2, 4, 8])
def test_grey_masks_of_few_bits_hold_their_raw_values(depth, interlaced):
    values = np.arange(40 * 60).reshape(40, 60, 1).astype(np.uint16) % min(2**depth, 14)
    class_ids = resize_mask(decode_mask(png(values, GREY, depth, interlaced), STREETS, SIZE), STREETS, 0)
    np.testing.assert_array_equal(class_ids, np.where(values == 13, 8, values)[..., 0])


def test_a_mask_of_sixteen_bits_has_the_values_that_it_stores():
    wide = png(np.asarray(trimap(), np.uint16)[..., np.newaxis], GREY, 16)
    np.testing.assert_array_equal(read(wide), read(encode(trimap(), "PNG")))


@pytest.mark.skipif(not CASES.is_dir(), reason="needs the shared cases")
def test_masks_of_four_and_two_bits_of_the_shared_cases_are_not_scaled():
    found = set()
    for path in sorted((CASES / "mask-grey-4-bit").glob("*.png")):
        found |= set(np.unique(decode_mask(path.read_bytes(), STREETS, Image.open(path).size).values).tolist())
    assert found == {0, 1, 3}


def test_a_palette_mask_is_read_by_its_indices():
    palette = trimap()
    palette.putpalette([value for index in range(256) for value in (index, 255 - index, 7)])
    np.testing.assert_array_equal(read(encode(palette, "PNG")), np.asarray(trimap()) - 1)


def changed(value: int) -> Image.Image:
    values = np.asarray(trimap()).copy()
    values[0, :5] = value
    return Image.fromarray(values)


@pytest.mark.parametrize(
    ("data", "reason", "detail"),
    [
        (b"", "empty_mask", "zero bytes"),
        (b"what", "not_a_mask", "none of PNG"),
        (encode(trimap(), "PNG")[:60], "not_a_mask", "damaged"),
        (encode(trimap(), "PNG")[:-12], "not_a_mask", "truncated"),
        (flipped(encode(trimap(), "PNG")), "not_a_mask", "checksum"),
        (encode(gradient(), "PNG"), "not_a_mask", "has colours"),
        (encode(trimap(61, 40), "PNG"), "mask_size_differs", "61x40"),
        (encode(changed(7), "PNG"), "unknown_mask_value", "7 (5 pixels)"),
        (encode(Image.fromarray(np.full((40, 60), 2, np.uint8)), "PNG"), "mask_lacks_required_class", "'pet'"),
    ],
)
def test_a_mask_is_never_guessed(data, reason, detail):
    with pytest.raises(InputRejected) as rejected:
        read(data)
    assert rejected.value.reason == reason
    assert detail in rejected.value.detail


KNOWN_VALUES = {
    "that follow each other": (1, 2, 3),
    "and 255": (0, 1, 2, 255),
    "with gaps": (0, 100, 200),
    "at both ends": (0, 255),
    "all but one": tuple(sorted(set(range(256)) - {77})),
    "some of 16 bits": (3, 4, 300),
}


@pytest.mark.parametrize("values", KNOWN_VALUES.values(), ids=KNOWN_VALUES)
@pytest.mark.parametrize("color_type", [GREY, PALETTE])
def test_a_single_pixel_of_a_value_that_is_not_stated_rejects_the_mask(values, color_type):
    half = len(values) // 2
    classes = [{"name": "one", "mask_values": values[:half]}, {"name": "other", "mask_values": values[half:]}]
    spec = DatasetSpec.model_validate(
        {"name": "drawn", "image_path": "{id}.jpg", "mask_path": "{id}.png", "classes": classes}
    )
    palette = ((b"PLTE", bytes(np.repeat(np.arange(256, dtype=np.uint8), 3))),) if color_type == PALETTE else ()
    for value in range(256):
        pixels = np.full((16, 18, 1), values[0], np.uint16)
        pixels[5, 4] = value
        mask = png(pixels, color_type, 8, before_pixels=palette)
        if value in values:
            class_ids = resize_mask(decode_mask(mask, spec, (18, 16)), spec, 0)
            assert class_ids[5, 4] == (value in values[half:])
        else:
            with pytest.raises(InputRejected, match=rf"value {value} \(1 pixels\)"):
                decode_mask(mask, spec, (18, 16))


def test_a_pet_that_vanishes_in_the_resize_is_rejected():
    values = np.full((400, 600), 2, np.uint8)
    values[3, 3] = 1
    with pytest.raises(InputRejected, match="after the resize to 16"):
        read(encode(Image.fromarray(values), "PNG"), (600, 400), 16)
