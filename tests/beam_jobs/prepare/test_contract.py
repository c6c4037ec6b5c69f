"""A version carries the contract that it was published under, and nothing of another contract is mixed into it."""

import json
import shutil

import pytest

from beam_jobs.prepare.contract import contract_of
from beam_jobs.prepare.decision import Decision
from beam_jobs.prepare.options import PrepareOptions
from beam_jobs.prepare.publish import files_to_move
from schemas.contract import contract_changes, dataset_text, label_changes, parse_dataset
from schemas.errors import UserError
from schemas.manifest import file_sha256, read_manifest
from schemas.shipped import load_spec
from schemas.spec import DatasetSpec
from schemas.version import verify_version
from tests.beam_jobs.jobs import GOOD, prepare
from tests.beam_jobs.pictures import write_pair
from tests.published import published_before_contracts, published_under

PETS = json.loads(load_spec("pets").model_dump_json())
PET, BACKGROUND, BORDER = PETS["classes"]
SWAPPED_VALUES = {
    "classes": [PET | {"mask_values": BACKGROUND["mask_values"]}, BACKGROUND | {"mask_values": [1]}, BORDER]
}
OTHER_CONTRACTS = {
    "mask values": (SWAPPED_VALUES, r"class pet: mask_values \[2\] \(now \[1\]\)"),
    "order": (
        {"classes": [BACKGROUND, PET, BORDER]},
        r"classes background, pet, border \(now pet, background, border\)",
    ),
    "required": ({"classes": [PET | {"required": False}, BACKGROUND, BORDER]}, r"required false \(now true\)"),
    "ignored values": ({"ignore_values": [255]}, r"ignore_values \[255\] \(now \[\]\)"),
    "slices": ({"slices": PETS["slices"][:1], "thresholds": {}}, r"slices breed \(now breed, species\)"),
}
COSMETIC = {
    "title": "Cats and dogs",
    "license": "other",
    "source": "elsewhere",
    "citation": "none",
    "archives": [],
    "classes": [PET | {"color": "#000000"}, BACKGROUND, BORDER],
}


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """Photos, and a version of them in which one is quarantined."""
    folder = tmp_path_factory.mktemp("contract")
    for image_id in GOOD:
        write_pair(folder / "photos", image_id)
    write_pair(folder / "photos", "pug_100", photo=b"no photo")
    assert prepare(folder / "photos", folder / "data") == 0
    return folder


@pytest.fixture
def data(made, tmp_path):
    return shutil.copytree(made / "data", tmp_path / "data")


@pytest.fixture
def version(data):
    return data / "pets" / "1.0.0"


def test_a_version_holds_its_contract_and_the_manifest_its_digest(version):
    assert parse_dataset((version / "dataset.yaml").read_bytes(), "dataset.yaml") == load_spec("pets")
    assert read_manifest(version).dataset_sha256 == file_sha256(version / "dataset.yaml")
    assert verify_version(version).spec == load_spec("pets")


def test_where_the_photos_lie_is_no_part_of_the_contract():
    options = {"dataset": "pets", "input": "a", "output": "b", "version": "1.0.0"}
    elsewhere = PrepareOptions(**options, image_path="photos/{id}.png", mask_path="masks/{id}.png")
    assert contract_of(elsewhere) == contract_of(PrepareOptions(**options))
    assert elsewhere.spec.image_path == "photos/{id}.png"


@pytest.mark.parametrize("name", OTHER_CONTRACTS)
def test_a_version_of_another_contract_is_not_taken_for_this_one(made, data, version, name):
    changes, message = OTHER_CONTRACTS[name]
    published_under(version, **changes)
    with pytest.raises(UserError, match=f"is already published with .*{message}.*; choose another --version"):
        prepare(made / "photos", data)


def test_other_rules_are_another_contract(made, data, version):
    published_under(version, rules=PETS["rules"][:1])
    with pytest.raises(UserError, match=r"is already published with rules .*border_fraction.*; choose another"):
        prepare(made / "photos", data)


