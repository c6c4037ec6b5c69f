"""`group:` in dataset.yaml: a hash keeps each group in one split; lists that tear groups apart are reported."""

from collections import defaultdict
from pathlib import Path

import pytest

from schemas.errors import UserError
from schemas.frozen_model import parse_model
from schemas.group_spec import GroupSpec
from schemas.version import read_version
from tests.beam_jobs.pictures import encode, scene, trimap
from tests.beam_jobs.prepare.test_three_splits import TRIMAPS, publish
from tests.published import ids_by_split

VIDEOS, FRAMES = 6, 3


def draw(folder: Path, name: str = "photos/{video}_{frame}.jpg") -> list[str]:
    """Frames of some videos; returns their ids."""
    drawn = []
    for video in range(VIDEOS):
        for frame in range(FRAMES):
            photo = folder / "photos" / name.format(video=f"v{video}", frame=frame)
            photo.parent.mkdir(parents=True, exist_ok=True)
            photo.write_bytes(encode(scene(FRAMES * video + frame), "JPEG"))
            mask = folder / "photos" / "masks" / f"{photo.stem}.png"
            mask.parent.mkdir(exist_ok=True)
            mask.write_bytes(encode(trimap(300, 200), "PNG"))
            drawn.append(photo.stem)
    return drawn


def splits_of_videos(version: Path) -> dict[str, set[str]]:
    found = defaultdict(set)
    for split, members in ids_by_split(version).items():
        for image_id in members:
            found[image_id.split("_")[0]].add(split)
    return found


@pytest.mark.parametrize(
    ("name", "image_path", "group"),
    [
        ("photos/{video}_{frame}.jpg", "photos/{id}.jpg", {"id_pattern": "(v[0-9]+)_.*"}),
        ("videos/{video}/{video}_{frame}.jpg", "videos/*/{id}.jpg", "folder"),
    ],
)
def test_a_hash_keeps_each_group_in_one_split(name, image_path, group, tmp_path, capsys):
    draw(tmp_path, name)
    assert publish(tmp_path, TRIMAPS | {"image_path": image_path, "group": group}) == 0
    version = tmp_path / "data" / "frames" / "1.0.0"
    assert [len(splits) for splits in splits_of_videos(version).values()] == [1] * VIDEOS
    assert {len(members) % FRAMES for members in ids_by_split(version).values()} == {0}
    assert f"  {'groups':<12}{VIDEOS:>8}  each in one split" in capsys.readouterr().out
    assert f"{VIDEOS} groups, each in one split" in (version / "report.html").read_text()
    assert read_version(version).spec.names_groups


@pytest.mark.parametrize("whole", [False, True])
def test_a_group_that_lists_tear_apart_is_reported_and_withheld_only_where_that_is_a_rule(whole, tmp_path, capsys):
    drawn = draw(tmp_path)
    (tmp_path / "photos" / "train.txt").write_text("\n".join(drawn[:-4]))
    (tmp_path / "photos" / "eval.txt").write_text("\n".join(drawn[-4:]))
    described = TRIMAPS | {
        "image_path": "photos/{id}.jpg",
        "official_splits": {"train": "train.txt", "eval": "eval.txt"},
        "split": "official",
        "group": {"id_pattern": "(v[0-9]+)_.*", "whole": whole},
    }
    assert publish(tmp_path, described) == (1 if whole else 0)
    said = "".join(capsys.readouterr())
    if whole:
        assert "1 of 6 groups are in several splits, such as v4 (train and eval)" in said
    else:
        assert "1 of them in several splits" in said
        page = (tmp_path / "data" / "frames" / "1.0.0" / "report.html").read_text()
        assert "1 of 6 groups are in several splits, such as v4 (train and eval)" in page


@pytest.mark.parametrize(
    ("group", "message"),
    [
        ({}, "needs exactly one of"),
        ({"id_pattern": "v[0-9]+"}, "one group in parentheses"),
        ({"id_pattern": "(v", "folder": False}, "not a regular expression"),
        ({"id_pattern": "(v)", "folder": True}, "needs exactly one of"),
        ("folders", "Extra inputs are not permitted"),
    ],
)
def test_a_group_without_one_clear_rule_is_refused(group, message):
    with pytest.raises(UserError, match=message):
        parse_model(GroupSpec, group, "dataset.yaml")


def test_an_id_or_a_folder_that_says_no_group_is_a_group_of_its_own():
    by_id, by_folder = GroupSpec(id_pattern="(v[0-9]+)_.*"), GroupSpec(folder=True)
    assert by_id.group_of("x", "photos/x.jpg", "photos/{id}.jpg") == "x"
    assert by_folder.group_of("x", "/a/b/x.jpg", "{id}.jpg") == "x"
    assert by_folder.group_of("x", "/a/train/city/seq/x.jpg", "{split:train|val}/*/*/{id}.jpg") == "city/seq"
    assert by_folder.group_of("x", "/a/images.tar!/seq/x.jpg", "*/{id}.jpg") == "seq"
