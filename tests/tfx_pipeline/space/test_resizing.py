import numpy as np
import pytest

from tfx_pipeline.space.segmentation_app.resizing import resize_pixels, resize_spans
from trainer.preprocessing import resize_pixels as resize_for_training

SIZES = [(1, 1), (16, 16), (64, 64), (17, 300), (33, 65), (100, 150), (375, 500), (500, 375), (1, 7), (1024, 48)]


@pytest.mark.parametrize("target", [32, 96, 128, "96x64"])
@pytest.mark.parametrize("size", SIZES)
def test_a_photo_of_any_size_is_resized_as_for_training(size, target):
    pixels = np.random.default_rng(sum(size)).integers(0, 256, (*size, 3), np.uint8)
    np.testing.assert_allclose(resize_pixels(pixels, target), resize_for_training(pixels, target), atol=2e-3)


@pytest.mark.parametrize(("source", "target"), [(1, 5), (5, 1), (97, 64), (64, 97), (4000, 128)])
def test_each_target_pixel_is_an_average_of_source_pixels(source, target):
    for first, weights in resize_spans(source, target):
        assert 0 <= first <= first + len(weights) - 1 < source
        assert (weights >= 0).all()
        assert weights.sum() == pytest.approx(1, abs=1e-5)
