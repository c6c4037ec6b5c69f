"""The doctor's deep checks on loopback: they take down again what they start. No accelerator is there to be found."""

import datetime
import json
import os
import signal
import threading

import pytest
from google.cloud import aiplatform
from google.cloud import aiplatform_v1 as v1

from beam_jobs.console import exit_code
from tests.tfx_pipeline.vertex.test_ask_endpoint import endpoint, model
from tests.tfx_pipeline.vertex.test_pusher import push_model
from tfx_pipeline.config.pipeline import load_cloud_config
from tfx_pipeline.serving.prediction import BadRequest
from tfx_pipeline.vertex.doctor import devices
from tfx_pipeline.vertex.doctor.deep import check_devices, check_endpoint, check_leftovers
from tfx_pipeline.vertex.doctor.google import Google

__all__ = ["endpoint", "model", "push_model"]
pytestmark = pytest.mark.proof

OUTPUT = "gs://rehearsal-bucket/pipelines/pets"


@pytest.fixture
def run_job(stage, monkeypatch):
    """Runs the containers of CustomJobs in this process; `reported` takes the place of the devices that are here."""

    def use(reported=None, failure=None):
        def run(job):
            [pool] = job.job_spec.worker_pool_specs
            assert list(pool.container_spec.command) == ["python", "-m", devices.__name__]
            devices.main(list(pool.container_spec.args))
            if reported is not None:
                stage.buckets.of_uri(pool.container_spec.args[0]).write_text(json.dumps(reported))
            return failure

        monkeypatch.setattr(stage.service, "run_custom_job", run)

    return use


def left_behind(stage):
    folder = stage.buckets.of_uri(f"{OUTPUT}/doctor")
    return [*stage.service.custom_jobs, *(folder.iterdir() if folder.is_dir() else ())]


def examined(check, path):
    [finding] = check(load_cloud_config(path), Google())
    return finding.line()


def test_a_machine_without_its_gpu_is_found_before_the_training(stage, run_job, write_cloud_config):
    run_job()
    line = examined(check_devices, write_cloud_config())
    assert line.startswith("FAIL CustomJob on n1-standard-8: 0 GPUs are found, 1 configured")
    assert not left_behind(stage)


def test_a_machine_with_its_gpu_is_fine(stage, run_job, write_cloud_config):
    run_job(reported=["CPU", "GPU"])
    line = examined(check_devices, write_cloud_config())
    assert line == "ok   CustomJob on n1-standard-8: finds CPU, GPU, and writes to the bucket"
    assert not left_behind(stage)


def test_a_job_that_fails_says_why_and_leaves_nothing(stage, run_job, write_cloud_config):
    run_job(failure="the image has no python")
    line = examined(check_devices, write_cloud_config())
    assert line.startswith("FAIL CustomJob")
    assert "the image has no python" in line
    assert not left_behind(stage)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupted_check_ends_its_job_and_leaves_nothing(stage, write_cloud_config, monkeypatch, capsys, number):
    ended = threading.Event()

    def interrupt(job):
        stage.buckets.of_uri(f"{OUTPUT}/doctor").mkdir(parents=True, exist_ok=True)
        stage.buckets.of_uri(f"{OUTPUT}/doctor/half.json").write_text("{}")
        os.kill(os.getpid(), number)
        ended.wait(60)

    monkeypatch.setattr(stage.service, "run_custom_job", interrupt)
    config, before = load_cloud_config(write_cloud_config()), signal.getsignal(signal.SIGTERM)
    try:
        assert exit_code(lambda: len(list(check_devices(config, Google())))) in (130, 143)
    finally:
        ended.set()
        signal.signal(signal.SIGTERM, before)
    assert not left_behind(stage)
    assert "CancelCustomJob" in [call.method for call in stage.service.calls]
    assert "Taking down what the check has started" in capsys.readouterr().err


def test_what_a_killed_check_left_is_named_and_removed_by_the_next(stage, write_cloud_config):
    aiplatform.init(project="rehearsal-project", location="europe-west4")
    config = load_cloud_config(write_cloud_config())
    left = v1.CustomJob(
        name="projects/rehearsal-project/locations/europe-west4/customJobs/900",
        labels={"doctor": config.name},
        state=v1.JobState.JOB_STATE_RUNNING,
        create_time=datetime.datetime.now(datetime.timezone.utc),
    )
    other = v1.CustomJob(name=left.name.replace("900", "901"), labels={"doctor": "another-pipeline"})
    stage.service.custom_jobs |= {one.name: one for one in (left, other)}
    stage.buckets.write("rehearsal-bucket", "pipelines/pets/doctor/old.json", b"{}")
    assert [finding.line() for finding in check_leftovers(config, Google())] == [
        "ok   left by a deep check that was killed: CustomJob 900 removed",
        f"ok   left by a deep check that was killed: {OUTPUT}/doctor with 1 file removed",
    ]
    assert left_behind(stage) == [other.name]
    stage.service.custom_jobs.clear()


def test_an_endpoint_that_answers_is_fine(stage, endpoint, write_cloud_config):
    line = examined(check_endpoint, write_cloud_config())
    assert line.startswith("ok   endpoint pets: answers with a mask of 32 x 32 pixels, ")


def test_an_endpoint_whose_model_fails_is_found(stage, endpoint, write_cloud_config, monkeypatch):
    def fail(chosen):
        raise BadRequest("the model can't be asked")

    monkeypatch.setattr(stage.service, "load", fail)
    line = examined(check_endpoint, write_cloud_config())
    assert line.startswith("FAIL endpoint pets: ")
    assert "the model can't be asked" in line


def test_an_endpoint_that_is_not_there_yet_is_no_fault(stage, write_cloud_config):
    stage.service.endpoints = {}
    assert examined(check_endpoint, write_cloud_config()) == (
        "skip endpoint pets: not there yet; the first run creates it"
    )
