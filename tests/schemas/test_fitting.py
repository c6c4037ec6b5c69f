import pytest

from schemas.fitting import LETTERBOX, STRETCH, Box, photo_box

PHOTOS = [(1, 1), (1, 9000), (9000, 1), (375, 500), (500, 375), (333, 333), (17, 300), (4000, 3000)]
IMAGES = [(128, 128), (96, 128), (352, 480), (480, 352), (33, 65)]


@pytest.mark.parametrize("image", IMAGES)
@pytest.mark.parametrize("photo", PHOTOS)
def test_a_letterboxed_photo_keeps_its_aspect_touches_two_sides_and_lies_in_the_middle(photo, image):
    box = photo_box(photo, image, LETTERBOX)
    assert box.height == image[0] or box.width == image[1]
    scale = min(image[0] / photo[0], image[1] / photo[1])
    for side, own in zip((box.height, box.width), photo):
        assert abs(side - own * scale) <= 0.5 or side == 1
    below, right = image[0] - box.top - box.height, image[1] - box.left - box.width
    assert 0 <= below - box.top <= 1
    assert 0 <= right - box.left <= 1


def test_a_stretched_photo_fills_the_image():
    assert photo_box((375, 500), (96, 64), STRETCH) == Box(0, 0, 96, 64)


def test_a_photo_of_the_image_s_aspect_has_no_padding():
    assert photo_box((720, 960), (96, 128), LETTERBOX) == Box(0, 0, 96, 128)


def test_what_is_letterboxed_already_is_left_where_it_is():
    box = photo_box((301, 77), (96, 128), LETTERBOX)
    assert photo_box((box.height, box.width), (96, 128), LETTERBOX) == box
