"""Data sets that are merged into one version: each read as it would be alone, classes mapped, ids kept apart."""

import io
import json
import re
import shutil
from pathlib import Path

import numpy as np
import pytest
import yaml
from PIL import Image

from beam_jobs.dataflow.calibration import count_inputs, images_per_second
from beam_jobs.prepare.command_line import main
from beam_jobs.prepare.options import PrepareOptions
from beam_jobs.records.published_records import bytes_of, parse_record, read_records
from beam_jobs.sources.dataset_file import read_dataset
from beam_jobs.storage.versions import read_manifest as read_stored
from schemas.contract import contract_changes
from schemas.errors import UserError
from schemas.features import IGNORE_ID
from schemas.manifest import read_manifest
from schemas.merge_spec import merged_id, split_id
from schemas.version import read_version
from tests.beam_jobs.pictures import encode, scene

SIDE = 32
MERGE = {
    "name": "outdoors",
    "classes": ["ground", "Living thing"],
    "merge": {
        "streets": {"classes": {"Road": "ground", "Sidewalk": "ground", "person": "Living thing", "sky": "ignore"}},
        "animals": {"input": "pictures", "classes": {"cat": "Living thing", "dog": "Living thing"}},
    },
}
STREETS = {  # values of three pixels each
    "name": "streets",
    "image_path": "photos/{id}.jpg",
    "mask_path": "masks/{id}.png",
    "official_splits": {"train": "train.txt", "eval": "val.txt"},
    "split": "official",
    "group": {"id_pattern": "(.+)_[0-9]+"},
    "license": "CC0",
    "classes": {7: "Road", 8: "Sidewalk", 24: "person", 23: "sky"},
}
ANIMALS = {  # masks of colours
    "name": "animals",
    "image_path": "{id}.jpg",
    "mask_path": "{id}_mask.png",
    "classes": {"#ff0000": "cat", "#00ff00": "dog", "#0000ff": "ground", "#000000": "ignore"},
}


def write(path: Path, image: Image.Image, image_format: str = "PNG") -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(encode(image, image_format))


