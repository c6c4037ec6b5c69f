"""Validation reports each way in which the files of a version can differ from its manifest."""

import hashlib
from pathlib import Path

import pytest
from google.protobuf import text_format
from tensorflow_metadata.proto.v0.statistics_pb2 import DatasetFeatureStatisticsList

from beam_jobs.records.tf_example import to_example
from beam_jobs.records.tfrecord import TFRecordReader, TFRecordWriter
from beam_jobs.statistics.validation import FILE, Finding
from beam_jobs.validate.integrity import FINDINGS_SHOWN, PHOTOS, ROWS, CheckShard, PublishedShard, check_side_files
from schemas.manifest import Manifest, Shard, Split
from schemas.version_files import shard_path, statistics_path
from tests.beam_jobs.pictures import encode, flipped, gradient, trimap
from tests.published import make_manifest

RECORDS = 30


def record(number: object, photo: bytes) -> bytes:
    return to_example({"image": photo, "image_id": f"pug_{number}".encode(), "brightness": 0.5})


def write_shard(path: Path, records: list[bytes]) -> Shard:
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("wb") as file:
        writer = TFRecordWriter(file)
        for one in records:
            writer.write(one)
    relative = "/".join(path.parts[-3:])
    return Shard(path=relative, bytes=writer.bytes, records=writer.records, sha256=writer.sha256)


def read(path: Path) -> list[bytes]:
    with path.open("rb") as file:
        return list(TFRecordReader(file))


@pytest.fixture
def manifest(tmp_path) -> Manifest:
    """The manifest of a version in `tmp_path`, one shard a split."""
    photo = encode(gradient(), "JPEG")
    splits = {}
    for split in ("train", "eval"):
        records = [record(f"{split}_{number}", photo) for number in range(RECORDS)]
        shard = write_shard(tmp_path / shard_path("pets", split, 0, 1), records)
        splits[split] = Split(records=RECORDS, shards=(shard,))
        path = tmp_path / statistics_path(split)
        path.parent.mkdir(parents=True)
        statistics = text_format.Parse(f"datasets {{ num_examples: {RECORDS} }}", DatasetFeatureStatisticsList())
        path.write_bytes(statistics.SerializeToString())
    (tmp_path / "schema.pbtxt").write_bytes(b"a schema")
    return make_manifest(splits, image_size=64, schema_sha256=hashlib.sha256(b"a schema").hexdigest())


def check(
    version_dir: Path, shard: Shard, split: str = "train", has_source_masks: bool = False
) -> tuple[list[Finding], dict[str, int]]:
    """What is found in a shard, and how many records and photos are passed on."""
    do_fn = CheckShard(str(version_dir), progress_dir="nowhere", fit="stretch", has_source_masks=has_source_masks)
    do_fn.setup()
    findings, passed = [], {ROWS: 0, PHOTOS: 0}
    for one in do_fn.process(PublishedShard(split, shard)):
        if isinstance(one, Finding):
            findings.append(one)
        else:
            passed[one.tag] += one.value[1].num_rows if one.tag == ROWS else one.value.photos
    return findings, passed


def flip(path: Path, position: int) -> None:
    data = bytearray(path.read_bytes())
    data[position] ^= 1
    path.write_bytes(data)


@pytest.mark.parametrize(
    ("spoil", "descriptions"),
    [
        (lambda path: path.unlink(), ["missing"]),
        (lambda path: flip(path, 500), ["record 1 at byte 0: the CRC of its data differs", "records 0", "sha256"]),
        (lambda path: flip(path, 3), ["record 1 at byte 0: the CRC of its length differs", "records 0", "sha256"]),
        (lambda path: path.write_bytes(path.read_bytes()[:-7]), ["the file ends inside it", "bytes", "29", "sha256"]),
        (lambda path: path.write_bytes(path.read_bytes() + b"more"), ["ends inside its header", "bytes", "sha256"]),
        (lambda path: write_shard(path, read(path)[:-1]), ["bytes", "records 29, the manifest says 30", "sha256"]),
        (lambda path: write_shard(path, read(path)[::-1]), ["sha256"]),
        (lambda path: write_shard(path, [b"\xff" * 9, *read(path)[1:]]), ["not a tf.train.Example", "bytes", "sha256"]),
        (lambda path: path.write_bytes(b""), ["bytes 0", "records 0", "sha256"]),
    ],
    ids=["gone", "data", "length", "short", "long", "fewer", "reordered", "no example", "empty"],
)
def test_a_shard_that_is_not_as_published_is_reported_in_words(manifest, tmp_path, spoil, descriptions):
    shard = manifest.splits["train"].shards[0]
    assert check(tmp_path, shard) == ([], {ROWS: RECORDS, PHOTOS: RECORDS})
    spoil(tmp_path / shard.path)
    findings, _ = check(tmp_path, shard)
    assert [(one.split, one.feature, one.kind) for one in findings] == [("train", shard.path, FILE)] * len(descriptions)
    for finding, words in zip(findings, descriptions):
        assert words in finding.description


