"""The comparison of two published versions, from its command line: what changed, record by record."""

import json
import shutil
from pathlib import Path

import apache_beam as beam
import numpy as np
import pytest
from apache_beam.testing.util import assert_that, equal_to
from PIL import Image

import tests.published as published
from beam_jobs import Compare
from schemas.errors import UserError
from schemas.manifest import options_sha256
from schemas.shipped import load_spec
from schemas.table_spec import WeightSpec
from tests.beam_jobs.compare.changed_versions import IDS, compare, lines, record, write_lists
from tests.beam_jobs.jobs import prepare
from tests.beam_jobs.pictures import encode, scene, write_pair

pytestmark = pytest.mark.slow

WEIGHTS = WeightSpec(table="weights.csv")


def test_every_kind_of_change_is_found_and_counted(root, tmp_path, capfd):
    data = root / "data/pets"
    assert compare(data / "1.0.0", data / "1.1.0", f"--output={tmp_path}/out") == 0
    changes = lines(tmp_path / "out")
    assert {image_id: one["kinds"] for image_id, one in changes.items()} == {
        "Bengal_1": ["photo_changed"],
        "Bengal_2": ["mask_changed"],
        "Bengal_3": ["moved"],
        "Bengal_30": ["renamed"],
        "pug_0": ["removed"],
        "pug_1": ["removed"],
        "pug_20": ["added"],
        "pug_21": ["added"],
    }
    assert changes["Bengal_30"]["id_before"] == "Bengal_0"
    assert (changes["Bengal_3"]["split_before"], changes["Bengal_3"]["split_after"]) == ("train", "eval")
    assert changes["pug_1"]["rejected"] == changes["pug_20"]["rejected"] == "truncated_image"
    assert "rejected" not in changes["pug_0"]
    assert changes["Bengal_1"]["photo_difference"] > 5
    mask = changes["Bengal_2"]
    assert 0.05 < mask["changed_pixels"] < 0.3
    assert mask["class_pixels"]["background"] == -mask["class_pixels"]["pet"] - mask["class_pixels"]["border"] > 0

    summary = json.loads((tmp_path / "out/summary.json").read_text())
    assert summary["records"]["unchanged"] == 10
    assert summary["files"] == ["changes/changes-00000-of-00001.jsonl"]
    page = (tmp_path / "out/changes.html").read_text()
    for words in ("1.0.0 to 1.1.0", "Mask changed", "Bengal_30</a> in 1.1.0, from Bengal_0", "train to eval 1"):
        assert words in page
    assert page.count('class="truth overlay"') == 12  # two each of four pairs, one each of two added and two removed
    printed = capfd.readouterr()
    assert "16 (train 12, eval 4) and 16 (train 11, eval 5) records" in printed.out
    for line in (
        "unchanged            10",
        "added                 2  pug_20 (truncated_image), pug_21",
        "removed               2  pug_0, pug_1 (truncated_image)",
        "renamed               1  Bengal_30 (from Bengal_0)",
        "moved                 1  train to eval 1",
        f"mask changed          1  Bengal_2 ({mask['changed_pixels']:.1%})",
        "Pixels in changed masks: background +",
        "Classes' mean share of a photo: ",
    ):
        assert line in printed.out
    assert printed.err == ""


@pytest.mark.proof
def test_the_same_comparison_gives_the_same_bytes_with_workers_and_in_a_bucket(root, bucket, storage, tmp_path):
    data = root / "data/pets"
    assert compare(data / "1.0.0", data / "1.1.0", f"--output={tmp_path}/one") == 0
    workers = "--direct_running_mode=multi_processing", "--direct_num_workers=2"
    assert compare(data / "1.0.0", data / "1.1.0", f"--output={tmp_path}/two", *workers) == 0
    for version in ("1.0.0", "1.1.0"):
        storage.put_folder(data / version, f"{bucket}/pets/{version}")
    assert compare(f"{bucket}/pets/1.0.0", f"{bucket}/pets/1.1.0", f"--output={bucket}/out") == 0
    name = "changes/changes-00000-of-00001.jsonl"
    expected = (tmp_path / "one" / name).read_bytes()
    assert (tmp_path / "two" / name).read_bytes() == storage.get(f"{bucket}/out/{name}") == expected
    with pytest.raises(UserError, match="holds files, and nothing says"):
        compare(f"{bucket}/pets/1.0.0", f"{bucket}/pets/1.1.0", f"--output={bucket}/pets")


def test_versions_of_other_sizes_are_compared_by_ids_and_splits(root, tmp_path, capfd):
    larger = shutil.copytree(root / "data/pets/1.1.0", tmp_path / "pets/1.1.0")
    values = json.loads((larger / "manifest.json").read_text())
    options = values["options"] | {"image_size": 64}
    values |= {"image_size": 64, "options": options, "options_sha256": options_sha256(options)}
    (larger / "manifest.json").write_text(json.dumps(values))
    assert compare(root / "data/pets/1.0.0", larger, f"--output={tmp_path}/out") == 0
    kinds = {image_id: one["kinds"] for image_id, one in lines(tmp_path / "out").items()}
    assert kinds["Bengal_0"] == ["removed"]
    assert kinds["Bengal_30"] == ["added"]
    assert kinds["Bengal_3"] == ["moved"]
    assert "Bengal_2" not in kinds
    assert "Note: sizes differ (32 in 1.0.0, 64 in 1.1.0 pixels): photos, masks and renamed" in capfd.readouterr().out


