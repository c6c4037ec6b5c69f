"""`--source_masks`: records of eval and test keep their masks at the photos' own sizes, too."""

import io
import json

import numpy as np
import pytest
from PIL import Image

from beam_jobs.prepare.content_options import content_options
from beam_jobs.prepare.contract import contract_of
from beam_jobs.prepare.options import PrepareOptions
from beam_jobs.prepare.records import Encoding, make_record
from beam_jobs.records.published_records import bytes_of, int_of, parse_record, read_records
from beam_jobs.validate.command_line import main as validate
from schemas import features
from schemas.errors import UserError
from schemas.fitting import LETTERBOX
from schemas.frozen_model import parse_model
from schemas.manifest import read_manifest
from schemas.shipped import load_spec
from schemas.version import verify_version
from tests.beam_jobs.jobs import GOOD, prepare
from tests.beam_jobs.pictures import encode, gradient, scene, trimap, write_pair

PETS = load_spec("pets")
SIZE = (61, 40)  # width and height
PHOTO, MASK = encode(gradient(*SIZE), "PNG"), encode(trimap(*SIZE), "PNG")
OFF = "--source_masks=none"


def decoded(data) -> np.ndarray:
    return np.asarray(Image.open(io.BytesIO(data)))


def records(version, split):
    """Feature values of each record of a split."""
    for shard in read_manifest(version).splits[split].shards:
        yield from (parse_record(data) for data, _ in read_records(str(version), shard))


def splits_with_source_masks(version) -> dict[str, bool]:
    """Split to whether its records have one, which all or none must."""
    found = {split: {features.SOURCE_MASK in one for one in records(version, split)} for split in ("train", "eval")}
    return {split: has for split, (has,) in found.items()}


@pytest.mark.parametrize("fit", ["stretch", LETTERBOX])
@pytest.mark.parametrize("split", ["eval", "test"])
def test_the_mask_at_the_photos_own_size_holds_every_class_id_as_it_was_given(fit, split):
    record = make_record("pug_1", PHOTO, MASK, PETS, Encoding(32, "png", 92, 0, fit, source_masks=True), split=split)
    ids = np.asarray(trimap(*SIZE)) - 1
    np.testing.assert_array_equal(decoded(record.values[features.SOURCE_MASK]), ids)
    plain = make_record("pug_1", PHOTO, MASK, PETS, Encoding(32, "png", 92, 0, fit), split=split)
    assert {**plain.values, features.SOURCE_MASK: record.values[features.SOURCE_MASK]} == record.values


def test_training_records_have_none_and_neither_have_versions_that_keep_the_photos_sizes(tmp_path):
    record = make_record("pug_1", PHOTO, MASK, PETS, Encoding(32, "png", 92, 0, source_masks=True), split="train")
    assert features.SOURCE_MASK not in record.values
    assert not options_of(tmp_path, image_size=0).keeps_source_masks
    assert options_of(tmp_path, image_size="48x32").keeps_source_masks


def test_the_mask_of_a_photo_that_was_held_sideways_is_as_upright_as_the_photo():
    exif = Image.Exif()
    exif[0x0112] = 6  # orientation: to be turned clockwise
    sideways = encode(gradient(*SIZE).rotate(90, expand=True), "JPEG", quality=95, exif=exif)
    values = make_record("pug_1", sideways, MASK, PETS, Encoding(32, "png", 92, source_masks=True), split="eval").values
    assert decoded(values[features.SOURCE_MASK]).shape == SIZE[::-1]
    assert (values[features.SOURCE_HEIGHT], values[features.SOURCE_WIDTH]) == SIZE[::-1]


def options_of(tmp_path, **values) -> PrepareOptions:
    places = {"dataset": "pets", "input": str(tmp_path), "output": str(tmp_path), "version": "1.0.0"}
    return parse_model(PrepareOptions, places | values, "x")


def test_without_them_options_and_schema_are_those_of_versions_before_there_were_any(tmp_path):
    off, on = (options_of(tmp_path, image_size=32, source_masks=one) for one in ("none", None))
    assert {**content_options(off), "source_masks": "eval"} == content_options(on)
    assert features.SOURCE_MASK not in contract_of(off).schema_text
    assert content_options(options_of(tmp_path, image_size=0)) == content_options(
        options_of(tmp_path, image_size=0, source_masks="none")
    )


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    """Photos, a version `on/pets/1.0.0` of them and, without source masks, `off/pets/1.0.0`."""
    folder = tmp_path_factory.mktemp("source-masks")
    for image_id in GOOD:
        write_pair(folder / "photos", image_id)
    write_pair(folder / "photos", "pug_104", photo=b"")  # belongs into eval, by the hash of its id
    assert prepare(folder / "photos", folder / "on", "1.0.0", "--max_rejected_fraction=0.2") == 0
    assert prepare(folder / "photos", folder / "off", "1.0.0", "--max_rejected_fraction=0.2", OFF) == 0
    return folder


