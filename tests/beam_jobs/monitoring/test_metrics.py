"""What the job counts, and that counters, manifest and files are held against each other."""

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from beam_jobs.monitoring.metrics import JobMetrics
from beam_jobs.prepare.accounting import find_mismatches
from beam_jobs.prepare.claim import Moved
from beam_jobs.prepare.command_line import report_outcome
from beam_jobs.prepare.decision import Decision
from beam_jobs.prepare.options import PrepareOptions
from beam_jobs.prepare.publish import conclude
from schemas.manifest import read_manifest
from tests.beam_jobs.jobs import GOOD, prepare
from tests.beam_jobs.pictures import encode, gradient, write_pair


@pytest.fixture(scope="module")
def mixed_photos(tmp_path_factory):
    """Forty good pairs, two that need a repair, three that are rejected when read and one when paired."""
    photos = tmp_path_factory.mktemp("photos")
    for image_id in GOOD:
        write_pair(photos, image_id)
    write_pair(photos, "pug_100", photo=encode(gradient().convert("CMYK"), "JPEG"))
    write_pair(photos, "pug_101", photo=encode(gradient(), "PNG"))
    write_pair(photos, "pug_102", photo=b"")
    write_pair(photos, "pug_103", photo=b"")
    write_pair(photos, "pug_104", mask=encode(Image.fromarray(np.full((40, 60), 9, np.uint8)), "PNG"))
    write_pair(photos, "pug_105")
    (photos / "annotations/trimaps/pug_105.png").unlink()
    return photos


@pytest.fixture(scope="module")
def published(mixed_photos, tmp_path_factory):
    """A version of the mixed photos, with what its job has counted."""
    output = tmp_path_factory.mktemp("published")
    prepare(mixed_photos, output, "1.0.0", "--max_rejected_fraction=0.5")
    return output / "pets" / "1.0.0"


@pytest.fixture
def to_be_harmed(published, tmp_path):
    """A copy of the version."""
    return Path(shutil.copytree(published, tmp_path / "pets" / "1.0.0"))


def counted(version_dir):
    return json.loads((version_dir / "metrics.json").read_text())


def job_metrics(version_dir, exact=True, **changed):
    return JobMetrics(counted(version_dir)["counters"] | changed, {}, exact)


def options_of(version_dir):
    return PrepareOptions(dataset="pets", input="/photos", output=str(version_dir.parents[1]), version=version_dir.name)


def test_every_input_is_counted_by_what_became_of_it(published, mixed_photos):
    sources = [*mixed_photos.glob("images/*.jpg"), *mixed_photos.glob("annotations/trimaps/*.png")]
    never_read = mixed_photos / "images/pug_105.jpg"
    shards = list(published.glob("examples/*/*"))
    assert counted(published)["counters"] == {
        "inputs_found": 46,
        "records_written": 42,
        "inputs_rejected": 4,
        "rejected_empty_image": 2,
        "rejected_unknown_mask_value": 1,
        "rejected_missing_mask": 1,
        "repaired_cmyk": 1,
        "repaired_png": 1,
        "bytes_read": sum(path.stat().st_size for path in sources) - never_read.stat().st_size,
        "bytes_written": sum(path.stat().st_size for path in shards),
        "eval_photos_near_train": read_manifest(published).splits["eval"].records,  # most photos are the same one
    }


def test_the_time_of_each_step_and_the_size_of_each_record_are_spread_out(published):
    job = counted(published)
    assert {name: one["count"] for name, one in job["distributions"].items()} == {
        "decode_microseconds": 42,
        "resize_microseconds": 42,
        "encode_microseconds": 42,
        "record_bytes": 42,
        "source_bytes": 45,
    }
    decode = job["distributions"]["decode_microseconds"]
    assert 0 < decode["min"] <= decode["mean"] <= decode["max"] < 1_000_000
    framed = job["distributions"]["record_bytes"]["sum"] + 42 * 16  # length and two CRCs around each record
    assert framed == job["counters"]["bytes_written"]
    assert job["mismatches"] == []


def test_bundles_that_are_replayed_are_counted_once(mixed_photos, tmp_path, published, capsys):
    options = ("--max_rejected_fraction=0.5", "--direct_runner_bundle_repeat=1")
    assert prepare(mixed_photos, tmp_path / "repeated", "1.0.0", *options) == 0
    assert "ms/record" in capsys.readouterr().out  # and the summary says where the time of a record goes
    assert counted(tmp_path / "repeated" / "pets" / "1.0.0")["counters"] == counted(published)["counters"]


def test_a_version_that_is_withheld_keeps_what_its_job_has_counted(mixed_photos, tmp_path):
    assert prepare(mixed_photos, tmp_path / "data", "1.0.0", "--max_rejected_fraction=0") == 1
    job = counted(tmp_path / "data" / "pets" / "_rejected" / "1.0.0")
    assert job["counters"]["inputs_rejected"] == 4
    assert job["mismatches"] == []


def test_a_counter_that_differs_from_the_manifest_is_a_mismatch(published):
    manifest = read_manifest(published)

    def mismatches(**changed):
        return find_mismatches(manifest, job_metrics(published, **changed), str(published))

    assert mismatches() == []
    assert mismatches(records_written=41) == ["Beam counted records_written 41, the manifest says 42"]
    assert mismatches(inputs_found=47) == ["Beam counted inputs_found 47, the manifest says 46"]
    assert mismatches(rejected_not_a_mask=1) == ["Beam counted rejected_not_a_mask 1, the manifest says 0"]
    assert mismatches(repaired_cmyk=0) == ["Beam counted repaired_cmyk 0, the manifest says 1"]


def test_where_retries_are_counted_too_only_too_few_are_a_mismatch(published):
    manifest = read_manifest(published)
    more = job_metrics(published, exact=False, records_written=52, bytes_written=1 << 30)
    assert find_mismatches(manifest, more, str(published)) == []
    fewer = job_metrics(published, exact=False, records_written=41)
    assert find_mismatches(manifest, fewer, str(published)) == ["Beam counted records_written 41, the manifest says 42"]


def test_a_lost_line_of_the_quarantine_is_said_loudly(to_be_harmed, capsys):
    (quarantine,) = to_be_harmed.glob("quarantine/*")
    quarantine.write_text("".join(quarantine.read_text().splitlines(keepends=True)[1:]))
    before = (to_be_harmed / "metrics.json").stat().st_mtime_ns
    assert report_outcome(options_of(to_be_harmed), 1.0, job_metrics(to_be_harmed)) == 1
    printed = capsys.readouterr().err
    assert "error: the account does not add up" in printed
    assert "the manifest says" in printed
    assert (to_be_harmed / "metrics.json").stat().st_mtime_ns == before


@pytest.mark.parametrize("harm", ["lost", "cut"])
def test_no_manifest_is_written_where_a_moved_shard_is_not_whole(to_be_harmed, harm):
    manifest = read_manifest(to_be_harmed)
    (to_be_harmed / "manifest.json").unlink()
    moved = [Moved(str(path)) for path in to_be_harmed.rglob("*") if path.is_file()]
    shard = to_be_harmed / manifest.splits["train"].shards[0].path
    if harm == "lost":
        shard.unlink()
    else:
        shard.write_bytes(shard.read_bytes()[:-1])
    with pytest.raises(RuntimeError, match=shard.name):
        conclude(Decision(manifest, (), 0, ()), moved, options_of(to_be_harmed))
    assert not (to_be_harmed / "manifest.json").exists()
