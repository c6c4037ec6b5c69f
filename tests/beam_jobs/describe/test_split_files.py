"""Lists of splits, and photos without a mask: `describe` drafts what `prepare` then publishes."""

import json

import pytest

from beam_jobs.describe.command_line import main
from beam_jobs.describe.split_files import split_facts
from beam_jobs.prepare.command_line import main as prepare_main
from schemas.manifest import read_manifest
from tests.beam_jobs.describe.test_describe import RUNNER, draw, values

NAMES = {'0: "?"': "0: ground", '3: "?"': "3: leaf"}


def write(folder, files):
    for path, names in files.items():
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_text(names if isinstance(names, str) else "".join(f"{name}\n" for name in names))


def voc(folder):
    """12 photos with masks and 12 without, as in PASCAL VOC; one list for each purpose."""
    draw(folder, values, 24, "JPEGImages/2007_{}.jpg", "SegmentationClass/2007_{}.png")
    for number in range(12, 24):
        (folder / f"SegmentationClass/2007_{number}.png").unlink()
    ids = [f"2007_{number}" for number in range(24)]
    lists = {
        "ImageSets/Segmentation/train.txt": ids[:8],
        "ImageSets/Segmentation/val.txt": ids[8:12],
        "ImageSets/Segmentation/trainval.txt": ids[:12],
        "ImageSets/Segmentation/test.txt": ["2008_1", "2008_2"],
        "ImageSets/Main/train.txt": ids[::2],
        "ImageSets/Main/val.txt": ids[1::2],
        "ImageSets/Main/cat_train.txt": [f"{one}  1" for one in ids[::2]],
        "ImageSets/Main/cat_val.txt": [f"{one} -1" for one in ids[1::2]],
    }
    write(folder, lists)
    return folder


def described(folder):
    """Runs `describe`, names the classes, and returns the lines of the file."""
    assert main([f"--input={folder}", RUNNER]) == 0
    text = (folder / "dataset.yaml").read_text()
    for asked, name in NAMES.items():
        text = text.replace(asked, name)
    (folder / "dataset.yaml").write_text(text)
    return text.splitlines()


def prepare(folder, tmp_path, *more):
    return prepare_main([f"--input={folder}", f"--output={tmp_path / 'data'}", "--version=1.0.0", *more, RUNNER])


def sizes_of(folder):
    return {str(path.relative_to(folder)): path.stat().st_size for path in folder.rglob("*") if path.is_file()}


def test_lists_of_voc_become_the_official_split_and_photos_in_none_withhold_nothing(tmp_path):
    folder = voc(tmp_path / "voc")
    lines = described(folder)
    start = lines.index("official_splits:  # 12 of 24 photos (50%) are listed; the others have no mask")
    assert lines[start + 1 : start + 3] == [
        '  train: "ImageSets/Segmentation/train.txt"  # 8 with a mask',
        '  eval: "ImageSets/Segmentation/val.txt"  # 4 with a mask',
    ]
    assert lines[start + 3].startswith("split: official  #")
    assert not any(line.startswith("unmasked") for line in lines)
    assert prepare(folder, tmp_path, "--image_size=32") == 0
    manifest = read_manifest(tmp_path / "data/voc/1.0.0")
    assert {split: one.records for split, one in manifest.splits.items()} == {"train": 8, "eval": 4}
    assert manifest.quarantined == {"not_in_official_lists": 12}


