"""The same photos and options give the same bytes: in any order, however often tried, with any number of workers."""

import shutil
import subprocess
import sys

import pytest

from beam_jobs import packing
from beam_jobs.prepare import joining
from schemas.manifest import read_manifest
from tests.beam_jobs.jobs import prepare, promised_digests
from tests.beam_jobs.pictures import encode, gradient, write_pair

IDS = [f"pug_{number}" for number in range(100)] + [f"Bengal_{number}" for number in range(90)]
REJECTED = "pug_999"


@pytest.fixture(scope="module")
def photos(tmp_path_factory):
    """Enough photos for three train shards, and one that is rejected."""
    folder = tmp_path_factory.mktemp("photos")
    for number, image_id in enumerate(IDS):
        write_pair(folder, image_id, photo=encode(gradient().rotate(number), "JPEG"))
    write_pair(folder, REJECTED, photo=b"")
    return folder


@pytest.fixture(scope="module")
def expected(photos, tmp_path_factory):
    """What one process makes of them."""
    output = tmp_path_factory.mktemp("one_process")
    assert prepare(photos, output) == 0
    version = output / "pets" / "1.0.0"
    manifest = read_manifest(version)
    assert len(manifest.splits["train"].shards) == 3
    assert sum(manifest.quarantined.values()) == 1
    return promised_digests(version)


def test_bytes_do_not_depend_on_the_order_of_the_files_nor_on_how_often_a_bundle_is_tried(photos, expected, tmp_path):
    for image_id in reversed([*IDS, REJECTED]):
        for path in (f"images/{image_id}.jpg", f"annotations/trimaps/{image_id}.png"):
            copy = tmp_path / "reversed" / path
            copy.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(photos / path, copy)
    assert prepare(tmp_path / "reversed", tmp_path / "data", "1.0.0", "--direct_runner_bundle_repeat=1") == 0
    assert promised_digests(tmp_path / "data" / "pets" / "1.0.0") == expected


def test_bytes_do_not_depend_on_how_much_of_the_plan_moves_and_is_joined_at_a_time(
    photos, expected, tmp_path, monkeypatch
):
    monkeypatch.setattr(packing, "ROWS_PER_BATCH", 5)
    monkeypatch.setattr(joining, "_FOUND_PER_PARTITION", 30)
    assert prepare(photos, tmp_path) == 0
    assert promised_digests(tmp_path / "pets" / "1.0.0") == expected


def prepare_in_processes(photos, output, workers, *python):
    """Runs the job in a process of its own; `python` is how its interpreter is started."""
    job = [sys.executable, *(python or ("-m", "beam_jobs.prepare")), "--dataset=pets", f"--input={photos}"]
    job += [f"--output={output}", "--version=1.0.0", "--image_size=32"]
    job += ["--direct_running_mode=multi_processing", f"--direct_num_workers={workers}"]
    ended = subprocess.run(job, capture_output=True, text=True, check=False)
    assert ended.returncode == 0, ended.stderr
    return promised_digests(output / "pets" / "1.0.0")


@pytest.mark.proof
@pytest.mark.slow(40)
@pytest.mark.parametrize("workers", [1, 4])  # the test below starts two
def test_bytes_do_not_depend_on_the_number_of_worker_processes(photos, expected, tmp_path, workers):
    assert prepare_in_processes(photos, tmp_path, workers) == expected


@pytest.mark.proof
def test_bytes_do_not_depend_on_how_worker_processes_start(photos, expected, tmp_path):
    code = (
        "import sys; from beam_jobs.prepare.command_line import main; from beam_jobs.runners import supervision\n"
        "supervision.can_fork = lambda: False; sys.exit(main(sys.argv[1:]))"
    )
    assert prepare_in_processes(photos, tmp_path, 2, "-c", code) == expected
