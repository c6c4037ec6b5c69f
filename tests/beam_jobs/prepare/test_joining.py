"""What is known of an id comes together, however it was packed on its way."""

import json

import apache_beam as beam
import pytest
from apache_beam.testing.util import assert_that, equal_to

from beam_jobs import packing
from beam_jobs.elements import PlannedRecord, SourceFile
from beam_jobs.packing import pack_plans, unpack_plans
from beam_jobs.prepare import joining
from beam_jobs.prepare.joining import LISTED, PUBLISHED, QUARANTINED, Found, JoinById
from beam_jobs.prepare.listing import IMAGES, MASKS
from beam_jobs.rejections import Rejection

PHOTO = SourceFile("gs://bucket/images.tar.gz", 70_000_000_000, 1 << 40, "images/pug_1.jpg")
MASK = SourceFile("/photos/ünï\ncode/pug_1.png", 321)
RECORD = SourceFile("/data/pets/1/examples/Split-train/x-00000-of-00001", 77, 0, "pug_1")
PLANS = [
    PlannedRecord("pug_1", PHOTO, MASK, "train"),
    PlannedRecord("pug_2", None, None, "eval", RECORD),
]


def test_plans_come_back_as_they_were_packed():
    assert unpack_plans(pack_plans(PLANS)) == PLANS
    assert unpack_plans(pack_plans([])) == []


def test_a_plan_takes_a_tenth_of_its_bytes_when_it_moves_with_others():
    files = [f"/photos/images/abyssinian_{number}.jpg" for number in range(1000)]
    plans = [PlannedRecord(file[15:-4], SourceFile(file, 40_000), SourceFile(file, 3000), "train") for file in files]
    assert len(pack_plans(plans)) < len(json.dumps(plans)) / 10


@pytest.mark.parametrize("per_partition", [1 << 13, 5])
def test_everything_that_is_known_of_an_id_is_joined(monkeypatch, per_partition):
    monkeypatch.setattr(packing, "ROWS_PER_BATCH", 4)
    monkeypatch.setattr(joining, "_FOUND_PER_PARTITION", per_partition)
    rejection = Rejection("pug_1", PHOTO, None, "", "pair", "missing_mask", "photo without a mask")
    of_pug_1 = {
        IMAGES: [MASK, PHOTO],
        MASKS: [MASK],
        LISTED: ["eval", "train"],
        PUBLISHED: [PLANS[1]],
        QUARANTINED: [rejection],
    }
    found = [Found(kind, "pug_1", value) for kind, values in of_pug_1.items() for value in values]
    others = {f"pug_{number}": {LISTED: ["train"]} for number in range(2, 30)}
    found += [Found(LISTED, image_id, "train") for image_id in others]
    with beam.Pipeline(runner="FnApiRunner") as pipeline:
        places = tuple(pipeline | f"Create{start}" >> beam.Create(found[start::2]) for start in range(2))
        joined = places | JoinById() | beam.MapTuple(lambda image_id, known: (image_id, in_order(known)))
        assert_that(joined, equal_to([("pug_1", of_pug_1), *others.items()]))


def in_order(known: dict[str, list]) -> dict[str, list]:
    return {kind: sorted(values) for kind, values in known.items()}