def test_letterboxed_records_are_compared_with_their_like_and_without_the_padding(root, tmp_path, capfd):
    photos = tmp_path / "photos"
    for seed, image_id in enumerate(IDS[4:12]):
        write_pair(photos, image_id, encode(scene(seed).resize((64, 16)), "JPEG", quality=90), encode(left(64), "PNG"))
    write_lists(photos, IDS[4:8], IDS[8:12])
    options = "--split=official", "--fit=letterbox"
    assert prepare(photos, tmp_path / "data", "1.0.0", *options) == 0
    write_pair(photos, IDS[5], encode(scene(1).resize((64, 16)), "JPEG", quality=90), encode(left(32), "PNG"))
    assert prepare(photos, tmp_path / "data", "1.1.0", *options) == 0
    versions = [tmp_path / "data" / "pets" / version for version in ("1.0.0", "1.1.0")]
    assert compare(*versions, f"--output={tmp_path}/out") == 0
    [(image_id, change)] = lines(tmp_path / "out").items()
    assert (image_id, change["kinds"], change["changed_pixels"]) == (IDS[5], ["mask_changed"], 0.5)  # of the photo
    assert compare(root / "data/pets/1.0.0", versions[1]) == 0
    assert "sizes differ (32 in 1.0.0, 32 letterboxed in 1.1.0 pixels)" in capfd.readouterr().out


def left(width: int) -> Image.Image:
    """Official values of a mask of 64x16 pixels: the left half of `width` is pet, then border, and background."""
    values = np.full((16, 64), 2, np.uint8)
    values[:, : width // 2 + 16] = 3
    values[:, : width // 2] = 1
    return Image.fromarray(values)


def test_a_class_that_is_only_renamed_changes_no_mask(root, tmp_path, capfd):
    before = root / "data/pets/1.1.0"
    after = shutil.copytree(before, tmp_path / "pets/1.1.0")
    classes = [one.model_dump(mode="json", exclude_none=True) for one in load_spec("pets").classes]
    published.published_under(after, classes=[{**classes[0], "name": "animal"}, *classes[1:]], rules=[], thresholds={})
    assert compare(before, after) == 0
    printed = capfd.readouterr().out
    assert "unchanged            16\n" in printed
    assert "Note: classes differ: pet is now called animal" in printed


def test_classes_in_another_order_are_compared_by_name(root, tmp_path, capfd):
    before = root / "data/pets/1.1.0"
    after = shutil.copytree(before, tmp_path / "pets/1.1.0")
    classes = [one.model_dump(mode="json", exclude_none=True) for one in load_spec("pets").classes]
    published.published_under(after, classes=[classes[1], classes[0], classes[2]])  # the same bytes say something else
    assert compare(before, after) == 0
    printed = capfd.readouterr().out
    assert "mask changed         16" in printed
    assert "Note: classes differ: their order differs; masks are compared by class" in printed


def test_the_transform_gives_the_summary(root, tmp_path):
    data = root / "data/pets"
    with beam.Pipeline(runner="FnApiRunner") as pipeline:
        summary = pipeline | Compare(str(data / "1.0.0"), str(data / "1.1.0"), f"{tmp_path}/out")
        assert_that(summary | beam.Map(lambda one: one["records"]["unchanged"]), equal_to([10]))
    assert set(lines(tmp_path / "out")) >= {"Bengal_30", "pug_21"}


def test_equal_photos_are_paired_with_equal_masks_first_and_none_is_lost(tmp_path):
    def version(place: str, ids: str) -> Path:
        shards = (tuple(record(f"pug_{one}") for one in ids), (record("pug_1", 7),))
        return published.publish(tmp_path / place, records={"train": shards, "eval": ((record("pug_2", 8),),)})

    assert compare(version("one", "abcx"), version("two", "defghx"), f"--output={tmp_path}/out") == 0
    kinds = {image_id: one.get("id_before", one["kinds"]) for image_id, one in lines(tmp_path / "out").items()}
    assert kinds == {
        "pug_d": "pug_a",
        "pug_e": "pug_b",
        "pug_f": "pug_c",
        "pug_g": ["added"],
        "pug_h": ["added"],
    }


def test_weights_that_changed_are_told_from_slices_that_did(tmp_path):
    def version(place: str, weights: dict[str, float]) -> Path:
        records = tuple(record(f"pug_{one}", weight=weight) for one, weight in weights.items())
        shards = {"train": (records,), "eval": ((record("pug_9", 8, weight=1.0),),)}
        return published.publish(tmp_path / place, load_spec("pets").model_copy(update={"weights": WEIGHTS}), shards)

    before, after = version("one", {"a": 1.0, "b": 0.3}), version("two", {"a": 1.0, "b": 2.5})
    assert compare(before, after, f"--output={tmp_path}/out") == 0
    (change,) = lines(tmp_path / "out").values()
    assert (change["kinds"], change["weight"]) == (["weight_changed"], ["0.3", "2.5"])
    assert "slices" not in change


def test_an_earlier_comparison_is_replaced_whole(root, tmp_path):
    data = root / "data/pets"
    assert compare(data / "1.0.0", data / "1.1.0", f"--output={tmp_path}/out") == 0
    (tmp_path / "out/changes/changes-00001-of-00002.jsonl").write_text('{"id": "stale"}\n')
    assert compare(data / "1.1.0", data / "1.0.0", f"--output={tmp_path}/out") == 0
    assert lines(tmp_path / "out")["pug_21"]["kinds"] == ["removed"]
    assert len(list((tmp_path / "out/changes").iterdir())) == 1
