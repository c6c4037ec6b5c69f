"""A version in its folder: whole ones are read, and each way to contradict itself is refused by every reader."""

import json
import os
import shutil
import time

import pytest

from beam_jobs.storage.versions import read_contract, require_shards, require_version
from schemas.errors import UserError
from schemas.manifest import MAX_BYTES, file_sha256, options_sha256, read_manifest
from schemas.shipped import load_spec
from schemas.version import read_version, verify_version
from schemas.version_files import shard_path
from tests.published import (
    RECORDS,
    publish,
    published_before_contracts,
    published_under,
    write_shard,
)

TRAIN = [shard_path("pets", "train", index, 2) for index in range(2)]
EVAL = shard_path("pets", "eval", 0, 1)


@pytest.fixture
def version(tmp_path):
    return publish(tmp_path)


def test_a_whole_version_is_accepted(version):
    assert verify_version(version) == read_version(version) == (read_manifest(version), load_spec("pets"))


def test_a_link_to_a_version_is_the_version(version):
    (version.parent / "latest").symlink_to(version)
    assert verify_version(version.parent / "latest").manifest.version == "1.0.0"


def test_records_that_lie_across_the_pieces_of_a_read_are_counted(tmp_path):
    long = [bytes(length) for length in (2**20 - 20, 1, 3 * 2**20, 0)]
    verify_version(publish(tmp_path, records={"train": (long,), "eval": RECORDS["eval"]}))


def test_classes_are_those_of_the_version_and_not_the_installed_ones(version):
    pet, background, border = json.loads(load_spec("pets").model_dump_json())["classes"]
    published_under(version, classes=[background, pet, border])
    assert verify_version(version).spec.class_names == ("background", "pet", "border")
    assert read_contract(str(version), read_manifest(version)).class_names == ("background", "pet", "border")


def test_a_version_of_before_contracts_has_the_installed_classes_and_that_is_said_once(version, capsys):
    published_before_contracts(version)
    assert verify_version(version).spec == load_spec("pets")
    assert read_contract(str(version), read_manifest(version)) == load_spec("pets")
    (line,) = capsys.readouterr().err.splitlines()
    assert "published without dataset.yaml; its classes are taken from schemas/pets" in line


def test_a_version_of_before_contracts_with_another_schema_is_refused(version):
    published_before_contracts(version)
    (version / "schema.pbtxt").write_text("feature { name: 'other' }")
    change(version, schema_sha256=file_sha256(version / "schema.pbtxt"))
    with pytest.raises(UserError, match="another schema"):
        verify_version(version)


def test_a_folder_without_manifest_is_not_published(version):
    (version / "manifest.json").unlink()
    with pytest.raises(UserError, match="no manifest, so nothing is published"):
        verify_version(version)


def test_a_folder_that_is_not_there_is_named(version):
    with pytest.raises(UserError, match="no such folder"):
        verify_version(version / "2.0.0")


def change(version, **values):
    path = version / "manifest.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | values))


def in_manifest(edit):
    """Edits the values of the manifest."""

    def tamper(version):
        path = version / "manifest.json"
        values = json.loads(path.read_text())
        edit(values)
        path.write_text(json.dumps(values))

    return tamper


def shards(values, split="train"):
    return values["splits"][split]["shards"]


def put(*keys_and_value):
    """Sets one value, by its keys."""
    *keys, last, value = keys_and_value

    def edit(values):
        for key in keys:
            values = values[key]
        values[last] = value

    return in_manifest(edit)


def renamed_option(values):
    values["options"]["image_size"] = 64
    values["options_sha256"] = options_sha256(values["options"])


def one_shard_fewer(values):
    gone = shards(values).pop()
    values["splits"]["train"]["records"] -= gone["records"]
    values["published"] -= gone["records"]
    values["inputs"] -= gone["records"]


def swap_files(version):
    first, second = version / TRAIN[0], version / TRAIN[1]
    first.rename(version / "other")
    second.rename(first)
    (version / "other").rename(second)


