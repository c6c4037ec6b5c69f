"""Jobs that are killed or fail half-way: what was published stays whole, and the next run ends as if nothing was."""

import os
import resource
import shlex
import shutil
import signal
import subprocess

import psutil
import pytest

from schemas.manifest import verify_version
from tests.beam_jobs.jobs import promised_digests
from tests.beam_jobs.restarts import check_converged, command, files_below, run, start, wait_for, workers_of

pytestmark = pytest.mark.slow

TWO_WORKERS = ("--direct_running_mode=multi_processing", "--direct_num_workers=2")


@pytest.mark.parametrize(
    "pattern",
    ["_staging/1.0.0/examples/*/*.tmp", "_staging/1.0.0/examples/*/*-of-0000[0-9]", "1.0.0/**/*-of-0000[0-9]"],
    ids=["first shard begun", "first shard complete", "first file moved"],
)
def test_a_killed_job_publishes_nothing_and_the_next_run_converges(many_photos, tmp_path, undisturbed, pattern):
    process = start(many_photos, tmp_path)
    wait_for(process, lambda: any((tmp_path / "pets").glob(pattern)))
    process.kill()
    process.wait()
    assert not (tmp_path / "pets" / "1.0.0" / "manifest.json").exists()
    check_converged(many_photos, tmp_path, undisturbed)


def test_a_job_killed_around_its_last_step_leaves_a_whole_version_or_none(many_photos, tmp_path, undisturbed):
    version = tmp_path / "pets" / "1.0.0"
    moved = sum(name.startswith("pets/1.0.0/") for name in undisturbed.files) - len(("manifest.json", "metrics.json"))
    process = start(many_photos, tmp_path)
    wait_for(process, lambda: version.is_dir() and len(files_below(version)) >= moved)
    process.kill()
    process.wait()
    if (version / "manifest.json").exists():
        verify_version(version)
    check_converged(many_photos, tmp_path, undisturbed)


def test_a_killed_worker_ends_the_job_and_the_next_run_converges(many_photos, tmp_path, undisturbed):
    process = start(many_photos, tmp_path, *TWO_WORKERS)
    wait_for(process, lambda: any((tmp_path / "pets").glob("_staging/1.0.0/examples/*/*.tmp")))
    workers = workers_of(process)
    assert len(workers) == 2
    workers[0].kill()
    told = process.communicate(timeout=60)[1]
    assert process.returncode == 1
    assert "a worker process was killed by SIGKILL" in told
    assert "Traceback" not in told
    assert psutil.wait_procs(workers, timeout=20)[1] == []
    assert not (tmp_path / "pets" / "1.0.0" / "manifest.json").exists()
    check_converged(many_photos, tmp_path, undisturbed)


def test_workers_end_with_a_launcher_that_is_killed(many_photos, tmp_path):
    process = start(many_photos, tmp_path, *TWO_WORKERS)
    wait_for(process, lambda: any((tmp_path / "pets").glob("_staging/1.0.0/examples/*/*.tmp")))
    workers = workers_of(process)
    process.kill()
    process.wait()
    assert len(workers) == 2
    assert psutil.wait_procs(workers, timeout=20)[1] == []
    assert not (tmp_path / "pets" / "1.0.0" / "manifest.json").exists()


@pytest.mark.parametrize(("number", "code"), [(signal.SIGTERM, 143), (signal.SIGINT, 130)])
def test_a_job_that_is_told_to_end_does_so_calmly(many_photos, tmp_path, number, code):
    process = start(many_photos, tmp_path)
    wait_for(process, lambda: any((tmp_path / "pets").glob("_staging/1.0.0/examples/*/*.tmp")))
    process.send_signal(number)
    told = process.communicate(timeout=30)[1]
    assert process.returncode == code
    assert "the same command starts over" in told
    assert "Traceback" not in told
    assert not (tmp_path / "pets" / "1.0.0" / "manifest.json").exists()


