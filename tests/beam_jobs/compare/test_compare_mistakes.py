"""What cannot be compared is named in one line."""

import shutil
from pathlib import Path

import pytest

import tests.published as published
from beam_jobs.records.published_records import parse_record
from beam_jobs.records.tf_example import to_example
from schemas.errors import UserError
from schemas.manifest import read_manifest
from tests.beam_jobs.compare.changed_versions import compare, record

pytestmark = pytest.mark.slow


def test_an_id_in_two_splits_is_named(root, tmp_path):
    records = {"train": ((record("pug_1"), record("pug_2")), (record("pug_3"),)), "eval": ((record("pug_1"),),)}
    twice = published.publish(tmp_path, records=records)
    with pytest.raises(UserError, match=rf"{twice}: has 'pug_1' twice, in eval and train; publish the data"):
        compare(root / "data/pets/1.0.0", twice)


def test_a_record_that_is_none_is_named_with_its_place(root, tmp_path):
    foreign = published.publish(tmp_path)
    with pytest.raises(UserError, match=r"examples/Split-.*: the record at byte .* is not one that prepare writes"):
        compare(root / "data/pets/1.0.0", foreign)


def test_a_photo_that_is_none_is_named_where_it_must_be_read_and_said_not_to_be_drawn_elsewhere(tmp_path, capsys):
    def version(place: str, broken: str) -> Path:
        none = to_example({**parse_record(record(broken)), "image": b"no photo"})
        records = {"train": ((record("pug_1"),), (none,)), "eval": ((record("pug_2", 8),),)}
        return published.publish(tmp_path / place, records=records)

    one, two = version("one", "pug_8"), version("two", "pug_9")
    assert compare(one, two, f"--output={tmp_path}/out") == 0
    assert "pug_9 in 1.0.0, from pug_8: can&#x27;t be drawn" in (tmp_path / "out/changes.html").read_text()
    whole = {"train": ((record("pug_1"),), (record("pug_8", 3),)), "eval": ((record("pug_2", 8),),)}
    with pytest.raises(UserError, match="the photo of pug_8 can't be read"):
        compare(one, published.publish(tmp_path / "whole", records=whole))


def test_a_damaged_version_is_refused_before_anything_is_written(root, tmp_path):
    before = root / "data/pets/1.0.0"
    spoilt = shutil.copytree(root / "data/pets/1.1.0", tmp_path / "pets/1.1.0")
    shard = spoilt / read_manifest(spoilt).splits["train"].shards[0].path
    whole = shard.read_bytes()
    shard.write_bytes(whole[:-9])
    with pytest.raises(UserError, match=f"{shard.name}.*{len(whole) - 9}"):
        compare(before, spoilt, f"--output={tmp_path}/out")
    assert not (tmp_path / "out").exists()
    shard.write_bytes(whole[:100] + bytes([whole[100] ^ 1]) + whole[101:])
    with pytest.raises(UserError, match=f"{shard.name}: record 1 at byte 0: the CRC"):
        compare(before, spoilt)


def test_what_cannot_be_compared_is_refused_in_one_line(root, tmp_path):
    data = root / "data/pets"
    (tmp_path / "link").symlink_to(data / "1.0.0")
    mine = tmp_path / "mine"
    mine.mkdir()
    (mine / "notes.txt").write_text("mine")
    one, two = data / "1.0.0", data / "1.1.0"
    other = published.publish(tmp_path / "other")
    text = (other / "manifest.json").read_text().replace('"pets"', '"streets"').replace("pets-", "streets-")
    (other / "manifest.json").write_text(text)
    for shard in other.rglob("pets-*"):
        shard.rename(shard.with_name(shard.name.replace("pets-", "streets-")))
    for before, after, options, message in (
        (one, tmp_path / "link", [], "--to .*link: is the version that --from names"),
        (one, data / "9.0.0", [], "--to .*9.0.0: no such folder"),
        (data, two, [], "--from .*pets: no manifest.json"),
        (one, other, [], "--to .*: holds streets, but --from holds pets"),
        (one, two, [f"--output={two}/out"], "lies in the published version"),
        (one, two, [f"--output={other}"], "--output .*other/pets/1.0.0: is a published version"),
        (one, two, [f"--output={mine}"], "holds files, and nothing says that beam_jobs.compare made it"),
    ):
        with pytest.raises(UserError, match=message) as refused:
            compare(before, after, *options)
        assert "\n" not in str(refused.value)
    assert [path.name for path in mine.iterdir()] == ["notes.txt"]
