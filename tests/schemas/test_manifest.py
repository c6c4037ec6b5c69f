"""The manifest by itself: what it says of its bytes, and which documents are none."""

import hashlib
import json

import pytest

from schemas.errors import UserError
from schemas.frozen_model import parse_model
from schemas.manifest import Split, parse_manifest, read_manifest
from schemas.version_files import MAX_SHARDS
from tests.published import make_manifest, publish, published_before_contracts


@pytest.fixture
def version(tmp_path):
    return publish(tmp_path)


def test_the_digest_of_a_manifest_is_that_of_its_file(version):
    data = (version / "manifest.json").read_bytes()
    assert read_manifest(version).sha256 == hashlib.sha256(data).hexdigest()


def test_the_digest_of_a_manifest_without_a_contract_is_that_of_its_file_too(version):
    published_before_contracts(version)
    data = (version / "manifest.json").read_bytes()
    assert read_manifest(version).sha256 == hashlib.sha256(data).hexdigest()


@pytest.mark.parametrize("path", ["../../etc/passwd", "/etc/passwd", "examples/../../x", "examples/.hidden"])
def test_a_manifest_cannot_lead_out_of_its_folder(version, path):
    values = json.loads((version / "manifest.json").read_text())
    values["splits"]["train"]["shards"][0]["path"] = path
    with pytest.raises(UserError, match=r"splits\.train\.shards\.0\.path"):
        parse_manifest(json.dumps(values).encode(), "manifest.json")


def test_a_split_has_no_more_shards_than_their_names_can_count(version):
    one = read_manifest(version).splits["eval"].shards[0]
    with pytest.raises(UserError) as raised:
        parse_model(Split, {"records": 0, "shards": (one,) * (MAX_SHARDS + 1)}, "manifest.json")
    assert f"at most {MAX_SHARDS} items" in str(raised.value)
    assert len(str(raised.value)) < 300


def test_options_of_any_plain_kind_keep_their_digest():
    options = {"image_size": 32, "eval_fraction": 0.2, "split": "hash", "near_duplicates": None}
    empty = {name: Split(records=0, shards=()) for name in ("train", "eval")}
    manifest = make_manifest(empty, options=options)
    assert parse_manifest(manifest.to_json().encode(), "manifest.json") == manifest
    assert manifest.options == options
