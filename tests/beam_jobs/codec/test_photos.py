import io
import zlib

import numpy as np
import pytest
from PIL import Image

from beam_jobs.codec.photos import OTHERS, decode_photo, misnamed, resize_photo
from beam_jobs.rejections import InputRejected
from tests.beam_jobs.pictures import encode, flipped, gradient


def with_orientation(image: Image.Image, orientation: int) -> bytes:
    exif = Image.Exif()
    exif[0x0112] = orientation
    return encode(image, "JPEG", quality=95, exif=exif)


SIX = Image.Exif()
SIX[0x0112] = 6


def pixels(data: bytes, image_size: int = 0) -> np.ndarray:
    return np.asarray(resize_photo(decode_photo(data, image_size).image, image_size), np.int16)


def test_a_plain_jpeg_needs_no_repair_and_keeps_its_pixels():
    photo = decode_photo(encode(gradient(), "JPEG", quality=98, subsampling=0), 0)
    assert photo.repairs == ()
    assert (photo.source_width, photo.source_height) == (60, 40)
    assert np.abs(np.asarray(photo.image, np.int16) - np.asarray(gradient(), np.int16)).mean() < 2


def half_transparent() -> Image.Image:
    image = gradient().convert("RGBA")
    image.putalpha(Image.linear_gradient("L").resize(image.size))
    return image


@pytest.mark.parametrize(
    ("data", "repairs"),
    [
        (encode(gradient(), "PNG"), ()),
        (encode(gradient(), "GIF"), ()),
        (encode(gradient().convert("RGBA"), "PNG"), ()),
        (encode(gradient().convert("L"), "PNG"), ()),
        (encode(gradient().convert("P"), "PNG"), ()),
        (encode(gradient().convert("L"), "JPEG", quality=95), ()),
        (encode(half_transparent(), "PNG"), ("alpha",)),
        (encode(gradient().convert("CMYK"), "JPEG", quality=95), ("cmyk",)),
        (with_orientation(gradient(), 3), ("exif_rotated",)),
    ],
)
def test_a_sound_photo_of_any_kind_becomes_rgb_without_a_repair_and_another_says_what_it_needed(data, repairs):
    photo = decode_photo(data, 32)
    assert photo.repairs == repairs
    assert photo.image.mode == "RGB"
    assert photo.image.size == (60, 40)


def test_a_file_that_is_of_another_kind_than_its_name_says_is_a_repair():
    photo, jpeg = decode_photo(encode(gradient(), "PNG"), 0), decode_photo(encode(gradient(), "JPEG"), 0)
    assert [misnamed(photo, name) for name in ("a.png", "b/A.PNG", "a.jpg", "t.tar!/a.JPEG", "a.photo", "a")] == [
        *((), (), ("png",), ("png",)),
        *((), ()),
    ]
    assert [misnamed(jpeg, name) for name in ("a.jpg", "a.JPEG", "a.png")] == [(), (), ("jpeg",)]


@pytest.mark.parametrize(
    ("image", "image_format", "options"),
    [
        (gradient(), "BMP", {}),
        (gradient(), "TIFF", {"compression": "tiff_lzw"}),
        (gradient(), "WEBP", {"lossless": True}),
        (gradient(), "PPM", {}),
        (gradient().convert("L"), "TIFF", {}),
        (gradient().convert("P"), "BMP", {}),
        (gradient().convert("RGBA"), "TIFF", {}),
    ],
)
def test_other_exact_formats_have_the_pixels_that_were_saved(image, image_format, options):
    photo = decode_photo(encode(image, image_format, **options), 0)
    assert np.array_equal(np.asarray(photo.image), np.asarray(image.convert("RGB")))


def test_a_tiff_of_16_bits_counts_by_its_upper_bytes():
    values = np.linspace(0, 65535, 40 * 60).astype(np.uint16).reshape(40, 60)
    photo = decode_photo(encode(Image.fromarray(values), "TIFF"), 0)
    assert np.array_equal(np.asarray(photo.image)[..., 1], values >> 8)


@pytest.mark.parametrize("image_format", ["TIFF", "AVIF"])
def test_tiff_and_avif_are_turned_as_they_say(image_format):
    turned = encode(gradient(), image_format, **({"tiffinfo": {274: 6}} if image_format == "TIFF" else {"exif": SIX}))
    photo = decode_photo(turned, 0)
    assert (photo.source_width, photo.source_height) == photo.image.size == (40, 60)


@pytest.mark.parametrize("orientation", range(2, 9))
def test_an_exif_rotated_photo_is_turned_upright(orientation):
    turn_back = {2: 0, 3: 3, 4: 1, 5: 5, 6: 2, 7: 6, 8: 4}[orientation]  # Image.Transpose that undoes the viewer's turn
    stored = gradient().transpose(Image.Transpose(turn_back))
    photo = decode_photo(with_orientation(stored, orientation), 0)
    assert (photo.source_width, photo.source_height) == (60, 40)
    assert np.abs(np.asarray(photo.image, np.int16) - np.asarray(gradient(), np.int16)).mean() < 6


def test_transparent_pixels_show_white_not_what_lies_behind_them():
    image = gradient().convert("RGBA")
    image.putalpha(0)
    assert (pixels(encode(image, "PNG")) == 255).all()


def test_the_resize_averages_instead_of_picking_pixels():
    stripes = np.zeros((256, 256, 3), np.uint8)
    stripes[:, ::2] = 255
    small = pixels(encode(Image.fromarray(stripes), "PNG"), 64)
    assert np.abs(small[:, 1:-1] - 127).max() <= 3  # the filter has no neighbour outside the picture


def test_decoding_at_a_fraction_of_the_size_gives_nearly_the_same_picture():
    large = gradient(1200, 800)
    from_jpeg = pixels(encode(large, "JPEG", quality=95), 64)
    from_png = pixels(encode(large, "PNG"), 64)
    assert np.abs(from_jpeg - from_png).mean() < 2


def big_header() -> bytes:
    """A PNG whose header claims 60,000 x 60,000 pixels."""
    data = bytearray(encode(gradient(), "PNG"))
    data[16:24] = (60_000).to_bytes(4, "big") * 2
    data[29:33] = zlib.crc32(bytes(data[12:29])).to_bytes(4, "big")
    return bytes(data)


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"", "empty_image"),
        (b"not a picture at all", "not_an_image"),
        (encode(gradient(), "ICO"), "not_an_image"),
        (encode(Image.fromarray(np.ones((40, 60), np.float32)), "TIFF"), "unsupported_image_mode"),
        (encode(gradient(), "TIFF")[:900], "truncated_image"),
        (encode(gradient(600, 400), "JPEG", quality=95)[:4000], "truncated_image"),
        (encode(gradient(), "PNG")[:80], "truncated_image"),
        (flipped(encode(gradient(), "PNG")), "damaged_image"),
        (encode(gradient(8, 40), "PNG"), "image_size_out_of_bounds"),
        (big_header(), "image_size_out_of_bounds"),
    ],
)
def test_a_photo_that_cannot_be_published_is_rejected_with_its_reason(data, reason):
    with pytest.raises(InputRejected) as rejected:
        decode_photo(data, 32)
    assert rejected.value.reason == reason


def test_the_pillow_that_is_installed_has_the_decoders_that_are_accepted():
    for image_format in ("JPEG", "PNG", "GIF", *OTHERS):
        assert Image.open(io.BytesIO(encode(gradient(), image_format))).format == image_format
