"""`--retry_quarantined`: the next version from what a base version published and what it rejected."""

import json
import re
import shutil

import numpy as np
import pytest
from PIL import Image

from beam_jobs.elements import read_source
from beam_jobs.records.published_records import find_records
from beam_jobs.records.sharding import split_by_hash
from schemas.errors import UserError
from schemas.manifest import file_sha256, read_manifest
from schemas.version import verify_version
from tests.beam_jobs.jobs import GOOD, prepare
from tests.beam_jobs.pictures import encode, gradient, trimap, write_pair

pytestmark = pytest.mark.slow

DEFECTS = {
    "pug_100": {"photo": b""},
    "pug_101": {"mask": encode(trimap(50, 50), "PNG")},
    "Bengal_102": {"photo": b"no photo"},
    "Bengal_103": {"mask": encode(Image.new("L", (60, 40), 2), "PNG")},
}
# As many as it takes for two shards of train.
MORE = [f"Bengal_{number}" for number in range(200, 240)] + [f"pug_{number}" for number in range(200, 240)]


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """A folder with `broken` photos, the base version made of them, and what the repaired ones give from the start."""
    folder = tmp_path_factory.mktemp("retry")
    for image_id in [*GOOD, *MORE]:
        write_pair(folder / "broken", image_id)
    write_pair(folder / "broken", "pug_7", photo=encode(gradient().convert("CMYK"), "JPEG"))
    write_pair(folder / "broken", "Bengal_104")
    (folder / "broken/annotations/trimaps/Bengal_104.png").unlink()
    shutil.copytree(folder / "broken", folder / "whole")
    for image_id, defect in DEFECTS.items():
        write_pair(folder / "broken", image_id, **defect)
        write_pair(folder / "whole", image_id)
    assert prepare(folder / "broken", folder / "data", "1.0.0", "--max_rejected_fraction=0.2") == 0
    assert prepare(folder / "whole", folder / "fresh", "1.0.0") == 0
    return folder


@pytest.fixture
def data(made, tmp_path):
    """A copy of the base version's root."""
    return shutil.copytree(made / "data", tmp_path / "data")


def shards(version_dir):
    verify_version(version_dir)
    return {str(path.relative_to(version_dir)): path.read_bytes() for path in version_dir.glob("examples/*/*")}


def quarantine(version_dir):
    lines = [line for path in version_dir.glob("quarantine/*.jsonl") for line in path.read_text().splitlines()]
    return {entry["id"]: entry for entry in map(json.loads, lines)}


def ids_of(version_dir):
    """Id to split of every record."""
    splits = read_manifest(version_dir).splits.items()
    return {
        image_id: name
        for name, split in splits
        for shard in split.shards
        for image_id, _ in find_records(str(version_dir), shard)
    }


def scene(seed):
    """JPEG of noise, unlike that of any other seed, at the size of a record: a resize would change its hash."""
    noise = np.random.default_rng(seed).integers(0, 256, (32, 32, 3), np.uint8)
    return encode(Image.fromarray(noise), "JPEG", quality=95)


def test_repaired_photos_and_copied_records_give_the_shards_of_a_fresh_run(made, data, capsys):
    assert prepare(made / "whole", data, "1.1.0", "--retry_quarantined=1.0.0") == 0
    version, fresh = data / "pets" / "1.1.0", made / "fresh" / "pets" / "1.0.0"
    assert len(shards(fresh)) > 2
    assert shards(version) == shards(fresh)
    manifest, expected = read_manifest(version), read_manifest(fresh)
    for field in ("splits", "inputs", "published", "quarantined", "repaired", "repairs"):
        assert getattr(manifest, field) == getattr(expected, field), field
    assert manifest.repairs == {"cmyk": 1}
    assert list(quarantine(version)) == ["Bengal_104"]
    (repaired,) = [path.read_text() for path in version.glob("repairs/*")]
    assert json.loads(repaired)["id"] == "pug_7"
    base = file_sha256(data / "pets/1.0.0/manifest.json")
    assert {key: manifest.options[key] for key in manifest.options.keys() - expected.options.keys()} == {
        "retry_quarantined": "1.0.0",
        "base_sha256": base,
    }
    for name in ("statistics/Split-train/FeatureStats.pb", "statistics/Split-eval/FeatureStats.pb"):
        assert (version / name).read_bytes() == (fresh / name).read_bytes()
    capsys.readouterr()
    assert prepare(made / "whole", data, "1.1.0", "--retry_quarantined=1.0.0") == 0
    assert "Already published" in capsys.readouterr().out


