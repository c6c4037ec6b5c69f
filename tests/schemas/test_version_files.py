"""The names of a version's files: rendered as TFX lays out its artifacts, read back, and written in one module."""

import ast

import pytest

from schemas import version_files
from schemas.version_files import (
    ShardName,
    anomalies_path,
    line_file_path,
    parse_shard_path,
    shard_path,
    statistics_path,
)
from tests.rooms import PROJECT_DIR

NAMES = {value for name, value in vars(version_files).items() if name.endswith("_FILE")}


def test_the_files_of_a_split_lie_where_tfx_looks_for_them():
    assert shard_path("pets", "train", 3, 12) == "examples/Split-train/pets-train.tfrecord-00003-of-00012"
    assert statistics_path("eval") == "statistics/Split-eval/FeatureStats.pb"
    assert anomalies_path("eval") == "anomalies/Split-eval/SchemaDiff.pb"
    assert line_file_path("repairs", 0, 2) == "repairs/repairs-00000-of-00002.jsonl"


def test_the_path_of_a_shard_is_read_as_it_is_written():
    assert parse_shard_path(shard_path("pets", "train", 3, 12)) == ShardName("pets", "train", 3, 12)
    for other in ("examples/Split-train/pets-eval.tfrecord-00000-of-00001", "examples/one", "../x", ""):
        assert parse_shard_path(other) is None


@pytest.mark.parametrize("room", ["schemas", "beam_jobs", "trainer", "tfx_pipeline"])
def test_no_other_module_spells_the_name_of_a_file_of_a_version(room):
    spelled = [
        f"{path.relative_to(PROJECT_DIR)}:{node.lineno} {node.value}"
        for path in (PROJECT_DIR / room).rglob("*.py")
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.Constant) and str(node.value).rpartition("/")[2] in NAMES
        if path.name != "version_files.py"
    ]
    assert spelled == []


def test_the_trigger_in_the_cloud_waits_for_the_same_manifest():
    script = PROJECT_DIR / "tfx_pipeline" / "deploy" / "terraform" / "manifests_only.js"
    assert f'"/{version_files.MANIFEST_FILE}"' in script.read_text(encoding="utf-8")