@pytest.mark.slow
def test_a_version_has_them_in_eval_alone_and_nothing_is_wrong_with_it(data, tmp_path, capsys):
    version = data / "on" / "pets" / "1.0.0"
    verify_version(version)
    assert splits_with_source_masks(version) == {"train": False, "eval": True}
    assert read_manifest(version).has_source_masks
    for one in records(version, "eval"):
        shape = int_of(one, features.SOURCE_HEIGHT), int_of(one, features.SOURCE_WIDTH)
        assert decoded(bytes_of(one, features.SOURCE_MASK)).shape == shape == (40, 60)
    assert validate([f"--version_dir={version}", f"--baseline={data / 'off' / 'pets' / '1.0.0'}"]) == 0
    assert "No anomaly" in capsys.readouterr().out


@pytest.mark.slow
def test_without_them_every_other_byte_of_the_records_is_the_same(data):
    on, off = (data / one / "pets" / "1.0.0" for one in ("on", "off"))
    assert splits_with_source_masks(off) == {"train": False, "eval": False}
    assert not read_manifest(off).has_source_masks
    assert "source_mask" not in (off / "manifest.json").read_text() + (off / "schema.pbtxt").read_text()
    both = [read_manifest(one).splits for one in (on, off)]
    assert both[0]["train"] == both[1]["train"]
    without = [{name: value for name, value in one.items() if name != "source_mask"} for one in records(on, "eval")]
    assert without == [*records(off, "eval")]
    assert validate([f"--version_dir={off}"]) == 0


@pytest.mark.slow
def test_the_command_that_made_a_version_before_there_were_any_still_changes_nothing(data, capsys):
    place = data / "photos", data / "off", "1.0.0", "--max_rejected_fraction=0.2"
    assert prepare(*place) == 0
    assert "Already published from the same inputs" in capsys.readouterr().out
    with pytest.raises(UserError, match=r"already published with source_masks=None \(now eval\)"):
        prepare(*place, "--source_masks=eval")
    with pytest.raises(UserError, match=r"already published with source_masks=eval \(now None\)"):
        prepare(data / "photos", data / "on", "1.0.0", "--max_rejected_fraction=0.2", OFF)


@pytest.mark.proof
@pytest.mark.parametrize(("base", "has_them"), [("on", True), ("off", False)])
def test_a_retry_keeps_them_where_its_base_did(data, tmp_path, base, has_them):
    for image_id in (*GOOD, "pug_104"):
        write_pair(tmp_path / "fixed", image_id)
    retry = tmp_path / "fixed", data / base, "1.1.0", "--retry_quarantined=1.0.0"
    other = "none" if has_them else "eval"
    with pytest.raises(UserError, match="was made with source_masks="):
        prepare(*retry, f"--source_masks={other}")
    assert prepare(*retry) == 0
    version = data / base / "pets" / "1.1.0"
    verify_version(version)
    assert splits_with_source_masks(version) == {"train": False, "eval": has_them}
    assert "pug_104" in {bytes_of(one, features.IMAGE_ID).decode() for one in records(version, "eval")}
    assert validate([f"--version_dir={version}"]) == 0


@pytest.mark.slow
def test_photos_that_the_group_split_moves_have_what_records_of_their_new_split_have(tmp_path):
    for number in range(12):
        for breed, quality in (("pug", 95), ("Bengal", 70)):
            photo = encode(scene(number), "JPEG", quality=quality)
            write_pair(tmp_path / "photos", f"{breed}_{number}", photo, encode(trimap(300, 200), "PNG"))
    assert prepare(tmp_path / "photos", tmp_path, "1.0.0", "--near_duplicates=one_side") == 0
    assert splits_with_source_masks(tmp_path / "pets" / "1.0.0") == {"train": False, "eval": True}
    counters = json.loads((tmp_path / "pets" / "1.0.0" / "metrics.json").read_text())["counters"]
    assert counters["photos_moved"] > 0
