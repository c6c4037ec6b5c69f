"""The place of a version: what an interrupted job left there is removed, and files of others stay."""

import json
import re
import shutil
from pathlib import Path

import pytest

from schemas.errors import UserError
from schemas.manifest import read_manifest
from schemas.version import verify_version
from tests.beam_jobs.jobs import GOOD, prepare
from tests.beam_jobs.restarts import files_below


def leave_interrupted(output: Path, *moved: str) -> None:
    """Leaves what a job leaves that was killed while it moved these files: their halves, and its record of them."""
    pets = output / "pets"
    staging = pets / "_staging" / "1.0.0" / ("0123456789abcdef" * 2)
    shard = staging / "examples" / "Split-train" / f"pets-train.tfrecord-00000-of-00001.{'0' * 32}.tmp"
    for path in (shard, *(pets / "1.0.0" / one for one in moved)):
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"half a shard")
    (staging / ".made_by").write_text("beam_jobs.prepare\n")
    (staging / "moves.json").write_text(json.dumps({"withheld": False, "files": moved}))


def test_what_an_interrupted_job_left_behind_is_gone_after_the_next(photos, good_data, tmp_path):
    shards = [f"examples/Split-train/pets-train.tfrecord-{number}" for number in ("00001-of-00002", "00000-of-00001")]
    leave_interrupted(tmp_path / "data", *shards)
    (tmp_path / "data/pets/_staging/1.0.0" / ("f" * 32) / "progress").mkdir(
        parents=True
    )  # killed while it deleted its own
    (tmp_path / "data/pets/1.0.0" / f"manifest.json.{'1' * 32}.tmp").write_text("half a manifest")
    assert prepare(photos, tmp_path / "data") == 0
    assert files_below(tmp_path / "data") == files_below(good_data)
    verify_version(tmp_path / "data" / "pets" / "1.0.0")


@pytest.mark.parametrize("place", ["1.0.0", "_rejected/1.0.0"])
def test_a_file_that_no_job_has_written_keeps_a_version_from_being_published(photos, tmp_path, place):
    leave_interrupted(tmp_path / "data", "examples/Split-train/pets-train.tfrecord-00001-of-00002")
    diary = tmp_path / "data" / "pets" / place / "report.html"  # of the same name as a file of the version
    diary.parent.mkdir(parents=True, exist_ok=True)
    diary.write_text("dear diary")
    with pytest.raises(UserError, match=r"is not published, but holds report\.html, which no job .* move it away"):
        prepare(photos, tmp_path / "data")
    assert diary.read_text() == "dear diary"
    assert not (tmp_path / "data/pets/1.0.0/manifest.json").exists()
    assert not list((tmp_path / "data/pets").glob("**/FeatureStats.pb"))


def test_a_file_in_the_place_of_a_version_is_left_alone(photos, tmp_path):
    path = tmp_path / "data" / "pets" / "1.0.0"
    path.parent.mkdir(parents=True)
    path.write_text("mine")
    with pytest.raises(UserError, match="move it away"):
        prepare(photos, tmp_path / "data")
    assert path.read_text() == "mine"


@pytest.mark.parametrize("link", ["1.0.0", "1.0.0/examples", "_rejected/1.0.0"])
def test_what_a_link_in_the_place_of_a_version_leads_to_is_left_alone(photos, tmp_path, link):
    elsewhere = tmp_path / "elsewhere"
    (elsewhere / "Split-train").mkdir(parents=True)
    (elsewhere / "Split-train" / "mine").write_text("mine")
    path = tmp_path / "data" / "pets" / link
    path.parent.mkdir(parents=True)
    path.symlink_to(elsewhere)
    with pytest.raises(UserError, match="move it away"):
        prepare(photos, tmp_path / "data")
    assert files_below(elsewhere) == ["Split-train", "Split-train/mine"]
    assert path.is_symlink()


@pytest.mark.parametrize("character", "*?[\\")
def test_an_output_that_tensorflow_would_take_for_a_pattern_is_refused_and_no_other_version_is_touched(
    photos, good_data, tmp_path, character
):
    shutil.copytree(good_data, tmp_path / "data1")
    before = {path: path.stat().st_mtime_ns for path in (tmp_path / "data1").rglob("*")}
    with pytest.raises(UserError, match=f"output: has {re.escape(character)} in its path.*choose a folder"):
        prepare(photos, tmp_path / f"data{character}")
    assert {path: path.stat().st_mtime_ns for path in (tmp_path / "data1").rglob("*")} == before
    assert sorted(path.name for path in tmp_path.iterdir()) == ["data1", "photos"]


def test_photos_are_read_from_folders_whose_names_look_like_patterns(photos, tmp_path):
    odd = tmp_path / "[my] photos? *"
    photos.rename(odd)
    assert prepare(odd, tmp_path / "data") == 0
    assert read_manifest(tmp_path / "data/pets/1.0.0").published == len(GOOD)


def test_the_rerun_of_a_version_without_metrics_restores_what_its_manifest_knows(photos, own_data, tmp_path, capsys):
    path = own_data / "pets" / "1.0.0" / "metrics.json"
    before = json.loads(path.read_text())
    path.unlink()
    assert prepare(photos, tmp_path / "data") == 0
    assert "metrics.json was missing" in capsys.readouterr().out
    restored = json.loads(path.read_text())
    assert restored["restored_from_manifest"]
    assert restored["seconds"] is None
    assert restored["manifest_sha256"] == before["manifest_sha256"]
    assert restored["counters"].items() <= before["counters"].items()
    assert restored["counters"]["records_written"] == len(GOOD)
