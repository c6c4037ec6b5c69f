"""Two jobs of one version at a time: one publishes, and the other says so."""

import os
import signal
import subprocess

import pytest

from schemas.errors import UserError
from schemas.version import verify_version
from tests.beam_jobs.restarts import TIMEOUT, command, run_here, start, wait_for


@pytest.mark.proof
def test_a_second_job_on_this_machine_is_refused_while_the_first_runs(many_photos, tmp_path):
    first = start(many_photos, tmp_path)
    wait_for(first, lambda: any(tmp_path.glob("pets/_staging/1.0.0/*/.made_by")))
    os.kill(first.pid, signal.SIGSTOP)
    with pytest.raises(UserError, match=r"1\.0\.0: another job is preparing this version; wait for its end"):
        run_here(many_photos, tmp_path)
    os.kill(first.pid, signal.SIGCONT)
    assert first.wait() == 0
    verify_version(tmp_path / "pets" / "1.0.0")
    assert sorted(path.name for path in (tmp_path / "pets").iterdir()) == ["1.0.0"]


@pytest.mark.proof
@pytest.mark.parametrize(
    ("options", "code", "message"),
    [
        ((), 0, "Already published from the same inputs and options"),
        (("--jpeg_quality=80",), 2, "is already published with jpeg_quality=92 (now 80); choose another --version"),
    ],
    ids=["the same content", "other content"],
)
def test_of_two_jobs_in_a_bucket_the_one_that_loses_says_that_another_has_published(
    many_photos, storage, bucket, options, code, message
):
    slow = subprocess.Popen(
        command(many_photos, bucket, *options), stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    )
    wait_for(slow, lambda: any("/examples/" in uri for uri in storage.list(f"{bucket}/pets/_staging/1.0.0/")))
    os.kill(slow.pid, signal.SIGSTOP)
    assert run_here(many_photos, bucket) == 0
    published = {uri: storage.get(uri) for uri in storage.list(f"{bucket}/pets/1.0.0/")}
    os.kill(slow.pid, signal.SIGCONT)
    printed = slow.communicate(timeout=TIMEOUT)[0]
    assert message in printed
    assert "Traceback" not in printed
    assert "Nothing is published" not in printed
    assert slow.returncode == code
    assert {uri: storage.get(uri) for uri in storage.list(f"{bucket}/pets/1.0.0/")} == published
    assert not [uri for uri in storage.list(bucket) if "/_staging/" in uri and not uri.endswith(".tmp")]
