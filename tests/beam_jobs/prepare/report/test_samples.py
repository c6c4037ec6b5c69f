"""Which records and rejected inputs the report shows, and how each is drawn."""

import io
import random

import apache_beam as beam
import numpy as np
import pytest
from apache_beam.testing.util import assert_that, equal_to
from PIL import Image

from beam_jobs.elements import PhotoSource, SourceFile
from beam_jobs.near_duplicates.pairs import Leak, NearDuplicatePair
from beam_jobs.prepare.report.near_duplicates import draw_near_duplicates
from beam_jobs.prepare.report.samples import RECORDS_PER_SPLIT, LookOver, SampleRejections, SizeCell, draw_samples
from beam_jobs.prepare.report.thumbnails import SAMPLE_SIDE, TILE_SIDE, Tile, make_sample, make_tile
from beam_jobs.prepare.shard_writer import to_record_batch
from beam_jobs.records.sharding import id_hash
from beam_jobs.rejections import Rejection
from schemas.colors import unknown_color
from schemas.photos import JPEG_START
from schemas.shipped import load_spec
from tests.beam_jobs.pictures import encode, gradient, trimap, write_pair

SPEC = load_spec("pets")
IDS = [f"Bengal_{number}" for number in range(20)] + [f"pug_{number}" for number in range(20)]


def batches(ids, size):
    photo, mask = encode(gradient(16, 16), "JPEG"), encode(Image.fromarray(np.zeros((16, 16), np.uint8)), "PNG")
    rows = [
        {"image_id": one.encode(), "image": photo, "mask": mask, "source_width": 500, "source_height": 375}
        for one in ids
    ]
    return [("train", to_record_batch(rows[start : start + size])) for start in range(0, len(rows), size)]


@pytest.mark.parametrize("size", [1, 7, 100])
def test_the_records_shown_are_those_with_the_smallest_hashes_however_they_arrive(size):
    expected = sorted(IDS, key=lambda one: id_hash("report", one))[:RECORDS_PER_SPLIT]
    shuffled = random.Random(size).sample(IDS, len(IDS))
    with beam.Pipeline("FnApiRunner") as pipeline:
        shown = (
            pipeline
            | beam.Create(batches(shuffled, size))
            | LookOver("stretch")
            | beam.Map(lambda overview: [sample.picture.image_id for sample in draw_samples(overview, SPEC)["train"]])
        )
        assert_that(shown, equal_to([expected]))


def test_sizes_are_counted_in_cells_of_an_eighth_of_an_octave():
    with beam.Pipeline("FnApiRunner") as pipeline:
        counted = (
            pipeline | beam.Create(batches(IDS, 7)) | LookOver("stretch") | beam.Map(lambda overview: overview.sizes)
        )
        assert_that(counted, equal_to([{SizeCell("train", 72, 68): 40}]))  # 2 ** 9.0 = 512 by 2 ** 8.5 = 362


def rejection(image=None, mask=None):
    sources = (path and SourceFile(str(path), 0) for path in (image, mask))
    return Rejection("pug_1", *sources, "train", "record", "not_an_image", "why")


def test_rejected_inputs_are_gathered_by_reason():
    ones = [rejection()._replace(image_id=one) for one in IDS] + [rejection()._replace(reason="empty_image")]
    with beam.Pipeline("FnApiRunner") as pipeline:
        counts = (
            pipeline
            | beam.Create(ones)
            | SampleRejections(SPEC)
            | beam.MapTuple(lambda reason, tiles: (reason, len(tiles)))
        )
        assert_that(counts, equal_to([("not_an_image", 12), ("empty_image", 1)]))


