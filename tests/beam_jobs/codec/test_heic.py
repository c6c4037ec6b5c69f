"""HEIC: read where `pillow-heif` is installed, and refused with the remedy elsewhere."""

import importlib.util
import io

import numpy as np
import pytest

from beam_jobs.codec.photos import decode_photo, misnamed
from beam_jobs.rejections import InputRejected
from tests.beam_jobs.pictures import gradient

IS_THERE = importlib.util.find_spec("pillow_heif") is not None
HEADER = b"\0\0\0\x18ftypheic\0\0\0\0mif1heic" + bytes(80)


@pytest.mark.skipif(IS_THERE, reason="pillow-heif is installed")
def test_without_the_library_the_remedy_is_named():
    with pytest.raises(InputRejected) as error:
        decode_photo(HEADER, 0)
    assert error.value.reason == "not_an_image"
    assert "pip install pillow-heif" in error.value.detail


@pytest.mark.skipif(not IS_THERE, reason="pillow-heif is not installed")
def test_with_the_library_photos_are_read():
    import pillow_heif  # pyright: ignore[reportMissingImports]  # who has such photos installs it

    buffer = io.BytesIO()
    pillow_heif.from_pillow(gradient()).save(buffer, quality=95)
    photo = decode_photo(buffer.getvalue(), 0)
    assert (photo.container, photo.repairs, photo.image.size) == ("heic", (), (60, 40))
    assert abs(np.asarray(photo.image, int) - np.asarray(gradient(), int)).mean() < 4
    assert misnamed(photo, "a.HEIC") == ()
    assert misnamed(photo, "a.jpg") == ("heic",)


@pytest.mark.skipif(not IS_THERE, reason="pillow-heif is not installed")
def test_a_damaged_file_is_that_input_s_rejection():
    with pytest.raises(InputRejected) as error:
        decode_photo(HEADER, 0)
    assert error.value.reason == "damaged_image"
