import hashlib
import json

import pytest

from schemas.errors import UserError
from schemas.manifest import Manifest, read_manifest, shard_path, verify_version
from schemas.spec import load_spec

SHARD = b"two records, let us say"


@pytest.fixture
def version(tmp_path):
    """A published version with one small shard."""
    spec = load_spec("pets")
    path = shard_path("pets", "train", 0, 1)
    shard = {"path": path, "bytes": len(SHARD), "records": 2, "sha256": hashlib.sha256(SHARD).hexdigest()}
    manifest = Manifest(
        dataset="pets",
        version="1.0.0",
        image_size=32,
        splits={"train": {"records": 2, "shards": [shard]}},
        inputs=2,
        published=2,
        quarantined={},
        repaired=0,
        repairs={},
        schema_sha256=spec.schema_sha256,
        inputs_sha256="0" * 64,
        options={},
        options_sha256="0" * 64,
        code_version="0",
    )
    (tmp_path / path).parent.mkdir(parents=True)
    (tmp_path / path).write_bytes(SHARD)
    (tmp_path / "schema.pbtxt").write_text(spec.schema_text)
    (tmp_path / "manifest.json").write_text(manifest.to_json())
    return tmp_path


def change(version, **values):
    path = version / "manifest.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | values))


def test_a_whole_version_is_accepted(version):
    assert verify_version(version) == read_manifest(version)


def test_the_digest_of_a_manifest_is_that_of_its_file(version):
    data = (version / "manifest.json").read_bytes()
    assert read_manifest(version).sha256 == hashlib.sha256(data).hexdigest()


def test_a_folder_without_manifest_is_not_published(version):
    (version / "manifest.json").unlink()
    with pytest.raises(UserError, match="no manifest, so nothing is published"):
        verify_version(version)


def test_a_folder_that_is_not_there_is_told(version):
    with pytest.raises(UserError, match="no such folder"):
        verify_version(version / "2.0.0")


def test_a_shard_of_another_size_is_refused(version):
    (version / shard_path("pets", "train", 0, 1)).write_bytes(SHARD + b"!")
    with pytest.raises(UserError, match=f"has {len(SHARD) + 1} bytes, manifest says {len(SHARD)}"):
        verify_version(version)


def test_a_shard_of_other_content_is_refused(version):
    (version / shard_path("pets", "train", 0, 1)).write_bytes(SHARD[::-1])
    with pytest.raises(UserError, match="sha256 differs"):
        verify_version(version)


def test_a_missing_shard_is_refused(version):
    (version / shard_path("pets", "train", 0, 1)).unlink()
    with pytest.raises(UserError, match="shard is missing"):
        verify_version(version)


def test_another_schema_is_refused(version):
    change(version, schema_sha256="1" * 64)
    with pytest.raises(UserError, match="another schema"):
        verify_version(version)


def test_a_schema_file_that_was_edited_is_refused(version):
    (version / "schema.pbtxt").write_text("feature { name: 'other' }")
    with pytest.raises(UserError, match=r"schema\.pbtxt: missing, or not the schema"):
        verify_version(version)


@pytest.mark.parametrize("path", ["../../etc/passwd", "/etc/passwd", "examples/../../x", "examples/.hidden"])
def test_a_manifest_cannot_lead_out_of_its_folder(version, path):
    shard = {"path": path, "bytes": 1, "records": 1, "sha256": "0" * 64}
    change(version, splits={"train": {"records": 1, "shards": [shard]}})
    with pytest.raises(UserError, match=r"splits\.train\.shards\.0\.path"):
        verify_version(version)


def test_a_manifest_that_is_no_json_is_told(version):
    (version / "manifest.json").write_text("{half")
    with pytest.raises(UserError, match="no JSON"):
        verify_version(version)