def swap_bytes_of_equal_size(version):
    path = version / TRAIN[0]
    path.write_bytes(path.read_bytes()[::-1])


def count_two_records_as_one(version):
    def edit(values):
        values["splits"]["eval"]["records"] = shards(values, "eval")[0]["records"] = 1
        values["published"] -= 1
        values["inputs"] -= 1

    in_manifest(edit)(version)


def fifo_for_a_shard(version):
    (version / EVAL).unlink()
    os.mkfifo(version / EVAL)


def read_as_jobs_do(version_dir):
    """Wherever Beam can read; the shards are listed only."""
    manifest = require_version("data", version_dir)
    read_contract(version_dir, manifest)
    require_shards(version_dir, manifest)


SPLITS = ("splits",)
TAMPERED = {
    # The document
    "half": lambda version: (version / "manifest.json").write_text("{half"),
    "empty": lambda version: (version / "manifest.json").write_text(""),
    "list": lambda version: (version / "manifest.json").write_text("[]"),
    "nothing in it": lambda version: (version / "manifest.json").write_text("{}"),
    "deep": lambda version: (version / "manifest.json").write_text('{"splits": ' + "[" * 100_000),
    "deeper than read": put("options", json.loads("[" * 40 + "]" * 40)),
    "large": lambda version: (version / "manifest.json").write_text(" " * (MAX_BYTES + 1)),
    "key twice": lambda version: (version / "manifest.json").write_text('{"version": "1.0.0", "version": "2.0.0"}'),
    "NaN": put("options", "eval_fraction", float("nan")),
    "endless number": lambda version: (version / "manifest.json").write_text('{"inputs": ' + "9" * 100_000 + "}"),
    "other encoding": lambda version: (version / "manifest.json").write_bytes(b"\xff\xfe{\x00"),
    "unknown key": put("trusted", True),
    # Names
    "other version": put("version", "1.0.1"),
    "version with a path": put("version", "../1.0.0"),
    "data set with a path": put("dataset", "../pets"),
    "other data set": put("dataset", "streets"),
    "long name": put("code_version", "x" * 10_000),
    # Splits
    "no splits": put(*SPLITS, {}),
    "one split": in_manifest(lambda values: values["splits"].pop("eval")),
    "unknown split": in_manifest(lambda values: values["splits"].update(holdout={"records": 0, "shards": []})),
    # Shards
    "path of the other split": put(*SPLITS, "train", "shards", 0, "path", shard_path("pets", "eval", 0, 2)),
    "path of another data set": put(*SPLITS, "train", "shards", 0, "path", shard_path("cats", "train", 0, 2)),
    "path outside of examples": put(*SPLITS, "train", "shards", 0, "path", "schema.pbtxt"),
    "path that leads out": put(*SPLITS, "train", "shards", 0, "path", "examples/../../x"),
    "same shard twice": in_manifest(lambda values: shards(values).__setitem__(1, shards(values)[0])),
    "shards in another order": in_manifest(lambda values: shards(values).reverse()),
    "fewer shards than their names say": in_manifest(one_shard_fewer),
    "other count in a name": put(*SPLITS, "train", "shards", 1, "path", shard_path("pets", "train", 1, 3)),
    "same content twice": in_manifest(lambda values: shards(values)[1].update(sha256=shards(values)[0]["sha256"])),
    "bytes that hold no records": put(*SPLITS, "train", "shards", 0, "bytes", 8),
    "negative bytes": put(*SPLITS, "train", "shards", 0, "bytes", -1),
    "number as a text": put(*SPLITS, "train", "shards", 0, "records", "2"),
    "digest of other letters": put(*SPLITS, "train", "shards", 0, "sha256", "Z" * 64),
    # Sums
    "records of a split": put(*SPLITS, "train", "records", 9),
    "published": put("published", 9),
    "inputs": put("inputs", 9),
    "true for a number": put("repaired", True),
    "negative inputs": put("inputs", -5),
    "fraction of an input": put("inputs", 5.5),
    "quarantined": put("quarantined", {"empty_image": 3}),
    "negative quarantine": put("quarantined", {"empty_image": -1, "not_a_mask": 1}),
    "repairs": put("repairs", {"cmyk": 2}),
    "more repaired than published": in_manifest(lambda values: values.update(repaired=9, repairs={"cmyk": 9})),
    # Options
    "options": put("options", {"image_size": 64}),
    "digest of options": put("options_sha256", "0" * 64),
    "image size against options": in_manifest(renamed_option),
    "negative option": put("options", {"jpeg_quality": -1}),
    # Files
    "schema of another digest": put("schema_sha256", "1" * 64),
    "contract of another digest": put("dataset_sha256", "1" * 64),
    "edited schema": lambda version: (version / "schema.pbtxt").write_text("feature { name: 'other' }"),
    "edited contract": lambda version: (version / "dataset.yaml").write_text("name: pets"),
    "no schema": lambda version: (version / "schema.pbtxt").unlink(),
    "no contract": lambda version: (version / "dataset.yaml").unlink(),
    "contract of aliases": lambda version: (version / "dataset.yaml").write_text("a: &a [x]\nb: *a"),
    "no shard": lambda version: (version / EVAL).unlink(),
    "longer shard": lambda version: (version / EVAL).write_bytes((version / EVAL).read_bytes() + b"!"),
    "empty shard": lambda version: (version / EVAL).write_bytes(b""),
    "shard of other bytes": swap_bytes_of_equal_size,
    "swapped shards": swap_files,
    "records miscounted": count_two_records_as_one,
    "fifo for a shard": fifo_for_a_shard,
    "folder for a shard": lambda version: [(version / EVAL).unlink(), (version / EVAL).mkdir()],
    "stray shard": lambda version: write_shard(version / shard_path("pets", "train", 2, 3), "examples/x", [b"six"]),
    "stray copy": lambda version: shutil.copy(version / EVAL, version / f"{EVAL}.bak"),
    "stray split": lambda version: write_shard(version / shard_path("pets", "test", 0, 1), "examples/x", [b"six"]),
    "stray beside the splits": lambda version: (version / "examples" / "notes.txt").write_text("mine"),
    "stray hidden file": lambda version: (version / "examples" / "Split-train" / "._x").write_text("mine"),
}
ONLY_BYTES_TELL = {"shard of other bytes", "records miscounted"}
LOCAL_ONLY = {"fifo for a shard", "folder for a shard"}


