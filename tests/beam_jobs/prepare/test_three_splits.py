"""A third split, `test`: from a hash, from lists and from folders, through everything that a version is checked by."""

import contextlib
import io
import json
from pathlib import Path

import pytest
import yaml

from beam_jobs.validate.command_line import main as validate
from schemas.errors import UserError
from schemas.manifest import read_manifest
from schemas.version import verify_version
from schemas.version_files import NEAR_DUPLICATES_FILE, anomalies_path, statistics_path
from tests.beam_jobs.jobs import GOOD, prepare
from tests.beam_jobs.pictures import encode, scene, trimap, write_pair
from tests.published import ids_by_split

TRIMAPS = {
    "name": "frames",
    "title": "Frames",
    "license": "none",
    "source": "drawn",
    "mask_path": "masks/{id}.png",
    "classes": [{"name": "pet", "mask_values": [1]}, {"name": "rest", "mask_values": [2, 3]}],
}


def draw(folder: Path, names: list[str]) -> None:
    """Photos that all look different."""
    for index, name in enumerate(names):
        write_pair(folder, name, encode(scene(index), "JPEG"), encode(trimap(300, 200), "PNG"))


@pytest.fixture(scope="module")
def photos(tmp_path_factory) -> Path:
    """Forty photos, one of which is there again under an id that a hash puts into test."""
    folder = tmp_path_factory.mktemp("photos")
    draw(folder, GOOD)
    return folder


@pytest.fixture(scope="module")
def by_hash(photos, tmp_path_factory) -> tuple[Path, str]:
    output, said = tmp_path_factory.mktemp("hash"), io.StringIO()
    with contextlib.redirect_stdout(said):
        assert prepare(photos, output, "1.0.0", "--eval_fraction=0.3", "--test_fraction=0.3") == 0
    return output / "pets" / "1.0.0", said.getvalue()


def test_a_share_of_test_takes_ids_from_train_alone(by_hash, photos, tmp_path):
    version, said = by_hash
    assert prepare(photos, tmp_path, "1.0.0", "--eval_fraction=0.3", "--near_duplicates=ignore") == 0
    three, two = ids_by_split(version), ids_by_split(tmp_path / "pets" / "1.0.0")
    assert three["eval"] == two["eval"]
    assert three["test"]
    assert three["test"] == two["train"] - three["train"]
    assert f"test {len(three['test'])}" in said


def test_a_version_with_three_splits_is_whole_measured_and_drawn(by_hash):
    version, _ = by_hash
    manifest = verify_version(version).manifest
    assert manifest.split_names == ("train", "eval", "test")
    assert manifest.published == sum(split.records for split in manifest.splits.values()) == 40
    assert manifest.options["test_fraction"] == 0.3
    for split in manifest.split_names:
        assert (version / statistics_path(split)).is_file()
        assert (version / anomalies_path(split)).is_file()
    page = (version / "report.html").read_text()
    assert page.count('class="split test"') >= 4  # photos, classes, sizes, slices


def test_versions_without_a_test_split_say_nothing_of_one(photos, tmp_path):
    assert prepare(photos, tmp_path) == 0
    manifest = (tmp_path / "pets" / "1.0.0" / "manifest.json").read_text()
    assert "test" not in manifest


def test_a_version_with_three_splits_is_validated_whole(by_hash, tmp_path, capsys):
    version, _ = by_hash
    assert validate([f"--version_dir={version}", f"--output={tmp_path}"]) == 0
    assert f"test {read_manifest(version).splits['test'].records})" in capsys.readouterr().out
    assert (tmp_path / anomalies_path("test")).is_file()


def test_a_photo_of_test_is_looked_for_in_train_and_in_eval(tmp_path, capsys):
    names = {"train": "Bengal_0", "eval": "Bengal_1", "test": "Bengal_2"}
    draw(tmp_path / "photos", [*names.values(), *(f"pug_{index}" for index in range(6))])
    for copy in ("pug_10", "pug_11"):  # of the photo in eval
        write_pair(tmp_path / "photos", copy, encode(scene(1), "JPEG"), encode(trimap(300, 200), "PNG"))
    write_lists(tmp_path / "photos", train=["Bengal_0", "pug_0", "pug_1"], eval=["Bengal_1", "pug_2", "pug_3"])
    (tmp_path / "photos" / "holdout.txt").write_text("\n".join(["Bengal_2", "pug_4", "pug_5", "pug_10", "pug_11"]))
    assert publish(tmp_path, official("holdout.txt")) == 0
    version = tmp_path / "data" / "frames" / "1.0.0"
    pairs = [json.loads(line) for line in (version / NEAR_DUPLICATES_FILE).read_text().splitlines()]
    found = {(pair["test"], pair["eval"]) for pair in pairs if pair.keys() >= {"test", "eval"}}
    assert found == {("pug_10", "Bengal_1"), ("pug_11", "Bengal_1")}
    assert "2  of 5 test photos have a near-duplicate in eval (40.0%)" in capsys.readouterr().out
    assert "2 of 5 test photos" in (version / "report.html").read_text()
    assert validate([f"--version_dir={version}"]) == 0
    assert "2 of 5 photos of test are the same as photos of eval" in capsys.readouterr().out


