import io

import numpy as np
import pytest
from PIL import Image

from beam_jobs.codec.masks import decode_mask, resize_mask
from beam_jobs.rejections import InputRejected
from schemas.spec import DatasetSpec

SCENE = np.zeros((24, 32), np.uint8)  # class ids: ground, a leaf, a spot on it
SCENE[4:20, 6:26] = 1
SCENE[8:12, 10:16] = 2
COLORS = np.array([[0, 0, 0], [0, 128, 0], [200, 30, 60]], np.uint8)
NAMES = ("ground", "leaf", "spot")
BY_VALUE = {"classes": list(NAMES)}
BY_COLOR = {"classes": {"#{:02x}{:02x}{:02x}".format(*color): name for color, name in zip(COLORS, NAMES)}}


def described(**values):
    return DatasetSpec.model_validate({"name": "leaves", "image_path": "{id}.jpg", "mask_path": "{id}.png"} | values)


def saved(image, kind, **how):
    buffer = io.BytesIO()
    image.save(buffer, kind, **how)
    return buffer.getvalue()


def class_ids(data, **values):
    spec = described(**values)
    return resize_mask(decode_mask(data, spec, (32, 24)), spec, 0)


def palette(order=(0, 1, 2)):
    image = Image.fromarray(np.argsort(order).astype(np.uint8)[SCENE], "P")
    image.putpalette(COLORS[list(order)].tobytes())
    return image


RGB = Image.fromarray(COLORS[SCENE])
RGBA = RGB.convert("RGBA")
GREY = Image.fromarray(SCENE)
OPAQUE = Image.merge("LA", (GREY, Image.new("L", GREY.size, 255)))
CLEARED = RGBA.copy()
CLEARED.putalpha(Image.fromarray(np.where(SCENE, 255, 0).astype(np.uint8)))
CUT_OUT = {"classes": {"transparent": "ground"} | dict(list(BY_COLOR["classes"].items())[1:])}
SIXTEEN = Image.fromarray(SCENE.astype(np.uint16) * 1000)

SAVED = {
    "grey PNG": (saved(GREY, "PNG"), BY_VALUE),
    "grey PNG of 2 bits": (saved(palette(), "PNG", bits=2), BY_VALUE),
    "grey PNG of 16 bits": (saved(SIXTEEN, "PNG"), {"classes": {0: "ground", 1000: "leaf", 2000: "spot"}}),
    "grey TIFF of 16 bits": (saved(SIXTEEN, "TIFF"), {"classes": {0: "ground", 1000: "leaf", 2000: "spot"}}),
    "grey with opaque alpha": (saved(OPAQUE, "PNG"), BY_VALUE),
    "RGB whose channels are the value": (saved(GREY.convert("RGB"), "PNG"), BY_VALUE),
    "GIF by colour": (saved(palette((1, 2, 0)), "GIF"), BY_COLOR),
    "GIF of grey": (saved(GREY, "GIF"), BY_VALUE),
    "PGM": (saved(GREY, "PPM"), BY_VALUE),
    "PPM": (saved(RGB, "PPM"), BY_COLOR),
    "palette by index": (saved(palette(), "PNG"), BY_VALUE),
    "palette by colour, in another order": (saved(palette((2, 0, 1)), "PNG"), BY_COLOR),
    "RGB": (saved(RGB, "PNG"), BY_COLOR),
    "RGBA": (saved(RGBA, "PNG"), BY_COLOR),
    "RGBA without background": (saved(CLEARED, "PNG"), CUT_OUT),
    "BMP": (saved(RGB, "BMP"), BY_COLOR),
    "grey BMP": (saved(GREY, "BMP"), BY_VALUE),
    "TIFF": (saved(RGB, "TIFF", compression="tiff_lzw"), BY_COLOR),
    "lossless WebP": (saved(RGB, "WEBP", lossless=True), BY_COLOR),
    "JPEG": (saved(RGB, "JPEG", quality=95, subsampling=0), BY_COLOR | {"masks": {"lossy": True}}),
}