@pytest.mark.parametrize("name", OTHER_CONTRACTS)
def test_records_of_another_contract_are_not_built_upon(made, data, version, name):
    changes, message = OTHER_CONTRACTS[name]
    published_under(version, **changes)
    with pytest.raises(UserError, match=f"--retry_quarantined .*{message}.*; prepare a version from all photos"):
        prepare(made / "photos", data, "1.1.0", "--retry_quarantined=1.0.0")
    assert not (data / "pets" / "1.1.0").exists()


def test_titles_and_colours_may_change_without_a_new_version(made, data, version, capsys):
    published_under(version, **COSMETIC)
    before = {path: path.read_bytes() for path in version.rglob("*") if path.is_file()}
    assert prepare(made / "photos", data) == 0
    assert "Already published" in capsys.readouterr().out
    assert {path: path.read_bytes() for path in version.rglob("*") if path.is_file()} == before


def test_a_job_without_a_launcher_compares_contracts_as_well(data, version):
    options = PrepareOptions(dataset="pets", input="x", output=str(data), version="1.0.0", image_size=32)
    decision = Decision(read_manifest(version), (), 0, (), None, dataset_text(load_spec("pets")))
    assert list(files_to_move(decision, options)) == []
    published_under(version, **COSMETIC)
    assert list(files_to_move(decision, options)) == []
    published_under(version, **SWAPPED_VALUES)
    with pytest.raises(RuntimeError, match="published by another job, with other content"):
        list(files_to_move(decision, options))


def test_a_version_of_before_contracts_is_published_still(made, data, version, capsys):
    published_before_contracts(version)
    assert prepare(made / "photos", data) == 0
    printed = capsys.readouterr()
    assert "Already published" in printed.out
    assert printed.err.count("published without dataset.yaml") == 1


@pytest.mark.parametrize("line", [b"[" * 100_000, b'{"id": "pug_100"}', b"null", b'{"id": "a", "id": "b"}'])
def test_a_quarantine_of_other_lines_is_named_with_its_line(made, data, version, line):
    (path,) = (version / "quarantine").iterdir()
    path.write_bytes(path.read_bytes() + line + b"\n")
    with pytest.raises(UserError, match=rf"{path.name}, line 2: "):
        prepare(made / "photos", data, "1.1.0", "--retry_quarantined=1.0.0")
    assert not (data / "pets" / "1.1.0").exists()


def test_a_slice_that_gathers_other_values_is_another_contract():
    groups = PETS["slices"][1]["groups"]
    moved = {"cat": groups["cat"][1:], "dog": [*groups["dog"], groups["cat"][0]]}
    other = DatasetSpec.model_validate(PETS | {"slices": [PETS["slices"][0], PETS["slices"][1] | {"groups": moved}]})
    assert label_changes(load_spec("pets"), other) == ["slice species: groups differ for Abyssinian"]
    assert contract_changes(other, other) == []


def write_lists(folder, in_eval):
    annotations = folder / "annotations"
    (annotations / "trainval.txt").write_text("".join(f"{one}\n" for one in GOOD if one not in in_eval))
    (annotations / "test.txt").write_text("".join(f"{one}\n" for one in in_eval))


def test_photos_that_change_sides_in_the_official_lists_are_other_inputs(tmp_path, capsys):
    for image_id in GOOD:
        write_pair(tmp_path / "photos", image_id)
    write_lists(tmp_path / "photos", GOOD[:8])
    assert prepare(tmp_path / "photos", tmp_path / "data", "1.0.0", "--split=official") == 0
    assert prepare(tmp_path / "photos", tmp_path / "data", "1.0.0", "--split=official") == 0
    assert "Already published" in capsys.readouterr().out
    write_lists(tmp_path / "photos", [*GOOD[1:8], GOOD[9]])
    with pytest.raises(UserError, match="already published from other inputs"):
        prepare(tmp_path / "photos", tmp_path / "data", "1.0.0", "--split=official")