@pytest.mark.parametrize("name", TAMPERED)
def test_a_version_that_contradicts_itself_is_refused_in_one_line_that_names_the_file(version, name):
    before = version / "manifest.json"
    problems = [str(version / file) for file in ("manifest.json", "schema.pbtxt", "dataset.yaml", "examples")]
    TAMPERED[name](version)
    start = time.monotonic()
    with pytest.raises(UserError) as raised:
        verify_version(version)
    assert time.monotonic() - start < 5
    message = str(raised.value)
    if name != "nothing in it":  # one line for each key that is missing
        assert len(message.splitlines()) == 1
    assert len(message) < 3000
    assert message.startswith(tuple(problems)), message
    assert before.exists()
    if name in ONLY_BYTES_TELL | LOCAL_ONLY:
        return
    with pytest.raises(UserError) as raised:
        read_as_jobs_do(str(version))
    assert str(version) in str(raised.value)


def test_a_version_is_read_where_it_is_mounted_but_not_under_another_versions_number(version):
    mounted = version.rename(version.parent / "data")
    assert verify_version(mounted).manifest.version == "1.0.0"
    misnamed = mounted.rename(version.parent / "1.1.0")
    with pytest.raises(UserError, match=r"pets 1\.0\.0, but lies in a folder called '1\.1\.0'"):
        verify_version(misnamed)