@pytest.mark.parametrize(
    ("files", "paths"),
    [
        ({"train.txt": range(8), "val.txt": range(8, 12)}, {"train": "train.txt", "eval": "val.txt"}),
        (
            {"train.txt": [f"/S/images/{one}.jpg /S/masks/{one}.png" for one in range(8)], "val.txt": ["8.jpg", "9"]},
            {"train": "train.txt", "eval": "val.txt"},
        ),
        (
            {"splits/trainval.txt": range(8), "splits/test.txt": range(8, 12)},
            {"train": "splits/trainval.txt", "eval": "splits/test.txt"},
        ),
        (
            {"lists/my_train_ids.lst": range(6), "lists/my_val_ids.lst": [6, 7], "lists/my_test_ids.lst": [8, 9]},
            {one: f"lists/my_{name}_ids.lst" for one, name in (("train", "train"), ("eval", "val"), ("test", "test"))},
        ),
        (
            {"meta.csv": ["image,split", *(f"{one}.jpg,{'test' if one % 4 else 'train'}" for one in range(12))]},
            {"train": "meta.csv", "eval": "meta.csv"},
        ),
        ({"train.txt": range(8), "val.txt": range(12)}, None),  # overlap: these would be refused
        ({"train.txt": ["cat", "dog"], "val.txt": ["pug", "fox"]}, None),  # of something else
        ({"train.txt": range(12)}, None),  # says nothing about the other split
    ],
)  # fmt: skip
def test_lists_are_recognised_by_their_names_and_by_what_they_name(tmp_path, files, paths):
    folder = draw(tmp_path / "leaves", values)
    write(folder, files)
    lists = split_facts(str(folder), sizes_of(folder), "images/{id}.jpg", "masks/{id}.png").lists
    assert (lists and lists.paths) == paths


@pytest.mark.parametrize(
    ("files", "note"),
    [
        ({"train.txt": range(8), "val.txt": range(12)}, "train.txt and val.txt: 8 photos are in two splits"),
        ({"train.txt": ["cat"], "val.txt": ["fox"]}, "names photos with a mask for eval and train"),
        ({"train.txt": ["a\0b"], "val.txt": ["fox"]}, "train.txt: line 1: holds zero bytes"),
        ({"a\nclasses: [b]/train.txt": ["cat"], "a\nclasses: [b]/val.txt": ["fox"]}, "a classes: [b]/train.txt"),
        ({"notes.csv": "id,text\n1,soft\n"}, None),  # says nothing about splits
    ],
)
def test_lists_that_do_not_fit_are_not_taken_and_the_file_says_why(tmp_path, files, note):
    folder = draw(tmp_path / "leaves", values)
    write(folder, files)
    lines = list(split_facts(str(folder), sizes_of(folder), "images/{id}.jpg", "masks/{id}.png").lines())
    assert len(lines) == (note is not None)
    assert note is None or (lines[0].startswith("# Note: no split is taken from ") and note in lines[0])


@pytest.mark.proof
def test_photos_without_a_mask_withhold_a_version_with_the_remedy_which_describe_writes(tmp_path, capsys):
    folder = voc(tmp_path / "voc")
    for path in folder.glob("ImageSets/*/*"):
        path.unlink()
    lines = described(folder)
    assert "unmasked: leave_out  # 12 of 24 photos have no mask; counted, not used" in lines
    kept = [line for line in lines if not line.startswith("unmasked")]
    (folder / "dataset.yaml").write_text("\n".join(kept))
    assert prepare(folder, tmp_path, "--image_size=32") == 1
    remedy = "12 are photos without a mask: `unmasked: leave_out` in dataset.yaml leaves them out, counted"
    assert remedy in capsys.readouterr().err
    (folder / "dataset.yaml").write_text("\n".join(lines))
    assert prepare(folder, tmp_path, "--image_size=32") == 0
    version = tmp_path / "data/voc/1.0.0"
    manifest = read_manifest(version)
    assert (manifest.published, manifest.quarantined) == (12, {"left_out_without_mask": 12})
    lines = (version / "quarantine/quarantine-00000-of-00001.jsonl").read_text().splitlines()
    assert {json.loads(line)["reason"] for line in lines} == {"left_out_without_mask"}


def test_masks_beside_their_photos_are_not_counted_as_photos_without_a_mask(tmp_path):
    folder = draw(tmp_path / "leaves", values, 12, "all/{}.png", "all/{}_mask.png")
    lines = described(folder)
    assert 'image_path: "all/{id}.png"  # 12 photos' in lines
    assert not any(line.startswith("unmasked") for line in lines)
