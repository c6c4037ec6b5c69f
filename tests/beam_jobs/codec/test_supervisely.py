"""Supervisely's JSON files: exact, or rejected with what to do."""

import base64
import io
import json
import zlib

import numpy as np
import pytest
from PIL import Image

from beam_jobs.codec.annotations.reading import annotated_class_ids
from beam_jobs.rejections import InputRejected
from tests.beam_jobs.codec.test_annotations import SIZE, spec

CORNERS = [[5, 5], [25, 5], [25, 20], [5, 20]]


def file_of(*objects, size=SIZE):
    return json.dumps({"size": {"width": size[0], "height": size[1]}, "objects": objects}).encode()


def polygon(exterior, *interior):
    points = {"exterior": exterior, "interior": list(interior)}
    return {"classTitle": "car", "geometryType": "polygon", "points": points}


def bitmap(data: bytes, origin=(3, 4)):
    packed = base64.b64encode(data).decode()
    return {"classTitle": "car", "geometryType": "bitmap", "bitmap": {"origin": origin, "data": packed}}


def grey_png(pixels: np.ndarray) -> bytes:
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, "PNG")
    return buffer.getvalue()


def draw(data):
    return annotated_class_ids(data, spec("supervisely"), SIZE)[0]


def test_a_hole_in_a_polygon_is_not_covered():
    expected = np.zeros((30, 40), np.uint8)
    expected[5:20, 5:25] = 1
    expected[8:12, 10:14] = 0
    np.testing.assert_array_equal(draw(file_of(polygon(CORNERS, [[10, 8], [14, 8], [14, 12], [10, 12]]))), expected)


def test_a_bitmap_lies_at_its_origin():
    pixels = np.zeros((6, 9), np.uint8)
    pixels[1:4, 2:8] = 255
    expected = np.zeros((30, 40), np.uint8)
    expected[4:10, 3:12] = pixels // 255
    np.testing.assert_array_equal(draw(file_of(bitmap(zlib.compress(grey_png(pixels))))), expected)


FULL = grey_png(np.full((6, 9), 255, np.uint8))
COLORS = grey_png(np.full((6, 9, 3), 255, np.uint8))
REFUSED = {
    "another size": (file_of(polygon(CORNERS), size=(41, 30)), "annotations are for 41x30 pixels"),
    "a rectangle": (file_of({"classTitle": "car", "geometryType": "rectangle"}), "convert it to a bitmap or a polygon"),
    "no objects": (b'{"size": {}}', "not a Supervisely file"),
    "no JSON": (b"{", "Supervisely file"),
    "no class": (file_of({"geometryType": "bitmap"}), "an object has no classTitle"),
    "two points": (file_of(polygon(CORNERS[:2])), "needs x and y of 3 points or more"),
    "not packed": (file_of(bitmap(FULL)), "the bitmap of 'car' is damaged"),
    "colours": (file_of(bitmap(zlib.compress(COLORS))), "neither an alpha channel nor grey pixels"),
    "beyond the photo": (file_of(bitmap(zlib.compress(FULL), (35, 4))), "reaches beyond the photo"),
    "between pixels": (file_of(bitmap(zlib.compress(FULL), (3.5, 4))), "does not lie on whole pixels"),
    "another category": (file_of(polygon(CORNERS) | {"classTitle": "boat"}), "category 'boat'; known are"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_is_not_exact_is_rejected(name):
    data, message = REFUSED[name]
    with pytest.raises(InputRejected) as error:
        draw(data)
    assert message in error.value.detail