def test_records_before_the_damage_are_measured(manifest, tmp_path):
    shard = manifest.splits["train"].shards[0]
    start = sum(len(one) + 16 for one in read(tmp_path / shard.path)[:20])
    flip(tmp_path / shard.path, start + 100)
    findings, passed = check(tmp_path, shard)
    assert findings[0].description == f"record 21 at byte {start:,}: the CRC of its data differs"
    assert passed == {ROWS: 20, PHOTOS: 20}


def test_a_photo_that_cannot_be_decoded_is_reported_with_its_id(manifest, tmp_path):
    shard = manifest.splits["train"].shards[0]
    changed = write_shard(tmp_path / shard.path, [record(7, b"no photo"), *read(tmp_path / shard.path)])
    findings, passed = check(tmp_path, changed)
    assert [one.description.partition(" (")[0] for one in findings] == ["the photo of pug_7 can't be decoded"]
    assert passed == {ROWS: RECORDS + 1, PHOTOS: RECORDS}


def test_of_many_photos_that_cannot_be_decoded_a_few_are_named_and_the_others_counted(manifest, tmp_path):
    photos = [record(number, b"no photo") for number in range(100)]
    findings, _ = check(tmp_path, write_shard(tmp_path / manifest.splits["train"].shards[0].path, photos))
    assert len(findings) == FINDINGS_SHOWN + 1
    assert findings[-1].description == f"and {100 - FINDINGS_SHOWN} more findings like these"


OTHER_PIXELS = encode(trimap(30, 20), "PNG")


@pytest.mark.parametrize(
    ("source_mask", "words"),
    [
        (encode(trimap(), "PNG"), None),
        (OTHER_PIXELS, "a source_mask of 30x20 pixels, not the 60x40 of the photo, of pug_7"),
        (flipped(encode(trimap(), "PNG")), "damaged source_mask (checksum of chunk b'IDAT' differs) of pug_7"),
        (b"no mask", "damaged source_mask ("),
        (None, "there is no source_mask of pug_7"),
    ],
    ids=["right", "other size", "damaged", "no PNG", "missing"],
)
def test_a_source_mask_that_is_not_of_its_photos_size_is_reported_with_its_id(manifest, tmp_path, source_mask, words):
    photo = encode(gradient(), "JPEG")
    values = {"image": photo, "image_id": b"pug_7", "source_height": 40, "source_width": 60, "brightness": 0.5}
    good = encode(trimap(), "PNG")
    records = [
        to_example({**values, "image_id": b"pug_1", "source_mask": good}),
        to_example(values if source_mask is None else {**values, "source_mask": source_mask}),
    ]
    for split in ("eval", "train"):  # of which train needs none
        shard = write_shard(tmp_path / manifest.splits[split].shards[0].path, records)
        findings, passed = check(tmp_path, shard, split, has_source_masks=True)
        expected = [words] if words and split == "eval" else []
        assert [one.description[: len(words or "")] for one in findings] == expected
        assert passed == {ROWS: 2, PHOTOS: 2}
        assert check(tmp_path, shard, split)[0] == []  # a version that has none


def test_of_many_stray_files_a_few_are_named_and_the_others_counted(manifest, tmp_path):
    for index in range(100):
        (tmp_path / shard_path("pets", "train", index, 101)).write_bytes(b"")
    findings = list(check_side_files(str(tmp_path), manifest))
    assert len(findings) == FINDINGS_SHOWN + 1
    assert findings[-1].description == f"and {100 - FINDINGS_SHOWN} more findings like these"


def reported(version_dir: Path, manifest: Manifest) -> set[tuple[str, str, str]]:
    return {(one.split, one.feature, one.description) for one in check_side_files(str(version_dir), manifest)}


def test_files_beside_the_shards_are_held_against_the_manifest(manifest, tmp_path):
    assert reported(tmp_path, manifest) == set()
    stray = shard_path("pets", "train", 7, 8)
    (tmp_path / stray).write_bytes(b"")
    (tmp_path / statistics_path("train")).unlink()
    (tmp_path / statistics_path("eval")).write_bytes(b"\xff no statistics")
    (tmp_path / "schema.pbtxt").write_bytes(b"another schema")
    statistics = "statistics/Split-{}/FeatureStats.pb"
    assert reported(tmp_path, manifest) == {
        ("", stray, "not in the manifest, but readers of the folder find it"),
        ("train", statistics.format("train"), "missing"),
        ("eval", statistics.format("eval"), "holds no statistics"),
        ("", "schema.pbtxt", "sha256 e99a499cfbbd, the manifest says b4a619942a51"),
    }