def test_only_what_the_base_rejected_is_taken_from_a_folder_of_repaired_files(made, data, tmp_path, capsys):
    repaired = tmp_path / "repaired"
    write_pair(repaired, "pug_100")
    write_pair(repaired, "pug_101", photo=b"still no photo")
    write_pair(repaired, "pug_7", photo=encode(gradient().rotate(180), "JPEG"))  # published: its record stays
    write_pair(repaired, "pug_900")  # unknown to the base
    write_pair(repaired, "pug_901")
    options = ["--retry_quarantined=1.0.0", "--max_rejected_fraction=0.2"]
    assert prepare(repaired, data, "1.1.0", *options) == 0
    assert re.search("not taken +2 ", capsys.readouterr().out)
    version = data / "pets" / "1.1.0"
    before, after = read_manifest(data / "pets" / "1.0.0"), read_manifest(version)
    assert after.inputs == before.inputs == after.published + sum(after.quarantined.values())
    assert after.published == before.published + 1
    assert after.quarantined == {
        "not_an_image": 2,
        "mask_lacks_required_class": 1,
        "missing_mask": 1,
    }
    old, new = quarantine(data / "pets" / "1.0.0"), quarantine(version)
    assert {one: new[one] for one in new if one != "pug_101"} == {one: old[one] for one in new if one != "pug_101"}
    assert old["pug_101"]["reason"] == "mask_size_differs"
    assert new["pug_101"]["image_uri"] == str(repaired / "images/pug_101.jpg")


@pytest.mark.proof
def test_a_retry_of_a_retry_keeps_the_options_of_the_first(made, data, tmp_path):
    repaired = tmp_path / "repaired"
    write_pair(repaired, "pug_100")
    assert prepare(repaired, data, "1.1.0", "--retry_quarantined=1.0.0", "--max_rejected_fraction=0.2") == 0
    assert prepare(made / "whole", data, "1.2.0", "--retry_quarantined=1.1.0") == 0
    assert shards(data / "pets" / "1.2.0") == shards(made / "fresh" / "pets" / "1.0.0")


@pytest.mark.proof
def test_official_splits_are_remembered_where_the_repaired_files_bring_no_lists(made, tmp_path):
    photos, whole = tmp_path / "photos", tmp_path / "whole"
    for image_id in GOOD:
        write_pair(photos, image_id)
    lists = {"trainval": [*GOOD[:18], *GOOD[20:32], "pug_100"], "test": [*GOOD[18:20], *GOOD[32:], "Bengal_102"]}
    for name, ids in lists.items():
        (photos / f"annotations/{name}.txt").write_text("".join(f"{one} 1\n" for one in ids))
    shutil.copytree(photos, whole)
    for image_id in ("pug_100", "Bengal_102"):
        write_pair(photos, image_id, photo=b"")
        write_pair(whole, image_id)
        write_pair(tmp_path / "repaired", image_id)
    options = ["--split=official", "--max_rejected_fraction=0.2"]
    assert prepare(photos, tmp_path / "data", "1.0.0", *options) == 0
    assert prepare(whole, tmp_path / "fresh", "1.0.0", *options) == 0
    assert prepare(tmp_path / "repaired", tmp_path / "data", "1.1.0", "--retry_quarantined=1.0.0") == 0
    assert shards(tmp_path / "data/pets/1.1.0") == shards(tmp_path / "fresh/pets/1.0.0")


