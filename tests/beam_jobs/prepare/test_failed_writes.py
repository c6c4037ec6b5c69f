"""Jobs that cannot write or move a file: nothing is published, and the next run ends as if nothing was."""

import os
import resource
import shlex
import shutil
import signal
import subprocess

import pytest

from tests.beam_jobs.jobs import promised_digests
from tests.beam_jobs.restarts import check_converged, command, files_below, run, run_here

pytestmark = [pytest.mark.proof, pytest.mark.slow(30)]


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
    # In a mount namespace of its own: no other process sees the disk, and it is gone with the last of these commands.
    script = f"""
        mount -t tmpfs -o size=200k small {disk} && {job}
        test $? = 1 && test ! -e {disk}/pets/1.0.0 || exit 100
        mount -o remount,size=64m {disk} && {job} && cp -r {disk} {kept}
    """
    ended = subprocess.run([*in_own_mounts, "sh", "-c", script], capture_output=True, text=True, check=False)
    assert ended.returncode == 0, ended.stderr
    assert f"No space left on device in {disk}/pets/_staging/1.0.0/" in ended.stderr
    assert "Traceback" not in ended.stderr
    assert promised_digests(kept / "pets" / "1.0.0") == undisturbed.promised
    assert files_below(kept) == undisturbed.files


def test_a_rename_that_fails_behind_others_publishes_nothing_and_the_next_run_converges(
    many_photos, tmp_path, undisturbed
):
    version = tmp_path / "pets" / "1.0.0"
    in_the_way = version / "statistics" / "Split-train" / "FeatureStats.pb" / "a folder"
    in_the_way.mkdir(parents=True)
    assert run_here(many_photos, tmp_path) == 1
    assert not (version / "manifest.json").exists()
    assert any(path.is_file() for path in version.rglob("*"))
    shutil.rmtree(in_the_way.parent)
    check_converged(many_photos, tmp_path, undisturbed)


def test_the_rerun_of_a_published_version_writes_nothing(many_photos, tmp_path, undisturbed):
    def written():
        return {path: (path.stat().st_ino, path.stat().st_mtime_ns) for path in tmp_path.rglob("*")}

    assert run_here(many_photos, tmp_path) == 0
    before = written()
    check_converged(many_photos, tmp_path, undisturbed)
    assert written() == before
