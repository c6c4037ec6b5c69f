"""The stand-in for Dataflow answers as the service does: at once, and with the state that the job is in."""

import json
import threading
import urllib.request

import pytest

from tests.beam_jobs.dataflow.dataflow_service import JOB_ID
from tests.beam_jobs.storage_emulator import ACCOUNT, PROJECT

JOBS = f"v1b3/projects/{PROJECT}/locations/europe-west1/jobs"
JOB = {"name": "a-job", "clientRequestId": "1", "environment": {}}


@pytest.fixture
def ask(service):
    def ask(path: str = f"{JOBS}/{JOB_ID}", body: dict | None = None) -> dict:
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(service.endpoint + path, data, {"Authorization": f"Bearer {ACCOUNT}"})
        with urllib.request.urlopen(request, timeout=60) as answer:
            return json.load(answer)

    return ask


def test_a_job_is_running_until_its_workers_have_ended_however_often_it_is_asked_for(service, ask):
    end = threading.Event()
    service.workers = end.wait
    ask(JOBS, JOB)
    try:
        states = [ask()["currentState"] for _ in range(5)]
    finally:
        end.set()
    assert states == ["JOB_STATE_PENDING", *4 * ["JOB_STATE_RUNNING"]]
    service.join_workers()
    assert ask()["currentState"] == "JOB_STATE_DONE"


def test_a_job_whose_workers_fail_has_failed_and_says_why(service, ask):
    def workers():
        raise OSError("no such bucket")

    service.workers = workers
    ask(JOBS, JOB)
    service.join_workers()
    assert [ask()["currentState"] for _ in range(3)] == ["JOB_STATE_PENDING", "JOB_STATE_RUNNING", "JOB_STATE_FAILED"]
    (message,) = ask(f"{JOBS}/{JOB_ID}/messages")["jobMessages"]
    assert message["messageText"] == "OSError('no such bucket')"
