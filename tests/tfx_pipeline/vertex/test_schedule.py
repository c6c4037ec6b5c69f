"""What a schedule runs: its step finds the newest published version when it runs, and submits the pipeline for it."""

import json
import shutil

import pytest
from google.cloud import aiplatform_v1 as v1

from schemas.errors import UserError
from schemas.version_files import MANIFEST_FILE
from tfx_pipeline.vertex import submit_newest
from tfx_pipeline.vertex.rehearsal.access import RUNNER
from tfx_pipeline.vertex.rehearsal.job_spec import read_tasks
from tfx_pipeline.vertex.schedule import STEP, schedule_job

ACCOUNT = RUNNER


@pytest.fixture
def publish(stage, toy_version):
    """Puts a version into the bucket; the bucket is empty again after the test."""

    def put(version):
        place = stage.buckets.of_uri(f"gs://rehearsal-bucket/data/pets/{version}")
        shutil.copytree(toy_version, place)
        manifest = json.loads((place / MANIFEST_FILE).read_text()) | {"version": version}
        (place / MANIFEST_FILE).write_text(json.dumps(manifest))

    folder = stage.buckets.of_uri("gs://rehearsal-bucket/data/pets")
    shutil.rmtree(folder, ignore_errors=True)
    stage.service.pipeline_jobs.clear()
    yield put
    shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture
def run(cloud_config):
    """Runs the step's own command in this process, as the account that it would act as."""
    [executor] = schedule_job(cloud_config)["pipelineSpec"]["deploymentSpec"]["executors"].values()
    container = executor["container"]
    assert container["command"] == ["python", "-m", submit_newest.__name__]
    return lambda: submit_newest.main(container["args"])


def versions(stage):
    return [job.labels["dataset_version"] for job in stage.service.pipeline_jobs.values()]


def end(stage):
    for job in stage.service.pipeline_jobs.values():
        job.state = v1.PipelineState.PIPELINE_STATE_SUCCEEDED


def test_a_version_that_was_published_after_the_schedule_was_made_is_trained_on(stage, publish, run, capsys):
    publish("1.9.0")
    run()
    end(stage)
    publish("1.10.0")
    run()
    assert versions(stage) == ["1-9-0", "1-10-0"]
    assert "gs://rehearsal-bucket/data/pets/1.10.0: job pets-rehearsal-" in capsys.readouterr().out


def test_without_a_newer_version_the_same_job_is_asked_for_so_that_the_cache_answers(stage, publish, run):
    publish("1.0.0")
    run()
    end(stage)
    first = next(iter(stage.service.pipeline_jobs.values())).pipeline_spec
    stage.service.pipeline_jobs.clear()
    run()
    assert next(iter(stage.service.pipeline_jobs.values())).pipeline_spec == first


def test_nothing_is_submitted_while_a_job_of_the_pipeline_runs(stage, publish, run, capsys):
    publish("1.0.0")
    run()
    publish("2.0.0")
    run()
    assert versions(stage) == ["1-0-0"]
    assert "nothing submitted: pets-rehearsal-" in capsys.readouterr().out


def test_a_data_set_that_is_gone_fails_the_step(publish, run):
    with pytest.raises(UserError, match=r"gs://rehearsal-bucket/data/pets: no version is published there"):
        run()


def test_the_step_is_never_answered_by_the_cache(cloud_config):
    job = schedule_job(cloud_config)
    [task] = read_tasks(job["pipelineSpec"])
    assert (task.name, task.cached) == (STEP, False)
    assert job["displayName"] == cloud_config.name
    assert "1.0.0" in job["pipelineSpec"]["deploymentSpec"]["executors"][f"exec-{STEP}"]["container"]["args"][0]