def stripes(values) -> Image.Image:
    """A mask of four upright stripes of `values`: numbers, colours or indices of a palette."""
    return Image.fromarray(np.repeat(np.array(values, np.uint8)[None], SIDE, 0).repeat(SIDE // 4, 1))


@pytest.fixture
def folder(tmp_path) -> Path:
    """Two data sets with photos of the same names, in layouts, splits and masks of their own, and what merges them."""
    root = tmp_path / "both"
    for seed in range(8):
        photo = scene(seed).resize((SIDE, SIDE))
        write(root / f"streets/photos/a_{seed}.jpg", photo, "JPEG")
        mask = stripes([7, 8, 24, 23])
        mask.putpalette([200, 10, 10] * 256)
        write(root / f"streets/masks/a_{seed}.png", mask)
        write(root / f"pictures/a_{seed}.jpg", scene(100 + seed).resize((SIDE, SIDE)), "JPEG")
        write(root / f"pictures/a_{seed}_mask.png", stripes([(255, 0, 0), (0, 255, 0), (0, 0, 255), (0, 0, 0)]))
    (root / "streets/train.txt").write_text("".join(f"a_{seed}\n" for seed in range(5)))
    (root / "streets/val.txt").write_text("".join(f"a_{seed}\n" for seed in range(5, 8)))
    for place, content in (("streets", STREETS), ("pictures", ANIMALS), (".", MERGE)):
        (root / place / "dataset.yaml").write_text(yaml.safe_dump(content, sort_keys=False))
    return root


def prepare(folder: Path | str, output: Path | str, *options: str) -> int:
    return main([f"--input={folder}", f"--output={output}", "--version=1.0.0", f"--image_size={SIDE}", *options])


def records(version: Path) -> dict[str, tuple[str, dict]]:
    """Id to split and feature values."""
    found = {}
    for split, one in read_manifest(version).splits.items():
        for shard in one.shards:
            for data, _ in read_records(str(version), shard):
                values = parse_record(data)
                found[bytes_of(values, "image_id").decode()] = split, values
    return found


def class_ids(values: dict) -> list[int]:
    """Of the four stripes."""
    return np.asarray(Image.open(io.BytesIO(values["mask"])))[3, 4::8].tolist()


@pytest.mark.slow
def test_each_data_set_is_read_as_it_would_be_alone_and_its_classes_are_mapped(folder, tmp_path, capsys):
    (folder / "pictures/a_3.jpg").write_bytes(b"no photo")
    write(folder / "pictures/a_4_mask.png", stripes([(0, 0, 0)] * 4))
    options = "--max_rejected_fraction=0.3", "--eval_fraction=0.4"
    (tmp_path / "exclude.txt").write_text("streets/a_7\n")
    exclude = f"--exclude={tmp_path}/exclude.txt"
    assert prepare(folder, tmp_path / "data", *options, exclude) == 0
    version = tmp_path / "data/outdoors/1.0.0"
    found = records(version)
    assert len(found) == 13
    for image_id, (split, values) in found.items():
        source, own_id = split_id(image_id)
        assert values["source"].decode() == source
        if source == "streets":
            assert class_ids(values) == [0, 0, 1, IGNORE_ID]
            assert split == ("train" if int(own_id[-1]) < 5 else "eval")
            assert values["group"] == b"streets/a"
        else:
            assert class_ids(values) == [1, 1, 0, IGNORE_ID]
            assert values["group"] == image_id.encode()
        assert values.get("source_mask") == (values["mask"] if split == "eval" else None)  # the photo has this size
        assert values["ground_fraction"] == pytest.approx(2 / 3 if source == "streets" else 1 / 3)
    lines = [json.loads(line) for path in version.glob("quarantine/*") for line in path.read_text().splitlines()]
    assert {one["id"]: one["reason"] for one in lines} == {
        "animals~2Fa_3": "not_an_image",
        "animals~2Fa_4": "mask_all_ignored",
        "streets~2Fa_7": "excluded",
    }
    assert {Path(one["image_uri"]).parent.name for one in lines} == {"pictures", "photos"}

    manifest, spec = read_version(version)
    assert manifest.derived_ids == 0
    assert manifest.options["eval_fraction"] == 0.4  # it decides the splits of the animals
    assert spec.class_titles == ("ground", "Living thing")
    assert spec.license == "streets: CC0"
    capsys.readouterr()
    assert prepare(folder, tmp_path / "data", *options, exclude) == 0
    assert "Already published from the same inputs and options" in capsys.readouterr().out

    assert prepare(folder / "pictures", tmp_path / "data", *options) == 0
    alone = records(tmp_path / "data/animals/1.0.0")
    assert {merged_id("animals", one) for one in alone} == {one for one in found if one.startswith("animals")}
    for image_id, (split, values) in alone.items():
        merged_split, merged = found[merged_id("animals", image_id)]
        assert (merged_split, merged["image"]) == (split, values["image"])


@pytest.mark.proof
def test_data_sets_in_a_bucket_are_merged_there(folder, bucket, storage):
    storage.put_folder(folder, f"{bucket}/both")
    assert prepare(f"{bucket}/both", f"{bucket}/data", "--eval_fraction=0.4") == 0
    version = f"{bucket}/data/outdoors/1.0.0"
    shards = [shard for split in read_stored(version).splits.values() for shard in split.shards]
    found = {bytes_of(parse_record(data), "image_id") for shard in shards for data, _ in read_records(version, shard)}
    assert found == {f"{source}~2Fa_{seed}".encode() for source in ("streets", "animals") for seed in range(8)}


def changed(folder: Path, place: str = ".", **values) -> Path:
    path = folder / place / "dataset.yaml"
    path.write_text(yaml.safe_dump(yaml.safe_load(path.read_text()) | values, sort_keys=False))
    return folder


def merge_with(name: str, **values) -> dict:
    return {**MERGE["merge"], name: {**MERGE["merge"].get(name, {}), **values}}


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"merge": merge_with("streets", classes={"road": "ground"})}, "streets: no place for sidewalk, person, sky"),
        ({"merge": merge_with("streets", classes={"rode": "ground"})}, "streets has no rode; it has road, sidewalk"),
        ({"classes": ["soil", "Living thing"]}, "merge.streets: no place for road, sidewalk; map each"),
        ({"merge": merge_with("boats")}, "merge.boats: .*there is no .*boats/dataset.yaml"),
        ({"merge": merge_with("streets", input="../streets")}, "merge.streets: '../streets' must be a path below"),
        ({"merge": merge_with("streets", dataset="/etc/passwd")}, "merge.streets: '/etc/passwd' must be a path below"),
        ({"merge": {}}, "merge: names no data set"),
        ({"merge": ["streets"]}, "merge: must name data sets"),
        ({"merge": {"streets": "streets"}}, "merge.streets: must have classes"),
        ({"merge": {"Streets": {"input": "streets"}}}, "merge.Streets"),
        ({"image_path": "photos/{id}.jpg"}, "groups and weights belong to the data sets that are merged"),
        ({"classes": {3: "ground", 4: "Living thing"}}, "classes: of a merged data set are names alone"),
    ],
)  # fmt: skip
def test_a_description_that_leaves_something_open_is_refused(folder, tmp_path, values, message):
    with pytest.raises(UserError, match=message):
        prepare(changed(folder, **values), tmp_path / "data")
    assert not (tmp_path / "data").exists()


