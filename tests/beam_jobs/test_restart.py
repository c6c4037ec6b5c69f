"""Jobs that are killed or fail half-way: what was published stays whole, and the next run ends as if nothing was."""

import hashlib
import os
import resource
import signal
import subprocess
import sys
import time

import pytest

from schemas.manifest import verify_version
from tests.beam_jobs.pictures import encode, gradient, write_pair

# Two sizes of job: 130 train records make three shards, so that there is a moment between the first and the last.
IDS = [f"pug_{number}" for number in range(100)] + [f"Bengal_{number}" for number in range(60)]


@pytest.fixture(scope="module")
def photos(tmp_path_factory):
    folder = tmp_path_factory.mktemp("photos")
    photo = encode(gradient(), "JPEG", quality=90)
    for image_id in IDS:
        write_pair(folder, image_id, photo=photo)
    return folder


def command(photos, output, version="1.0.0"):
    job = [sys.executable, "-m", "beam_jobs.prepare", "--dataset=pets", "--image_size=64"]
    return [*job, f"--input={photos}", f"--output={output}", f"--version={version}"]


def run(*arguments, **options):
    return subprocess.run(command(*arguments), capture_output=True, text=True, check=False, **options)


def promised(version_dir):
    """Digest of every file that a version promises: shards, manifest, schema."""
    kept = (path for path in version_dir.rglob("*") if path.is_file() and path.suffix not in (".pb", ".jsonl", ".html"))
    return {str(path.relative_to(version_dir)): hashlib.sha256(path.read_bytes()).hexdigest() for path in kept}


@pytest.fixture(scope="module")
def undisturbed(photos, tmp_path_factory):
    """What a run that nothing disturbs publishes, and the list of all its files."""
    output = tmp_path_factory.mktemp("undisturbed")
    assert run(photos, output).returncode == 0
    version = output / "pets" / "1.0.0"
    return promised(version), sorted(str(path.relative_to(output)) for path in output.rglob("*"))


def check_converged(photos, output, undisturbed):
    ended = run(photos, output)
    assert ended.returncode == 0, ended.stderr
    assert promised(output / "pets" / "1.0.0") == undisturbed[0]
    assert sorted(str(path.relative_to(output)) for path in output.rglob("*")) == undisturbed[1]


def kill_when(process, moment, patience=120):
    """SIGKILL as soon as `moment()` holds; the job must not have ended before."""
    deadline = time.monotonic() + patience
    while not moment():
        assert process.poll() is None, "the job ended before the moment came"
        assert time.monotonic() < deadline, "the moment never came"
    process.send_signal(signal.SIGKILL)
    process.wait()


@pytest.mark.slow
@pytest.mark.parametrize(
    "pattern",
    ["_staging/1.0.0/examples/*/*.tmp", "_staging/1.0.0/examples/*/*-of-0000[0-9]", "1.0.0/**/*-of-0000[0-9]"],
    ids=["first shard begun", "first shard complete", "first file moved"],
)
def test_a_killed_job_publishes_nothing_and_the_next_run_converges(photos, tmp_path, undisturbed, pattern):
    process = subprocess.Popen(command(photos, tmp_path), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    kill_when(process, lambda: any((tmp_path / "pets").glob(pattern)))
    assert not (tmp_path / "pets" / "1.0.0" / "manifest.json").exists()
    check_converged(photos, tmp_path, undisturbed)


@pytest.mark.slow
def test_a_write_that_fails_publishes_nothing_and_the_next_run_converges(photos, tmp_path, undisturbed):
    def no_file_above_40_kb():
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)  # then the write fails, as it does on a full disk
        resource.setrlimit(resource.RLIMIT_FSIZE, (40_000, 40_000))

    ended = run(photos, tmp_path, preexec_fn=no_file_above_40_kb, env=os.environ | {"PYTHONDONTWRITEBYTECODE": "1"})
    assert ended.returncode == 1
    assert "File too large" in ended.stderr
    assert "Traceback" not in ended.stderr
    assert not (tmp_path / "pets" / "1.0.0").exists()
    check_converged(photos, tmp_path, undisturbed)


@pytest.mark.slow
def test_a_move_that_fails_after_others_publishes_nothing_and_the_next_run_converges(photos, tmp_path, undisturbed):
    in_the_way = tmp_path / "pets" / "1.0.0" / "statistics" / "Split-train" / "FeatureStats.pb" / "a folder"
    in_the_way.mkdir(parents=True)
    assert run(photos, tmp_path).returncode == 1
    assert not (tmp_path / "pets" / "1.0.0" / "manifest.json").exists()
    in_the_way.rmdir()
    in_the_way.parent.rmdir()
    check_converged(photos, tmp_path, undisturbed)


@pytest.mark.slow
def test_a_failed_job_leaves_the_versions_published_before_it_alone(photos, tmp_path):
    assert run(photos, tmp_path).returncode == 0
    before = promised(tmp_path / "pets" / "1.0.0")
    process = subprocess.Popen(command(photos, tmp_path, "1.1.0"), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    kill_when(process, lambda: any((tmp_path / "pets" / "_staging").glob("1.1.0/examples/*/*")))
    assert promised(tmp_path / "pets" / "1.0.0") == before
    verify_version(tmp_path / "pets" / "1.0.0")