@pytest.mark.proof
def test_a_repaired_near_duplicate_goes_to_the_split_of_the_published_photo(tmp_path):
    scenes = {one: scene(seed) for seed, one in enumerate(GOOD)}
    mask = encode(trimap(32, 32), "PNG")
    first = next(f"Bengal_{number}" for number in range(100, 200) if split_by_hash(f"Bengal_{number}", 0.2) == "eval")
    twin = next(one for one in GOOD[20:] if split_by_hash(one, 0.2) == "train")
    for image_id, photo in {**scenes, first: b""}.items():
        write_pair(tmp_path / "photos", image_id, photo=photo, mask=mask)
    write_pair(tmp_path / "repaired", first, photo=scenes[twin], mask=mask)
    options = ["--near_duplicates=one_side", "--max_rejected_fraction=0.1"]
    assert prepare(tmp_path / "photos", tmp_path / "data", "1.0.0", *options) == 0
    assert prepare(tmp_path / "repaired", tmp_path / "data", "1.1.0", "--retry_quarantined=1.0.0") == 0
    before, after = (ids_of(tmp_path / "data" / "pets" / version) for version in ("1.0.0", "1.1.0"))
    assert first < twin  # without the record that is published, the first id would decide for both
    assert after == {**before, first: "train"}


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--jpeg_quality=80"], r"was made with jpeg_quality=92 \(now 80\).*leave such options out"),
        (["--split=official"], r"split=hash \(now official\)"),
        (["--retry_quarantined=0.9.0"], "0.9.0: no such folder"),
        (["--retry_quarantined=1.1.0"], "1.1.0 is the version to be made"),
    ],
)
def test_what_contradicts_the_base_is_refused(made, data, options, message):
    with pytest.raises(UserError, match=message):
        prepare(made / "whole", data, "1.1.0", "--retry_quarantined=1.0.0", *options)
    assert not (data / "pets" / "1.1.0").exists()


def test_a_repaired_photo_without_its_mask_is_reported(data, tmp_path):
    write_pair(tmp_path / "repaired", "pug_100")
    shutil.rmtree(tmp_path / "repaired" / "annotations")
    with pytest.raises(UserError, match="needs its mask beside it"):
        prepare(tmp_path / "repaired", data, "1.1.0", "--retry_quarantined=1.0.0")


def test_a_damaged_base_is_not_built_upon(made, data):
    shard = next((data / "pets" / "1.0.0" / "examples").rglob("*00001-of*"))
    damaged = bytearray(shard.read_bytes())
    damaged[len(damaged) // 2] ^= 1
    shard.write_bytes(damaged)
    with pytest.raises(UserError, match=f"{shard.name}: record .*CRC"):
        prepare(made / "whole", data, "1.1.0", "--retry_quarantined=1.0.0")
    shard.write_bytes(b"")
    with pytest.raises(UserError, match=f"{shard.name}: has 0 bytes"):
        prepare(made / "whole", data, "1.1.0", "--retry_quarantined=1.0.0")
    assert not (data / "pets" / "1.1.0").exists()


def test_a_quarantine_that_lost_lines_withholds_the_version(made, data, capsys):
    (data / "pets/1.0.0/quarantine/quarantine-00000-of-00001.jsonl").write_text("")
    assert prepare(made / "whole", data, "1.1.0", "--retry_quarantined=1.0.0") == 1
    assert "1.0.0 accounts for 125" in capsys.readouterr().err


def test_records_are_found_where_they_lie(made):
    version = made / "data" / "pets" / "1.0.0"
    shard = read_manifest(version).splits["eval"].shards[0]
    found = list(find_records(str(version), shard))
    assert len(found) == shard.records
    image_id, source = found[3]
    assert image_id.encode() in read_source(source)
    assert str(source) == f"{version}/{shard.path}!/{image_id}"
