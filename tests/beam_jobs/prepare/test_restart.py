"""Jobs that are killed half-way: what was published stays whole, and the next run ends as if nothing was."""

import json
import shutil
import signal

import psutil
import pytest

from schemas.version import verify_version
from tests.beam_jobs.jobs import promised_digests
from tests.beam_jobs.restarts import (
    TIMEOUT,
    check_converged,
    files_below,
    kill_when,
    run_here,
    start,
    wait_for,
    workers_of,
)

pytestmark = [pytest.mark.proof, pytest.mark.slow(100)]

TWO_WORKERS = ("--direct_running_mode=multi_processing", "--direct_num_workers=2")


def test_a_killed_job_publishes_nothing_and_the_next_run_converges(many_photos, tmp_path, undisturbed):
    kill_when(start(many_photos, tmp_path), lambda: any(tmp_path.glob("pets/_staging/1.0.0/*/examples/*/*.tmp")))
    assert not (tmp_path / "pets" / "1.0.0").exists()
    check_converged(many_photos, tmp_path, undisturbed)


def test_a_job_killed_again_at_ever_later_moments_converges_in_the_end(many_photos, tmp_path, undisturbed):
    version = tmp_path / "pets" / "1.0.0"
    strays = [f"examples/Split-train/stray-{number:05d}" for number in range(20_000)]
    first = version / strays[0]

    def leave_strays():  # of an interrupted job: deleted between the last move and the manifest, for long enough to hit
        first.parent.mkdir(parents=True, exist_ok=True)
        for path in strays:
            (version / path).touch()
        staging = tmp_path / "pets" / "_staging" / "1.0.0" / ("0123456789abcdef" * 2)
        staging.mkdir(parents=True, exist_ok=True)
        (staging / ".made_by").write_text("beam_jobs.prepare\n")
        (staging / "moves.json").write_text(json.dumps({"withheld": False, "files": strays}))

    kill_when(start(many_photos, tmp_path), lambda: any(tmp_path.glob("pets/_staging/1.0.0/*/examples/*/*-of-0000?")))
    leave_strays()
    kill_when(start(many_photos, tmp_path), lambda: any(version.glob("examples/Split-eval/*")))
    assert not (version / "manifest.json").exists()
    leave_strays()
    kill_when(start(many_photos, tmp_path), lambda: not first.exists())
    assert all((version / path).is_file() for path in undisturbed.promised if path != "manifest.json")
    assert not (version / "manifest.json").exists()
    check_converged(many_photos, tmp_path, undisturbed)


def test_a_job_killed_after_its_manifest_has_published_and_the_next_run_tidies_up(many_photos, tmp_path, undisturbed):
    manifest = tmp_path / "pets" / "1.0.0" / "manifest.json"
    kill_when(start(many_photos, tmp_path), manifest.exists)
    verify_version(manifest.parent)
    written = manifest.stat().st_mtime_ns
    (manifest.parent / "metrics.json").unlink(
        missing_ok=True
    )  # where the kill came too late to keep it from being written
    assert run_here(many_photos, tmp_path) == 0
    assert promised_digests(manifest.parent) == undisturbed.promised
    assert manifest.stat().st_mtime_ns == written
    assert files_below(tmp_path) == undisturbed.files  # metrics.json too, as far as the manifest knows


def test_a_killed_worker_ends_the_job_and_the_next_run_converges(many_photos, tmp_path, undisturbed):
    process = start(many_photos, tmp_path, *TWO_WORKERS)
    wait_for(process, lambda: any((tmp_path / "pets").glob("_staging/1.0.0/*/examples/*/*.tmp")))
    workers = workers_of(process)
    assert len(workers) == 2
    workers[0].kill()
    printed = process.communicate(timeout=TIMEOUT)[1]
    assert process.returncode == 1
    assert "a worker process was killed by SIGKILL" in printed
    assert "Traceback" not in printed
    assert psutil.wait_procs(workers, timeout=TIMEOUT)[1] == []
    assert not (tmp_path / "pets" / "1.0.0" / "manifest.json").exists()
    check_converged(many_photos, tmp_path, undisturbed)


def test_workers_end_with_a_launcher_that_is_killed(many_photos, tmp_path):
    process = start(many_photos, tmp_path, *TWO_WORKERS)
    wait_for(process, lambda: any((tmp_path / "pets").glob("_staging/1.0.0/*/examples/*/*.tmp")))
    workers = workers_of(process)
    process.kill()
    process.wait()
    assert len(workers) == 2
    assert psutil.wait_procs(workers, timeout=TIMEOUT)[1] == []
    assert not (tmp_path / "pets" / "1.0.0" / "manifest.json").exists()


@pytest.mark.parametrize(("number", "code"), [(signal.SIGTERM, 143), (signal.SIGINT, 130)])
def test_a_job_that_is_asked_to_end_does_so_quietly(many_photos, tmp_path, number, code):
    process = start(many_photos, tmp_path)
    wait_for(process, lambda: any((tmp_path / "pets").glob("_staging/1.0.0/*/examples/*/*.tmp")))
    process.send_signal(number)
    printed = process.communicate(timeout=TIMEOUT)[1]
    assert process.returncode == code
    assert "the same command starts over" in printed
    assert "Traceback" not in printed
    assert not (tmp_path / "pets" / "1.0.0" / "manifest.json").exists()


def test_a_job_of_another_shard_count_that_was_killed_leaves_no_stray_shard(many_photos, tmp_path, undisturbed):
    fewer = tmp_path / "fewer"
    shutil.copytree(many_photos, fewer)
    for path in sorted((fewer / "images").glob("pug_*"))[:115]:
        path.unlink()
        (fewer / "annotations" / "trimaps" / f"{path.stem}.png").unlink()
    shards = "1.0.0/examples/Split-train/*-of-0000[0-9]"
    kill_when(start(fewer, tmp_path / "data"), lambda: any((tmp_path / "data/pets").glob(shards)))
    (stray, *_) = (tmp_path / "data/pets").glob("1.0.0/examples/Split-train/*")
    assert f"examples/Split-train/{stray.name}" not in undisturbed.promised
    check_converged(many_photos, tmp_path / "data", undisturbed)


def test_a_job_killed_beside_a_published_version_leaves_it_alone(many_photos, tmp_path, undisturbed):
    assert run_here(many_photos, tmp_path) == 0
    second = start(many_photos, tmp_path, version="1.1.0")
    kill_when(second, lambda: any((tmp_path / "pets" / "_staging").glob("1.1.0/*/examples/*/*")))
    assert promised_digests(tmp_path / "pets" / "1.0.0") == undisturbed.promised
    verify_version(tmp_path / "pets" / "1.0.0")