@pytest.mark.parametrize(
    ("option", "message"),
    [
        ("--image_path={id}.png", "mask_path: not for merged"),
        ("--retry_quarantined=0.9.0", "not for merged"),
    ],
)
def test_options_of_one_folder_are_refused(folder, tmp_path, option, message):
    with pytest.raises(UserError, match=message):
        prepare(folder, tmp_path / "data", option)


def test_an_excluded_photo_of_no_data_set_is_named(folder, tmp_path):
    (tmp_path / "exclude.txt").write_text("boats/a_7\n")
    with pytest.raises(UserError, match="exclude: boats~2Fa_7 is of none of the data sets that are merged"):
        prepare(folder, tmp_path / "data", f"--exclude={tmp_path}/exclude.txt")


def test_what_is_merged_is_not_merged_again(folder, tmp_path):
    outer = tmp_path / "outer"
    shutil.copytree(folder, outer / "both")
    (outer / "dataset.yaml").write_text(yaml.safe_dump({**MERGE, "merge": {"both": {}}}))
    with pytest.raises(UserError, match="outdoors is merged itself; name the data sets that it is made of"):
        read_dataset(str(outer))


def test_another_mapping_or_another_description_is_another_content(folder):
    before = read_dataset(str(folder))
    assert contract_changes(before, read_dataset(str(folder))) == []
    classes = {**MERGE["merge"]["streets"]["classes"], "Sidewalk": "ignore"}
    after = read_dataset(str(changed(folder, merge=merge_with("streets", classes=classes))))
    assert contract_changes(before, after) == ["merge.streets: classes mapped otherwise"]
    changed(folder, "pictures", classes={"#ff0000": "cat", "#00ff00": "dog", "#0000fe": "ground", "#000000": "ignore"})
    found = contract_changes(after, read_dataset(str(folder)))
    assert len(found) == 1
    assert re.match(r"merge.animals: class ground: mask_colors", found[0])


def test_how_photos_fit_is_said_by_the_data_sets_where_they_agree(folder):
    changed(folder, "streets", fit="letterbox")
    assert read_dataset(str(folder)).fit is None
    changed(folder, "pictures", fit="letterbox")
    assert read_dataset(str(folder)).fit == "letterbox"


def test_ids_are_kept_apart_and_stay_safe():
    assert merged_id("streets", "a_1") == "streets~2Fa_1"
    assert split_id(merged_id("streets", "b~2Fa_1")) == ("streets", "b~2Fa_1")
    long = merged_id("streets", "x" * 200)
    assert len(long) <= 200
    assert split_id(long)[0] == "streets"


def test_a_plan_counts_and_measures_the_photos_of_all_data_sets(folder, tmp_path):
    values = {"input": str(folder), "output": str(tmp_path / "data"), "version": "1.0.0", "image_size": SIDE}
    options = PrepareOptions(**values)
    found = count_inputs(options)
    assert found.images == 16
    assert found.sample.keys() == {f"{source}~2Fa_{seed}" for source in ("streets", "animals") for seed in range(8)}
    assert images_per_second(options, found.sample) > 0


def test_photos_keep_their_weights_and_those_of_a_data_set_without_count_once(folder, tmp_path):
    (folder / "streets/weights.csv").write_text("".join(f"a_{seed},{seed / 2}\n" for seed in range(8)))
    (folder / "streets/dataset.yaml").write_text(yaml.safe_dump(STREETS | {"weights": "weights.csv"}, sort_keys=False))
    assert prepare(folder, tmp_path, "--eval_fraction=0.4", "--near_duplicates=ignore") == 0
    weights = {image_id: values["weight"] for image_id, (_, values) in records(tmp_path / "outdoors/1.0.0").items()}
    streets = {merged_id("streets", f"a_{seed}"): seed / 2 for seed in range(8)}
    assert weights == streets | {merged_id("animals", f"a_{seed}"): 1.0 for seed in range(8)}
