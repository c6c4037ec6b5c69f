"""A step that waits for a CustomJob takes it along when it is ended."""

import json
import os
import signal
import threading

import pytest
from google.cloud import aiplatform_v1 as v1

from beam_jobs.console import Terminated
from tfx_pipeline.vertex.components import training_settings
from tfx_pipeline.vertex.custom_job import Executor
from tfx_pipeline.vertex.rehearsal.access import RUNNER

ACCOUNT = RUNNER
STATE = v1.JobState


@pytest.fixture
def start(stage, cloud_config, monkeypatch):
    """Starts the step's executor; `on_job` is called in the service's thread when the CustomJob runs."""

    def run(on_job) -> None:
        monkeypatch.setattr(stage.service, "run_custom_job", on_job)
        settings = training_settings("pets-trainer", cloud_config.cloud, cloud_config.cloud.training)
        Executor().Do({}, {}, {"custom_config": json.dumps(settings)})

    stage.service.custom_jobs.clear()
    return run


def test_sigterm_cancels_the_job_and_ends_the_step(stage, start):
    before = signal.getsignal(signal.SIGTERM)
    other = v1.CustomJob(name="projects/p/locations/l/customJobs/99", state=STATE.JOB_STATE_RUNNING)
    stage.service.custom_jobs[other.name] = other
    with pytest.raises(Terminated):
        start(lambda job: os.kill(os.getpid(), signal.SIGTERM))
    [job] = [job for job in stage.service.custom_jobs.values() if job is not other]
    assert job.state == STATE.JOB_STATE_CANCELLED
    assert other.state == STATE.JOB_STATE_RUNNING
    assert signal.getsignal(signal.SIGTERM) == before


def test_the_job_carries_the_configured_labels_beside_the_steps_own(stage, start):
    with pytest.raises(Terminated):
        start(lambda job: os.kill(os.getpid(), signal.SIGTERM))
    [job] = stage.service.custom_jobs.values()
    assert job.labels["team"] == "rehearsal"
    assert len(job.labels["started_by"]) == 32


def test_a_rehearsed_job_that_ends_after_it_was_asked_for_is_not_asked_for_again(stage, start, monkeypatch):
    """TFX would only do that after half a minute."""
    monkeypatch.setattr(stage.service, "answers_after", 60.0)
    stage.service.calls.clear()

    def asked() -> int:
        return sum(call.method == "GetCustomJob" for call in stage.service.calls)

    def end_when_asked_for(job) -> None:
        while not asked():
            threading.Event().wait(0.01)

    start(end_when_asked_for)
    [job] = stage.service.custom_jobs.values()
    assert (job.state, asked()) == (STATE.JOB_STATE_SUCCEEDED, 1)