def write_lists(folder: Path, **splits: list[str]) -> None:
    for name, listed in splits.items():
        (folder / f"{name}.txt").write_text("\n".join(listed))


def official(test: str) -> dict:
    lists = {"train": "train.txt", "eval": "eval.txt", "test": test}
    return TRIMAPS | {
        "image_path": "images/{id}.jpg",
        "mask_path": "annotations/trimaps/{id}.png",
        "official_splits": lists,
        "split": "official",
    }


def publish(folder: Path, described: dict, *options: str, version: str = "1.0.0") -> int:
    """Publishes the photos of a folder under a description."""
    from beam_jobs.prepare.command_line import main

    (folder / "photos" / "dataset.yaml").write_text(yaml.safe_dump(described))
    places = f"--input={folder / 'photos'}", f"--output={folder / 'data'}"
    return main([*places, f"--version={version}", "--image_size=32", *options])


@pytest.mark.parametrize(
    ("folders", "splits"),
    [
        (("train", "val", "test"), {"train": 3, "eval": 2, "test": 1}),
        (("train", "test"), {"train": 3, "eval": 2}),  # every version needs one to choose a model by
    ],
)
def test_a_folder_called_test_is_test_beside_one_to_choose_models_by_and_else_eval(folders, splits, tmp_path):
    sizes = {folder: 3 - index for index, folder in enumerate(folders)}
    for folder, count in sizes.items():
        for index in range(count):
            target = tmp_path / "photos" / folder / f"{folder}_{index}.jpg"
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(encode(scene(index), "JPEG"))
            mask = tmp_path / "photos" / "masks" / f"{folder}_{index}.png"
            mask.parent.mkdir(exist_ok=True)
            mask.write_bytes(encode(trimap(300, 200), "PNG"))
    described = TRIMAPS | {"image_path": f"{{split:{'|'.join(folders)}}}/{{id}}.jpg", "split": "official"}
    assert publish(tmp_path, described) == 0
    manifest = read_manifest(tmp_path / "data" / "frames" / "1.0.0")
    assert {name: split.records for name, split in manifest.splits.items()} == splits


@pytest.mark.proof
def test_a_retried_version_keeps_its_test_split_and_its_share(photos, tmp_path):
    folder = tmp_path / "photos"
    draw(folder, GOOD[:20])
    broken = "pug_99"
    write_pair(folder, broken, b"no photo", encode(trimap(300, 200), "PNG"))
    shares = ("--eval_fraction=0.3", "--test_fraction=0.3", "--near_duplicates=ignore")
    assert prepare(folder, tmp_path / "data", "1.0.0", *shares) == 0
    write_pair(folder, broken, encode(scene(99), "JPEG"), encode(trimap(300, 200), "PNG"))
    assert prepare(folder, tmp_path / "data", "1.1.0", "--retry_quarantined=1.0.0", "--near_duplicates=ignore") == 0
    before, now = (ids_by_split(tmp_path / "data" / "pets" / name) for name in ("1.0.0", "1.1.0"))
    assert {split: found - {broken} for split, found in now.items()} == before
    assert broken in set().union(*now.values())


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--eval_fraction=0.5", "--test_fraction=0.5"], "must leave a share for train"),
        (["--split=official", "--test_fraction=0.1"], "the official lists name theirs"),
        (["--test_fraction=-1"], "test_fraction"),
    ],
)
def test_shares_that_cannot_be_are_refused_in_one_line(photos, tmp_path, options, message):
    with pytest.raises(UserError, match=message):
        prepare(photos, tmp_path, "1.0.0", *options)


def test_an_empty_test_split_publishes_nothing(photos, tmp_path, capsys):
    assert prepare(photos, tmp_path, "1.0.0", "--test_fraction=0.0000001") == 1
    assert "test" in capsys.readouterr().out
    assert not (tmp_path / "pets" / "1.0.0").exists()
