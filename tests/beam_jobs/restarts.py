"""Jobs in processes of their own that are to be killed or to fail, and what they must come to in the end."""

import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

import psutil
import pytest

from beam_jobs.prepare.command_line import main
from tests.beam_jobs.jobs import promised_digests
from tests.beam_jobs.pictures import encode, gradient, write_pair

# More than 128 train records make three shards, so that there is a moment between the first and the last.
IDS = [f"pug_{number}" for number in range(120)] + [f"Bengal_{number}" for number in range(70)]
TIMEOUT = 300  # seconds; a machine with other work to do needs a minute for the imports
LOOKS_EVERY = 0.002  # seconds; the moments between two renames are short


class Undisturbed(NamedTuple):
    """What a job that nothing disturbs leaves: digests of what it promises, and the names of all its files."""

    promised: dict[str, str]
    files: list[str]


@pytest.fixture(scope="module")
def many_photos(tmp_path_factory) -> Path:
    """A folder of the photos."""
    folder = tmp_path_factory.mktemp("photos")
    photo = encode(gradient(), "JPEG", quality=90)
    for image_id in IDS:
        write_pair(folder, image_id, photo=photo)
    return folder


@pytest.fixture(scope="module")
def undisturbed(many_photos, tmp_path_factory) -> Undisturbed:
    """Of a job over all the photos."""
    output = tmp_path_factory.mktemp("undisturbed")
    assert run_here(many_photos, output) == 0
    return left_in(output)


def left_in(output: Path) -> Undisturbed:
    return Undisturbed(promised_digests(output / "pets" / "1.0.0"), files_below(output))


def files_below(folder: Path) -> list[str]:
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*"))


def command(photos: Path, output: Path, *options: str, version: str = "1.0.0") -> list[str]:
    # Without looking for near-duplicates: here all photos are the same one.
    job = [sys.executable, "-m", "beam_jobs.prepare", "--dataset=pets", "--image_size=64", "--near_duplicates=ignore"]
    return [*job, f"--input={photos}", f"--output={output}", f"--version={version}", *options]


def run(photos: Path, output: Path, *options: str, **how) -> subprocess.CompletedProcess:
    return subprocess.run(command(photos, output, *options), capture_output=True, text=True, check=False, **how)


def run_here(photos: Path, output: Path) -> int:
    """Runs a job that nothing kills, and returns its exit code; in this process, which has imported all by then."""
    return main(command(photos, output)[3:])


def start(photos: Path, output: Path, *options: str, version: str = "1.0.0") -> subprocess.Popen:
    job = command(photos, output, *options, version=version)
    return subprocess.Popen(job, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)


def wait_for(process: subprocess.Popen, moment) -> None:
    """Returns as soon as `moment()` holds; the job must not have ended before."""
    deadline = time.monotonic() + TIMEOUT
    while not moment():
        with suppress(subprocess.TimeoutExpired):
            process.wait(LOOKS_EVERY)
        assert process.returncode is None, "the job ended before the moment came"
        assert time.monotonic() < deadline, "the moment never came"


def kill_when(process: subprocess.Popen, moment) -> None:
    """SIGKILL as soon as `moment()` holds."""
    wait_for(process, moment)
    process.kill()
    process.wait()


def workers_of(process: subprocess.Popen) -> list[psutil.Process]:
    """The worker processes of a job."""
    children = psutil.Process(process.pid).children(recursive=True)
    return [child for child in children if "beam_jobs.prepare" in child.cmdline()]


def check_converged(photos: Path, output: Path, undisturbed: Undisturbed) -> None:
    """The same command again ends as if nothing had been."""
    assert run_here(photos, output) == 0
    assert left_in(output) == undisturbed
