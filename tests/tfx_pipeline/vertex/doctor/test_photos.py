"""The doctor's photos through Dataflow: Beam's own client submits, and a service on loopback runs the graph."""

import os
import re
import signal
from pathlib import Path

import httplib2
import pytest

from beam_jobs.console import exit_code
from beam_jobs.dataflow import submission
from beam_jobs.google_cloud.dataflow_options import NAME
from tests.beam_jobs.dataflow.dataflow_service import (
    JOB_ID,
    RUNNING,
    DataflowService,
    run_staged_graph,
    running_service,
)
from tests.beam_jobs.storage_emulator import Storage
from tfx_pipeline.config.pipeline import load_cloud_config
from tfx_pipeline.vertex.doctor import cleanup, photos
from tfx_pipeline.vertex.doctor.deep import check_leftovers
from tfx_pipeline.vertex.doctor.google import Google
from tfx_pipeline.vertex.doctor.photos import check_dataflow
from tfx_pipeline.vertex.rehearsal.access import DEPLOYER, granted_access

pytestmark = [pytest.mark.proof, pytest.mark.slow(60)]

HOST = "dataflow.googleapis.com"
FOLDER = "gs://rehearsal-bucket/pipelines/pets/doctor"
WORKERS = {"max_num_workers": 4, "subnetwork": "regions/europe-west4/subnetworks/segmentation"}


@pytest.fixture
def service(stage, monkeypatch):
    """Dataflow, where Google's clients look for it, with workers that run the staged graph."""
    monkeypatch.setattr(submission, "FIRST_POLL_SECONDS", 0.2)
    monkeypatch.setattr(cleanup, "POLL_SECONDS", 0.2)
    monkeypatch.setattr(httplib2, "CA_CERTS", str(stage.authority.certificate))  # else as it was when first imported
    with running_service(stage.gate, stage.authority) as service:
        storage = Storage(stage.buckets, "", Path())
        service.workers = lambda: run_staged_graph(storage, service)
        stage.proxy.routes[HOST] = service.port
        yield service
        del stage.proxy.routes[HOST]


@pytest.fixture
def config(write_cloud_config):
    return load_cloud_config(write_cloud_config(evaluation=WORKERS))


def examined(config) -> str:
    [finding] = check_dataflow(config, Google())
    return finding.line()


def left_behind(stage) -> list[Path]:
    folder = stage.buckets.of_uri(FOLDER)
    return [path for path in folder.rglob("*") if path.is_file()] if folder.is_dir() else []


def cancelled(service: DataflowService) -> bool:
    return any(request.startswith("PUT ") for request in service.requests)


def test_photos_that_go_through_dataflow_are_fine_and_leave_nothing(stage, service, config, capfd):
    line = examined(config)
    assert line.startswith("ok   job on Dataflow, e2-standard-4: published a version of 2 drawn photos, in ")
    assert not left_behind(stage)
    assert not cancelled(service)
    assert f"Dataflow job {JOB_ID}: https://console.cloud.google.com/" in capfd.readouterr().err


def test_the_job_is_one_worker_as_the_pipelines_and_writes_to_its_own_folder_alone(service, config):
    service.workers = None
    examined(config)
    [job] = service.jobs
    [pool] = job["environment"]["workerPools"]
    [container] = pool["sdkHarnessContainerImages"]
    cloud = config.cloud
    assert container["containerImage"] == cloud.image
    assert job["environment"]["serviceAccountEmail"] == cloud.service_account
    assert pool["subnetwork"] == WORKERS["subnetwork"]
    assert pool["ipConfiguration"] in ("WORKER_IP_PRIVATE", 2)
    assert pool["numWorkers"] == 1
    assert job["labels"] == {"team": "rehearsal", "doctor": config.name}
    assert job["environment"]["sdkPipelineOptions"]["options"]["temp_location"].startswith(f"{FOLDER}/temp")


def test_a_job_that_fails_says_why_and_leaves_nothing(stage, service, config):
    def workers():
        raise OSError("the workers can't reach Cloud Storage")

    service.workers = workers
    line = examined(config)
    assert line.startswith("FAIL job on Dataflow, e2-standard-4: ended as failed: ")
    assert "the workers can't reach Cloud Storage" in line
    assert not left_behind(stage)


def test_a_job_that_is_done_without_a_version_is_no_success(stage, service, config):
    service.workers = None
    line = examined(config)
    assert line == "FAIL job on Dataflow, e2-standard-4: is done, but its version is not in the bucket"
    assert not left_behind(stage)


def test_a_job_that_hangs_is_cancelled_and_leaves_nothing(stage, service, config, monkeypatch):
    monkeypatch.setattr(photos, "TIMEOUT_SECONDS", 0)
    service.workers, service.states = None, [RUNNING]
    line = examined(config)
    assert line.startswith("FAIL job on Dataflow, e2-standard-4: still running after 0 minutes")
    assert cancelled(service)
    assert not left_behind(stage)


def test_what_google_refuses_is_said_in_its_words(stage, service, config, monkeypatch):
    monkeypatch.setattr(stage.gate, "access", granted_access().without(DEPLOYER, "roles/iam.serviceAccountUser"))
    line = examined(config)
    assert line.startswith("FAIL job on Dataflow, e2-standard-4: Dataflow refuses the job: You do not have permission")
    assert not service.jobs
    assert not left_behind(stage)


def test_ctrl_c_cancels_the_job_and_leaves_nothing(stage, service, config, capfd):
    service.workers, service.states = None, [RUNNING]
    service.on_state[RUNNING] = lambda: os.kill(os.getpid(), signal.SIGINT)
    before = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
    signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell starts what runs in its background deaf to it
    try:
        assert exit_code(lambda: len(list(check_dataflow(config, Google())))) == 130
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
    assert cancelled(service)
    assert not left_behind(stage)
    assert "Taking down what the check has started" in capfd.readouterr().err


def test_a_job_that_a_killed_check_left_is_named_and_cancelled_by_the_next(stage, service, config):
    service.workers, service.states = None, [RUNNING]
    service.jobs = [{"name": cleanup.dataflow_job_name(config), "clientRequestId": "1"}]
    stage.buckets.write("rehearsal-bucket", "pipelines/pets/doctor/photos/dataset.yaml", b"")
    assert [finding.line() for finding in check_leftovers(config, Google())] == [
        f"ok   left by a deep check that was killed: Dataflow job {JOB_ID} removed",
        f"ok   left by a deep check that was killed: {FOLDER} with 1 file removed",
    ]
    assert cancelled(service)


def test_jobs_of_others_run_on(service, config):
    service.workers, service.states = None, [RUNNING]
    service.jobs = [{"name": "prepare-pets-1-0-0", "clientRequestId": "1"}]
    assert list(check_leftovers(config, Google())) == []
    assert not cancelled(service)


def test_without_workers_in_the_configuration_there_is_nothing_to_try(write_cloud_config):
    line = examined(load_cloud_config(write_cloud_config()))
    assert line == "skip job on Dataflow: no cloud.evaluation, so nothing of this pipeline runs there"


@pytest.mark.parametrize("name", ["a", "a" * 63, f"{'a' * 45}-{'b' * 17}"])
def test_the_jobs_name_is_one_that_dataflow_accepts_and_no_other_pipelines(config, name):
    found = cleanup.dataflow_job_name(config.model_copy(update={"name": name}))
    assert re.fullmatch(NAME, found)
    other = config.model_copy(update={"name": name, "output": f"{config.output}-2"})
    assert found != cleanup.dataflow_job_name(other)
