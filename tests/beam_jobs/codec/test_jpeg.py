import numpy as np
import pytest
from PIL import Image

from beam_jobs.codec.photos import decode_photo
from beam_jobs.rejections import InputRejected
from tests.beam_jobs.pictures import encode, gradient

END_OF_IMAGE = b"\xff\xd9"


def grainy(width: int = 320, height: int = 240) -> Image.Image:
    """A gradient with grain, so that every part of the picture takes its share of the bytes."""
    grain = np.random.default_rng(1).integers(-40, 40, (height, width, 3))
    return Image.fromarray(np.clip(np.asarray(gradient(width, height), np.int16) + grain, 0, 255).astype(np.uint8))


def jpeg(image: Image.Image | None = None, **options) -> bytes:
    return encode(image or grainy(), "JPEG", **{"quality": 90, **options})


def cut(data: bytes, share: float) -> bytes:
    return data[: int(share * len(data))]


def pixels(data: bytes, min_side: int = 0, max_missing_fraction: float = 0.0) -> np.ndarray:
    return np.asarray(decode_photo(data, min_side, max_missing_fraction).image)


def rejection(data: bytes, max_missing_fraction: float = 0.02) -> InputRejected:
    with pytest.raises(InputRejected) as rejected:
        decode_photo(data, 0, max_missing_fraction)
    return rejected.value


@pytest.mark.parametrize("options", [{}, {"progressive": True}, {"restart_marker_blocks": 20}])
@pytest.mark.parametrize("min_side", [0, 100])
def test_extraneous_bytes_after_the_last_pixel_are_dropped_and_counted(options, min_side):
    sound = jpeg(**options)
    data = sound.removesuffix(END_OF_IMAGE) + b"what is this?" * 20 + END_OF_IMAGE
    assert decode_photo(data, min_side).repairs == ("extraneous_bytes",)
    np.testing.assert_array_equal(pixels(data, min_side), pixels(sound, min_side))


def test_what_follows_the_end_of_the_image_is_no_defect():
    assert decode_photo(jpeg() + b"a thumbnail of its own" + jpeg(gradient()), 0).repairs == ()


@pytest.mark.parametrize("options", [{"subsampling": 0}, {"subsampling": 2}, {"restart_marker_blocks": 20}])
@pytest.mark.parametrize("min_side", [0, 100])
def test_a_photo_that_ends_a_little_early_keeps_its_pixels_and_the_rest_is_grey(options, min_side):
    sound = jpeg(**options)
    photo = decode_photo(cut(sound, 0.99), min_side, max_missing_fraction=0.02)
    assert photo.repairs == ("early_end",)
    assert (photo.source_width, photo.source_height) == (320, 240)
    repaired = pixels(cut(sound, 0.99), 0, 0.02)
    np.testing.assert_array_equal(repaired[:192], pixels(sound)[:192])  # what was there before the end
    assert (repaired[-1, -1] == 128).all()


def test_a_photo_that_ends_too_early_is_rejected_with_what_is_missing():
    rejected = rejection(cut(jpeg(), 0.5))
    assert rejected.reason == "truncated_image"
    missing = float(rejected.detail.split("; ")[1].split("%")[0])
    assert 49 < missing < 55
    assert "at most 2.0% may be" in rejected.detail


def test_the_share_that_may_be_missing_is_the_one_that_was_asked_for():
    assert decode_photo(cut(jpeg(), 0.9), 0, max_missing_fraction=0.15).repairs == ("early_end",)
    assert rejection(cut(jpeg(), 0.9), max_missing_fraction=0.05).reason == "truncated_image"


def test_where_nothing_may_be_missing_not_even_the_end_marker_may():
    data = jpeg().removesuffix(END_OF_IMAGE)
    assert decode_photo(data, 0, max_missing_fraction=0.02).repairs == ("early_end",)
    assert rejection(data, max_missing_fraction=0).reason == "truncated_image"


def test_grey_in_the_picture_counts_as_missing_because_nobody_can_tell():
    data = jpeg(Image.new("RGB", (320, 240), (128, 128, 128))).removesuffix(END_OF_IMAGE)
    assert "100.0% of the pixels" in rejection(data).detail


def test_a_progressive_photo_that_ends_early_is_rejected_because_every_pixel_is_affected():
    rejected = rejection(cut(jpeg(progressive=True), 0.99))
    assert rejected.reason == "truncated_image"
    assert "spread over the picture" in rejected.detail


def test_a_grey_photo_that_ends_early_needs_one_repair():
    assert decode_photo(cut(jpeg(grainy().convert("L")), 0.99), 0, 0.03).repairs == ("early_end",)


@pytest.mark.parametrize("options", [{}, {"progressive": True}, {"restart_marker_blocks": 20}])
def test_a_photo_that_has_lost_bytes_in_its_middle_is_rejected_though_little_is_visibly_missing(options):
    data = jpeg(**options)
    middle = len(data) // 2
    assert rejection(data[:middle] + data[middle + 300 :]).reason in ("truncated_image", "damaged_image")


def test_a_stream_that_cannot_be_decoded_is_damaged():
    data = bytearray(jpeg())
    middle = len(data) // 2
    data[middle : middle + 2] = b"\xff\x08"  # a marker that no JPEG has
    assert rejection(bytes(data)).reason == "damaged_image"


def frame_header(data: bytes) -> int:
    """Where the marker of a baseline frame stands: marker, length, precision, height, width, components."""
    return data.index(b"\xff\xc0\x00\x11\x08")


def test_a_size_that_is_absurd_is_refused_by_the_header():
    data = bytearray(jpeg())
    start = frame_header(data) + 5
    data[start : start + 4] = (60_000).to_bytes(2, "big") * 2
    assert rejection(bytes(data)).reason == "image_size_out_of_bounds"


def test_a_sampling_that_the_fast_decoder_does_not_know_is_no_reason_to_reject():
    plain = Image.new("RGB", (96, 64), (128, 128, 128))  # all its blocks are alike, so their number may change
    data = bytearray(jpeg(plain, keep_rgb=True, subsampling=0))
    data[frame_header(data) + 11] = 0x31  # the first component three times as wide as the others
    photo = decode_photo(bytes(data), 0)
    assert photo.repairs == ()
    assert (np.asarray(photo.image) == 128).all()


@pytest.mark.parametrize(("min_side", "size"), [(0, (330, 250)), (126, (330, 250)), (125, (165, 125)), (62, (83, 63))])
def test_a_photo_is_decoded_at_the_smallest_fraction_that_keeps_both_sides(min_side, size):
    photo = decode_photo(jpeg(grainy(330, 250)), min_side)
    assert photo.image.size == size
    assert (photo.source_width, photo.source_height) == (330, 250)
