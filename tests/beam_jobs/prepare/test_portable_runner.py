"""The portable runner: Beam's own job server, and worker processes that it does not start itself."""

import os
import signal
import subprocess
import sys
from contextlib import contextmanager
from pathlib import Path

import grpc
import pytest

from beam_jobs.predict.command_line import main as predict
from tests.beam_jobs.jobs import prepare, promised_digests
from tests.beam_jobs.pictures import encode, gradient, write_pair
from tests.beam_jobs.storage_emulator import free_port
from tests.beam_jobs.toy_model import export

WORKERS = 2
START_SECONDS = 120


@contextmanager
def server(log: Path, port: int, *command: str):
    """A server process that listens on `port`; ended with all that it has started."""
    # the worker pool starts `python` from the path, which must be this one
    environment = os.environ | {"PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"}
    with log.open("w") as file:
        process = subprocess.Popen(
            [sys.executable, "-m", *command], stdout=file, stderr=file, env=environment, start_new_session=True
        )
    try:
        with grpc.insecure_channel(f"localhost:{port}") as channel:
            grpc.channel_ready_future(channel).result(START_SECONDS)
        yield
    finally:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()


@pytest.fixture(scope="module")
def portable(tmp_path_factory):
    """Options for a job server that gives each job several external worker processes, and the server's log."""
    jobs, pool = free_port(), free_port()
    folder = tmp_path_factory.mktemp("servers")
    log = folder / "job_server.log"
    worker_pool = ("apache_beam.runners.worker.worker_pool_main", f"--service_port={pool}")
    with (
        server(folder / "pool.log", pool, *worker_pool),
        server(log, jobs, "tests.beam_jobs.portable_job_server", str(WORKERS), f"--job_port={jobs}"),
    ):
        runner = ["--runner=PortableRunner", f"--job_endpoint=localhost:{jobs}"]
        yield [*runner, "--environment_type=EXTERNAL", f"--environment_config=localhost:{pool}"], log


def workers_of_jobs(log):
    """How many workers the jobs so far have asked for."""
    return log.read_text().count("Requesting worker at")


def run(photos, output, options):
    command = [sys.executable, "-m", "beam_jobs.prepare", "--dataset=pets", "--version=1.0.0", "--image_size=32"]
    return subprocess.run(
        [*command, f"--input={photos}", f"--output={output}", *options], capture_output=True, text=True, check=False
    )


@pytest.mark.proof
@pytest.mark.slow(140)
def test_external_workers_publish_the_same_bytes_and_a_failure_is_reported_in_one_line(photos, tmp_path, portable):
    options, log = portable
    before = workers_of_jobs(log)
    for number in range(100, 220):
        write_pair(photos, f"pug_{number}")
    ended = run(photos, tmp_path / "portable", options)
    assert ended.returncode == 0, ended.stderr
    assert "Traceback" not in ended.stdout + ended.stderr
    assert workers_of_jobs(log) - before == WORKERS
    assert prepare(photos, tmp_path / "one_process") == 0
    expected = promised_digests(tmp_path / "one_process" / "pets" / "1.0.0")
    assert sum("train.tfrecord" in path for path in expected) > 1
    assert promised_digests(tmp_path / "portable" / "pets" / "1.0.0") == expected

    in_the_way = tmp_path / "failed" / "pets" / "1.0.0" / "statistics" / "Split-train" / "FeatureStats.pb" / "a folder"
    in_the_way.mkdir(parents=True)
    failed = run(photos, tmp_path / "failed", options)
    assert failed.returncode == 1
    assert "Traceback" not in failed.stderr
    (line,) = [line for line in failed.stderr.splitlines() if line.startswith("error: ")]
    assert "Is a directory" in line


@pytest.mark.proof
def test_external_workers_predict_what_one_process_predicts(tmp_path, portable):
    options, log = portable
    (tmp_path / "photos").mkdir()
    for number in range(60):
        data = encode(gradient(40 + number, 60), "JPEG", quality=95)
        (tmp_path / "photos" / f"photo_{number}.jpg").write_bytes(data)
    export(tmp_path / "model")
    job = [f"--model={tmp_path}/model", f"--photos={tmp_path}/photos"]
    assert predict([*job, f"--output={tmp_path}/here"]) == 0
    command = [sys.executable, "-m", "beam_jobs.predict", *job, f"--output={tmp_path}/portable", *options]
    before = workers_of_jobs(log)
    ended = subprocess.run(command, capture_output=True, text=True, check=False)
    assert ended.returncode == 0, ended.stderr
    here, portably = (
        {path.name: path.read_bytes() for path in (tmp_path / output / "masks").iterdir()}
        for output in ("here", "portable")
    )
    assert len(here) == 60
    assert here == portably
    assert workers_of_jobs(log) - before == WORKERS