@pytest.mark.parametrize("name", SAVED)
def test_one_scene_saved_in_every_way_gives_the_same_mask(name):
    data, values = SAVED[name]
    found = class_ids(data, **values)
    if name == "JPEG":  # along the edges its colours are mixed
        assert (found == SCENE).mean() > 0.9
    else:
        assert np.array_equal(found, SCENE)


def test_soft_edges_are_cut_at_the_threshold_and_counted():
    values = {"classes": {0: "ground", 255: "leaf"}, "masks": {"threshold": 128}}
    spec = described(**values)
    drawn = np.where(SCENE, 255, 0).astype(np.uint8)
    drawn[4, 6:26], drawn[19, 6:26] = 127, 128
    mask = decode_mask(saved(Image.fromarray(drawn), "PNG"), spec, (32, 24))
    expected = (SCENE > 0).astype(np.uint8)
    expected[4] = 0
    assert np.array_equal(resize_mask(mask, spec, 0), expected)
    assert mask.repairs == ("mask_soft_edges",)
    assert decode_mask(saved(Image.fromarray((SCENE > 0) * np.uint8(255)), "PNG"), spec, (32, 24)).repairs == ()
    one_bit = saved(Image.fromarray((SCENE > 0) * np.uint8(255)).convert("1"), "PNG")
    assert np.array_equal(class_ids(one_bit, **values), SCENE > 0)


def test_a_threshold_makes_no_mask_of_a_photo():
    values = {"classes": {0: "ground", 255: "leaf"}, "masks": {"threshold": 128}}
    noise = Image.fromarray(np.random.default_rng(1).integers(0, 256, (24, 32), np.uint8))
    with pytest.raises(InputRejected, match=r"mask_too_soft: 99.* allows 25"):
        class_ids(saved(noise, "PNG"), **values)


PARTLY = RGBA.copy()
PARTLY.putpixel((3, 3), (0, 0, 0, 128))
REFUSED = {
    "an unknown colour": (saved(Image.new("RGB", (32, 24), "#123456"), "PNG"), BY_COLOR, r"#123456 \(768 pixels\)"),
    "an unknown value of 16 bits": (saved(SIXTEEN, "PNG"), BY_VALUE, "value 1000"),
    "colours where values are named": (saved(RGB, "PNG"), BY_VALUE, "has colours; the data set names values"),
    "a partly transparent pixel": (saved(PARTLY, "PNG"), BY_COLOR, "1 pixels are partly transparent"),
    "transparent pixels of no class": (saved(CLEARED, "PNG"), BY_COLOR, r"value transparent"),
    "a JPEG without masks.lossy": (saved(GREY, "JPEG"), BY_VALUE, r"lossy: .*state masks: \{lossy: true\}"),
    "a lossy WebP": (saved(RGB, "WEBP"), BY_COLOR, "lossy: "),
    "a TIFF of two pictures": (saved(GREY, "TIFF", save_all=True, append_images=[GREY]), BY_VALUE, "of 2 pictures"),
    "another size": (saved(RGB.resize((30, 24)), "BMP"), BY_COLOR, "mask is 30x24 pixels, its photo 32x24"),
    "PGM of 6 values, which Pillow scales": (b"P5 32 24 5\n" + SCENE.tobytes(), BY_VALUE, "largest value is not 255"),
    "text": (b"a text", BY_VALUE, "none of PNG, BMP, TIFF"),
    "half a BMP": (saved(RGB, "BMP")[:900], BY_COLOR, "damaged BMP"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_is_not_exact_is_refused(name):
    data, values, message = REFUSED[name]
    with pytest.raises(InputRejected, match=message):
        class_ids(data, **values)


def test_lossy_values_must_lie_apart():
    with pytest.raises(ValueError, match="at least 48 apart"):
        described(classes=["ground", "leaf"], masks={"lossy": True})
