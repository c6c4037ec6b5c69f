"""A damaged version, or memory of earlier runs, is refused before anything heavy starts."""

import json
import sqlite3
from contextlib import closing

import pytest

from schemas.version_files import MANIFEST_FILE, SCHEMA_FILE
from tests.tfx_pipeline.local.refusal import refusal


def eval_shard(version_dir):
    [shard] = version_dir.glob("examples/Split-eval/*")
    return shard


def damage_nothing_published(version_dir):
    (version_dir / MANIFEST_FILE).unlink()


def damage_schema(version_dir):
    (version_dir / SCHEMA_FILE).write_text("# another schema\n")


def damage_schema_digest(version_dir):
    path = version_dir / MANIFEST_FILE
    path.write_text(json.dumps(json.loads(path.read_text()) | {"schema_sha256": "0" * 64}))


def damage_missing_shard(version_dir):
    eval_shard(version_dir).unlink()


def damage_shard_size(version_dir):
    with eval_shard(version_dir).open("ab") as file:
        file.write(b"more")


def damage_shard_content(version_dir):
    shard = eval_shard(version_dir)
    content = bytearray(shard.read_bytes())
    content[100] ^= 1
    shard.write_bytes(content)


def damage_empty_split(version_dir):
    values = json.loads((version_dir / MANIFEST_FILE).read_text())
    gone = values["splits"]["eval"]["records"]
    for shard in values["splits"]["eval"]["shards"]:
        (version_dir / shard["path"]).unlink()
    values["splits"]["eval"] = {"records": 0, "shards": []}
    values |= {name: values[name] - gone for name in ("published", "inputs")}
    (version_dir / MANIFEST_FILE).write_text(json.dumps(values))


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (damage_nothing_published, "no manifest, so nothing is published there"),
        (damage_schema, "schema.pbtxt: sha256 differs from the manifest's"),
        (damage_schema_digest, "schema.pbtxt: sha256 differs from the manifest's"),
        (damage_missing_shard, "shard is missing"),
        (damage_shard_size, "bytes, manifest says"),
        (damage_shard_content, "sha256 differs from the manifest's"),
        (damage_empty_split, "split 'eval' is empty"),
    ],
)
def test_a_damaged_version_is_refused_and_nothing_is_written(
    capsys, write_config, version_copy, tmp_path, damage, message
):
    damage(version_copy)
    error = refusal(capsys, "--config", write_config(), "--data", version_copy)
    assert message in error
    assert str(version_copy) in error
    assert not (tmp_path / "output").exists()


def cut_off(path):
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])


def empty(path):
    path.write_bytes(b"")


def replace_by_text(path):
    path.write_text("not a database" * 999)


def replace_by_another_database(path):
    path.unlink()
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("CREATE TABLE another (one)")


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (cut_off, "database disk image is malformed"),
        (empty, "empty, or not a file"),
        (replace_by_text, "file is not a database"),
        (replace_by_another_database, "not written by ML Metadata"),
    ],
)
def test_a_damaged_memory_of_earlier_runs_is_named_with_the_remedy(capsys, write_config, tmp_path, damage, message):
    path = tmp_path / "output" / "metadata.sqlite"
    path.parent.mkdir()
    with closing(sqlite3.connect(path)) as connection:
        connection.executescript("CREATE TABLE MLMDEnv (schema_version INT); CREATE TABLE Artifact (uri TEXT)")
        connection.executemany("INSERT INTO Artifact VALUES (?)", [("a place " * 99,)] * 99)
        connection.commit()
    damage(path)
    before = path.read_bytes()
    error = refusal(capsys, "--config", write_config())
    assert f"{path}: " in error
    assert message in error
    assert "restore it from a copy, or start with another --output" in error
    assert path.read_bytes() == before


def test_a_memory_of_earlier_runs_that_another_process_holds_is_named(capsys, write_config, tmp_path):
    path = tmp_path / "output" / "metadata.sqlite"
    path.parent.mkdir()
    with closing(sqlite3.connect(path)) as connection:
        connection.executescript("CREATE TABLE MLMDEnv (schema_version INT); BEGIN EXCLUSIVE")
        assert f"{path}: another process is using it" in refusal(capsys, "--config", write_config())


@pytest.mark.parametrize("made", ["pipeline/Trainer", "serving/1700000000"])
def test_a_lost_memory_of_earlier_runs_is_not_taken_for_a_first_run(capsys, write_config, tmp_path, made):
    (tmp_path / "output" / made).mkdir(parents=True)
    error = refusal(capsys, "--config", write_config())
    assert f"{tmp_path / 'output' / 'metadata.sqlite'}: missing, but {made.partition('/')[0]}/ holds" in error
