"""Photos of 16 bits: their upper byte, or a range of their samples that the data set states."""

import struct
import zlib

import numpy as np
import pytest
import tensorflow as tf
import yaml

from beam_jobs.codec.photos import decode_photo
from beam_jobs.codec.sixteen_bits import extremes
from beam_jobs.rejections import InputRejected
from beam_jobs.sources.dataset_file import parse_description
from schemas.errors import UserError
from schemas.frozen_model import parse_model
from schemas.photo_range import level_table
from schemas.spec import DatasetSpec
from tests.png_writer import GREY, GREY_ALPHA, RGB, RGBA, png
from trainer.photo_decoding import decode_photo as decode_in_a_graph

RANGE = (100, 4000)
SAMPLES = np.random.default_rng(0).integers(0, 4200, (20, 30, 4), np.uint16)
COLORS = SAMPLES[..., :3]
LEVELS = level_table(RANGE)


def tiff(
    samples: np.ndarray, order: str = "<", compression: int = 1, planar: int = 1, extra: int | None = None
) -> bytes:
    """A TIFF of 16 bits with ExtraSamples `extra`. TIFF 6.0, sections 2, 3, 6 and 18; compression 8 is Adobe's."""
    height, width, channels = samples.shape
    rows = (samples if planar == 1 else samples.transpose(2, 0, 1)).astype(f"{order}u2").tobytes()
    data = zlib.compress(rows) if compression == 8 else rows
    values = {256: width, 257: height, 259: compression, 262: 2 if channels > 1 else 1, 277: channels, 278: height}
    values |= {284: planar, **({} if extra is None else {338: extra})}
    tags = {tag: (3, 1, value) for tag, value in values.items()}
    bits_at = 8 + 2 + 12 * (len(tags) + 3) + 4
    tags |= {258: (3, channels, bits_at if channels > 2 else 16)}
    tags |= {273: (4, 1, bits_at + 2 * channels), 279: (4, 1, len(data))}
    entries = b""
    for tag, (kind, count, value) in sorted(tags.items()):
        entries += struct.pack(f"{order}HHI", tag, kind, count)
        entries += struct.pack(f"{order}HH", value, 0) if kind == 3 and count == 1 else struct.pack(f"{order}I", value)
    start = (b"II" if order == "<" else b"MM") + struct.pack(f"{order}HI", 42, 8)
    bits = struct.pack(f"{order}{channels}H", *[16] * channels)
    return start + struct.pack(f"{order}H", len(tags)) + entries + bytes(4) + bits + data


def test_a_range_maps_black_and_white_and_what_lies_between_in_proportion():
    assert LEVELS[[0, 100, 101, 108, 2050, 3999, 4000, 65535]].tolist() == [0, 0, 0, 1, 128, 255, 255, 255]
    assert (level_table((0, 255))[:256] == np.arange(256)).all()
    assert abs(level_table((0, 65535)).astype(int) - np.arange(65536) // 257).max() == 1


@pytest.mark.parametrize("order", ["<", ">"])
@pytest.mark.parametrize("compression", [1, 8])
@pytest.mark.parametrize("channels", [1, 3])
def test_both_bytes_of_a_tiff_count(order, compression, channels):
    samples = COLORS[..., :channels]
    data = tiff(samples, order, compression)
    found = np.asarray(decode_photo(data, 0, photo_range=RANGE).image)
    np.testing.assert_array_equal(found, np.broadcast_to(LEVELS[samples], COLORS.shape))
    np.testing.assert_array_equal(np.asarray(decode_photo(data, 0).image), np.broadcast_to(samples >> 8, COLORS.shape))
    assert extremes(data, "TIFF") == (samples.min(), samples.max())


@pytest.mark.parametrize(
    ("color_type", "channels"), [(GREY, 1), (RGB, 3), (RGBA, 4)], ids=["grey", "colours", "with an alpha channel"]
)
def test_a_png_gives_the_same_levels_in_the_jobs_and_in_the_exported_model(color_type, channels):
    samples = SAMPLES[..., :channels].copy()
    samples[..., 3:] = 65535
    data = png(samples, color_type, 16)
    found = np.asarray(decode_photo(data, 0, photo_range=RANGE).image)
    np.testing.assert_array_equal(found, np.broadcast_to(LEVELS[samples[..., :3]], COLORS.shape))
    np.testing.assert_array_equal(decode_in_a_graph(tf.constant(data), RANGE), found)


def test_a_fourth_channel_that_is_no_alpha_changes_nothing():
    found = decode_photo(tiff(SAMPLES, extra=0), 0, photo_range=RANGE)
    np.testing.assert_array_equal(np.asarray(found.image), LEVELS[COLORS])
    assert found.repairs == ()


def test_a_transparent_colour_is_white_whatever_the_range():
    samples = COLORS.copy()
    samples[:5] = (1000, 2000, 3000)
    data = png(samples, RGB, 16, before_pixels=((b"tRNS", struct.pack(">3H", 1000, 2000, 3000)),))
    found = np.asarray(decode_photo(data, 0, photo_range=RANGE).image)
    assert (found[:5] == 255).all()
    np.testing.assert_array_equal(found[5:], LEVELS[samples[5:]])


def test_photos_of_8_bits_stay_as_they_are():
    data = png(COLORS & 255, RGB, 8)
    np.testing.assert_array_equal(np.asarray(decode_photo(data, 0, photo_range=RANGE).image), COLORS & 255)
    np.testing.assert_array_equal(decode_in_a_graph(tf.constant(data), RANGE), COLORS & 255)
    assert extremes(data, "PNG") is None


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (tiff(COLORS, planar=2), "a plane for each channel; save it with interleaved channels"),
        (tiff(SAMPLES, extra=1), "multiplied by alpha; save it without alpha"),
        (png(SAMPLES[..., :2], GREY_ALPHA, 16), "grey with an alpha channel; save it without"),
    ],
    ids=["planes", "premultiplied", "grey and alpha"],
)
def test_what_would_be_misread_is_refused_with_the_remedy(data, message):
    with pytest.raises(InputRejected) as error:
        decode_photo(data, 0, photo_range=RANGE)
    assert message in error.value.detail


def description(photo_range: str) -> str:
    paths = "image_path: a/{id}.png\nmask_path: b/{id}.png\n"
    return f"name: a\n{paths}photos: {{range: {photo_range}}}\nclasses: [a, b]"


@pytest.mark.parametrize("text", ["[4095, 0]", "[0, 70000]", "[0]", "4095"])
def test_a_range_is_two_samples_the_second_larger(text):
    with pytest.raises(UserError, match=r"photos\.range"):
        parse_description(description(text).encode(), "dataset.yaml")


def test_data_sets_that_are_merged_have_one_range():
    one, other = (yaml.safe_load(description(text)) for text in ("[0, 4095]", "[0, 1000]"))
    merged = {"name": "both", "image_path": "{id:path}.*", "mask_path": "{id:path}.*", "classes": ["a", "b"]}
    merged["merge"] = {name: {"input": name, "dataset": {**one, "name": name}} for name in ("c", "d")}
    merged["photos"] = {"range": [0, 4095]}
    assert parse_model(DatasetSpec, merged, "dataset.yaml").photo_range == (0, 4095)
    merged["merge"]["d"]["dataset"] = {**other, "name": "d"}
    with pytest.raises(UserError, match=r"merge.d: photos.range is \[0, 1000\], and \[0, 4095\] here"):
        parse_model(DatasetSpec, merged, "dataset.yaml")