def test_a_write_that_fails_publishes_nothing_and_the_next_run_converges(many_photos, tmp_path, undisturbed):
    def no_file_above_40_kb():
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)  # then the write fails, as it does on a full disk
        resource.setrlimit(resource.RLIMIT_FSIZE, (40_000, 40_000))

    ended = run(
        many_photos, tmp_path, preexec_fn=no_file_above_40_kb, env=os.environ | {"PYTHONDONTWRITEBYTECODE": "1"}
    )
    assert ended.returncode == 1
    assert "File too large" in ended.stderr
    assert "Traceback" not in ended.stderr
    assert not (tmp_path / "pets" / "1.0.0").exists()
    check_converged(many_photos, tmp_path, undisturbed)


def test_a_full_disk_publishes_nothing_and_the_next_run_converges(many_photos, tmp_path, undisturbed):
    in_own_mounts = ["unshare", "--mount", "--map-root-user"]
    if not shutil.which("unshare") or subprocess.run([*in_own_mounts, "true"], check=False).returncode:
        pytest.skip("no right to mount a small disk here (unshare --mount --map-root-user)")
    disk, kept = tmp_path / "disk", tmp_path / "kept"
    disk.mkdir()
    job = shlex.join(command(many_photos, disk))
    # In a mount namespace of its own: nobody else sees the disk, and it is gone with the last of these commands.
    script = f"""
        mount -t tmpfs -o size=200k small {disk} && {job}
        test $? = 1 && test ! -e {disk}/pets/1.0.0 || exit 100
        mount -o remount,size=64m {disk} && {job} && cp -r {disk} {kept}
    """
    ended = subprocess.run([*in_own_mounts, "sh", "-c", script], capture_output=True, text=True, check=False)
    assert ended.returncode == 0, ended.stderr
    assert "No space left on device" in ended.stderr
    assert "Traceback" not in ended.stderr
    assert promised_digests(kept / "pets" / "1.0.0") == undisturbed.promised
    assert files_below(kept) == undisturbed.files


def test_a_move_that_fails_after_others_publishes_nothing_and_the_next_run_converges(
    many_photos, tmp_path, undisturbed
):
    in_the_way = tmp_path / "pets" / "1.0.0" / "statistics" / "Split-train" / "FeatureStats.pb" / "a folder"
    in_the_way.mkdir(parents=True)
    assert run(many_photos, tmp_path).returncode == 1
    assert not (tmp_path / "pets" / "1.0.0" / "manifest.json").exists()
    in_the_way.rmdir()
    in_the_way.parent.rmdir()
    check_converged(many_photos, tmp_path, undisturbed)


def test_a_job_of_another_shard_count_that_was_killed_leaves_no_stray_shard(many_photos, tmp_path, undisturbed):
    fewer = tmp_path / "fewer"
    shutil.copytree(many_photos, fewer)
    for path in sorted((fewer / "images").glob("pug_*"))[:115]:
        path.unlink()
        (fewer / "annotations" / "trimaps" / f"{path.stem}.png").unlink()
    process = start(fewer, tmp_path / "data")
    wait_for(process, lambda: any((tmp_path / "data/pets").glob("1.0.0/examples/Split-train/*-of-0000[0-9]")))
    process.kill()
    process.wait()
    (stray, *_) = (tmp_path / "data/pets").glob("1.0.0/examples/Split-train/*")
    assert f"examples/Split-train/{stray.name}" not in undisturbed.promised
    check_converged(many_photos, tmp_path / "data", undisturbed)


def test_the_rerun_of_a_published_version_writes_nothing(many_photos, tmp_path, undisturbed):
    def written():
        return {path: (path.stat().st_ino, path.stat().st_mtime_ns) for path in tmp_path.rglob("*")}

    assert run(many_photos, tmp_path).returncode == 0
    before = written()
    check_converged(many_photos, tmp_path, undisturbed)
    assert written() == before


def test_a_job_killed_beside_a_published_version_leaves_it_alone(many_photos, tmp_path, undisturbed):
    assert run(many_photos, tmp_path).returncode == 0
    process = start(many_photos, tmp_path, version="1.1.0")
    wait_for(process, lambda: any((tmp_path / "pets" / "_staging").glob("1.1.0/examples/*/*")))
    process.kill()
    process.wait()
    assert promised_digests(tmp_path / "pets" / "1.0.0") == undisturbed.promised
    verify_version(tmp_path / "pets" / "1.0.0")