def test_a_tile_shows_photo_and_mask_small_in_their_own_aspect(tmp_path):
    write_pair(tmp_path, "pug_1", photo=encode(gradient(600, 300), "PNG"), mask=encode(trimap(300, 600), "PNG"))
    tile = make_tile(rejection(tmp_path / "images/pug_1.jpg", tmp_path / "annotations/trimaps/pug_1.png"), SPEC)
    assert Image.open(io.BytesIO(tile.photo)).size == (TILE_SIDE, TILE_SIDE // 2)
    mask = Image.open(io.BytesIO(tile.mask)).convert("RGB")
    assert mask.size == (TILE_SIDE // 2, TILE_SIDE)
    assert {color for _, color in mask.getcolors()} == set(SPEC.palette)


def test_a_photo_that_ends_early_is_shown_as_far_as_it_goes(tmp_path):
    (tmp_path / "one").write_bytes(encode(gradient(600, 400), "JPEG")[:3000])
    shown = Image.open(io.BytesIO(make_tile(rejection(tmp_path / "one"), SPEC).photo))
    width, height = shown.size
    top, bottom = (width - 6, 5), (width - 6, height - 4)
    assert np.abs(np.asarray(shown.getpixel(top)) - np.asarray(gradient(*shown.size).getpixel(top))).max() < 20
    assert shown.getpixel(bottom) == (128, 128, 128)


def test_an_unknown_mask_value_is_seen(tmp_path):
    write_pair(tmp_path, "pug_1", mask=encode(Image.fromarray(np.full((40, 60), 9, np.uint8)), "PNG"))
    tile = make_tile(rejection(mask=tmp_path / "annotations/trimaps/pug_1.png"), SPEC)
    assert tile.photo is None
    drawn = Image.open(io.BytesIO(tile.mask)).convert("RGB").getcolors()
    assert drawn == [(TILE_SIDE * round(TILE_SIDE * 40 / 60), unknown_color(SPEC.palette))]


@pytest.mark.parametrize(
    "data",
    [
        pytest.param(b"", id="empty"),
        pytest.param(b"<svg xmlns='http://www.w3.org/2000/svg' onload='alert(1)'/>", id="svg"),
        pytest.param(encode(gradient(), "ICO"), id="a format that is never decoded"),
        pytest.param(encode(gradient(600, 400), "PNG")[:-30], id="truncated"),
        pytest.param(encode(gradient(), "PNG")[:40] + b"\xff" * 60, id="damaged"),
        pytest.param(
            encode(gradient(), "PNG").replace(b"\0\0\0\x3c\0\0\0\x28", b"\0\1\0\0\0\1\0\0", 1),
            id="4 Gpixel in its header",
        ),
    ],
)
def test_what_cannot_be_decoded_is_reported_and_fails_nothing(tmp_path, data):
    (tmp_path / "one").write_bytes(data)
    assert make_tile(rejection(tmp_path / "one", tmp_path / "one"), SPEC) == Tile("pug_1", "why", b"", b"")
    assert make_tile(rejection(tmp_path, tmp_path / "nowhere"), SPEC) == Tile("pug_1", "why", b"", b"")


@pytest.mark.parametrize(("size", "expected"), [((20, 20), (20, 20)), ((1000, 500), (SAMPLE_SIDE, SAMPLE_SIDE // 2))])
def test_a_record_is_shown_at_its_size_unless_it_is_large(size, expected):
    class_ids = Image.fromarray(np.full(size[::-1], 2, np.uint8))
    sample = make_sample("pug_1", encode(gradient(*size), "PNG"), encode(class_ids, "PNG"), SPEC).picture
    assert (sample.width, sample.height) == expected
    assert Image.open(io.BytesIO(sample.photo)).size == Image.open(io.BytesIO(sample.truth)).size == expected
    assert Image.open(io.BytesIO(sample.truth)).convert("RGB").getpixel((3, 3)) == SPEC.palette[2]


def test_a_near_duplicate_whose_file_has_gone_since_is_named_without_its_picture(tmp_path):
    gone, there = (PhotoSource(SourceFile(str(tmp_path / name), 10), False) for name in ("gone.jpg", "there.jpg"))
    (tmp_path / "there.jpg").write_bytes(encode(gradient(), "JPEG"))
    sheet = draw_near_duplicates([Leak(1, True, (NearDuplicatePair(3, "pug_1", "pug_2", gone, there),))], None)
    assert sheet.photos["pug_1"] == b""
    assert sheet.photos["pug_2"].startswith(JPEG_START)
