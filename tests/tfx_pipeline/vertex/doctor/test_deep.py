"""The doctor's deep checks on loopback: they take down again what they start. No accelerator is there to be found."""

import json

import pytest

from tfx_pipeline.config.pipeline import load_cloud_config
from tfx_pipeline.vertex.doctor import devices
from tfx_pipeline.vertex.doctor.deep import check_devices, check_endpoint


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
    folder = stage.buckets.of_uri("gs://rehearsal-bucket/pipelines/pets/doctor")
    return [*stage.service.custom_jobs, *(folder.iterdir() if folder.is_dir() else ())]


def examined(check, path):
    [finding] = check(load_cloud_config(path), None)
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


def test_an_endpoint_that_is_not_there_yet_is_no_fault(stage, write_cloud_config):
    stage.service.endpoints = {}
    assert examined(check_endpoint, write_cloud_config()) == (
        "skip endpoint pets: not there yet; the first run creates it"
    )
