"""Submitting, following, listing, cancelling and scheduling jobs, through Google's client, against loopback."""

import pytest
from google.cloud import aiplatform_v1 as v1

from schemas.errors import UserError
from tests.tfx_pipeline.vertex.conftest import TOKEN
from tfx_pipeline.vertex import __main__ as command_line
from tfx_pipeline.vertex import jobs
from tfx_pipeline.vertex.rehearsal.command import rehearse
from tfx_pipeline.vertex.schedule import write_schedule_job

STATE = v1.PipelineState


@pytest.fixture(scope="module")
def submitted(stage, cloud_config, job_file) -> dict:
    """The request that a submission sends."""
    with jobs.vertex_ai(cloud_config):
        jobs.submit(cloud_config, jobs.load_job(cloud_config, job_file, "pets-1"))
    [call] = [call for call in stage.service.calls if call.method == "CreatePipelineJob"]
    return call.request


@pytest.fixture
def follow(stage, cloud_config, submitted, monkeypatch):
    """Follows the submitted job through the states that the service will tell; returns the exit code."""
    monkeypatch.setattr(jobs.time, "sleep", lambda seconds: None)

    def run(*states: STATE, tasks: tuple[v1.PipelineTaskDetail, ...] = ()) -> int:
        [job] = stage.service.pipeline_jobs.values()
        job.job_detail = v1.PipelineJobDetail(task_details=list(tasks))
        job.state = STATE.PIPELINE_STATE_PENDING
        stage.service.states = list(states)
        options = command_line._parser().parse_args(["watch", "--config=cloud.yaml", "pets-1"])
        with jobs.vertex_ai(cloud_config):
            return command_line._follow(options, cloud_config, "pets-1")

    return run


def pusher_task(pushed: int) -> v1.PipelineTaskDetail:
    artifact = v1.Artifact(metadata={"pushed": pushed, "pushed_destination": "projects/1/models/2@1"})
    outputs = {"pushed_model": v1.PipelineTaskDetail.ArtifactList(artifacts=[artifact])}
    return v1.PipelineTaskDetail(task_name="Pusher", state="SUCCEEDED", outputs=outputs)


def test_the_request_carries_what_is_configured(submitted, cloud_config):
    assert submitted["parent"] == "projects/rehearsal-project/locations/europe-west4"
    assert submitted["pipelineJobId"] == "pets-1"
    job = submitted["pipelineJob"]
    assert job["serviceAccount"] == cloud_config.cloud.service_account
    assert job["network"] == cloud_config.cloud.network
    assert job["encryptionSpec"] == {"kmsKeyName": cloud_config.cloud.encryption_key}
    assert job["labels"]["team"] == "rehearsal"
    assert job["labels"]["dataset_version"] == "1-0-0"
    assert job["runtimeConfig"]["gcsOutputDirectory"] == "gs://rehearsal-bucket/pipelines/pets/pipeline"


def test_the_request_holds_no_secret(submitted):
    assert TOKEN not in str(submitted)


def test_a_job_that_pushes_is_a_success(follow, capsys):
    code = follow(
        STATE.PIPELINE_STATE_PENDING,
        STATE.PIPELINE_STATE_RUNNING,
        STATE.PIPELINE_STATE_SUCCEEDED,
        tasks=(pusher_task(1),),
    )
    out = capsys.readouterr().out
    assert code == 0
    assert [line.split()[-1] for line in out.splitlines() if " job " in line] == ["pending", "running", "succeeded"]
    assert "blessed, pushed to projects/1/models/2@1" in out


def test_a_model_that_is_not_good_enough_has_its_own_exit_code(follow, capsys):
    assert follow(STATE.PIPELINE_STATE_SUCCEEDED, tasks=(pusher_task(0),)) == 3
    assert "not blessed, not pushed" in capsys.readouterr().out


def test_a_failed_job_says_which_step_failed_and_why(follow, capsys):
    task = v1.PipelineTaskDetail(task_name="Trainer", state="FAILED", error={"message": "out of\nmemory"})
    assert follow(STATE.PIPELINE_STATE_FAILED, tasks=(task,)) == 1
    err = capsys.readouterr().err
    assert "error: job pets-1 ended as failed" in err
    assert "Trainer: out of memory" in err
    assert "https://console.cloud.google.com/vertex-ai/locations/europe-west4/pipelines/runs/pets-1" in err


def test_a_job_can_be_cancelled(stage, follow, cloud_config):
    stage.service.states = [STATE.PIPELINE_STATE_RUNNING]
    with jobs.vertex_ai(cloud_config):
        jobs.cancel("pets-1")
    [job] = stage.service.pipeline_jobs.values()
    assert job.state == STATE.PIPELINE_STATE_CANCELLED
    assert follow(STATE.PIPELINE_STATE_CANCELLED) == 5


def test_jobs_and_schedules_are_listed(stage, submitted, cloud_config, job_file):
    with jobs.vertex_ai(cloud_config):
        made = jobs.schedule(cloud_config, jobs.load_job(cloud_config, job_file), "0 3 * * 1")
        lines = jobs.list_jobs(cloud_config)
        jobs.delete_schedule(made)
        after = jobs.list_jobs(cloud_config)
    assert lines[0].startswith("pets-1 ")
    assert lines[0].endswith("1-0-0")
    assert lines[1].split() == [made, "schedule", "0", "3", "*", "*", "1"]
    assert len(after) == len(lines) - 1


@pytest.fixture
def schedule_file(cloud_config, tmp_path):
    write_schedule_job(cloud_config, tmp_path / "schedule.json")
    return tmp_path / "schedule.json"


def test_a_scheduled_job_never_runs_beside_itself(stage, cloud_config, schedule_file):
    with jobs.vertex_ai(cloud_config):
        jobs.schedule(cloud_config, jobs.load_job(cloud_config, schedule_file), "0 3 * * 1")
    request = [call for call in stage.service.calls if call.method == "CreateSchedule"][-1].request["schedule"]
    assert request["maxConcurrentRunCount"] == "1"
    created = request["createPipelineJobRequest"]["pipelineJob"]
    assert created["serviceAccount"] == cloud_config.cloud.service_account
    [executor] = created["pipelineSpec"]["deploymentSpec"]["executors"].values()
    assert executor["container"]["image"] == cloud_config.cloud.image
    assert created["pipelineSpec"]["root"]["dag"]["tasks"]["SubmitNewest"].keys() == {"taskInfo", "componentRef"}


def test_a_second_job_of_the_same_id_is_refused(submitted, cloud_config, job_file):
    with pytest.raises(UserError, match=r"Vertex AI refuses: .*already exists"), jobs.vertex_ai(cloud_config):
        jobs.submit(cloud_config, jobs.load_job(cloud_config, job_file, "pets-1"))


def test_what_the_service_refuses_is_reported_in_its_words(stage, cloud_config):
    with pytest.raises(UserError, match=r"Vertex AI refuses: .*is not found"), jobs.vertex_ai(cloud_config):
        jobs.cancel("pets-999")


def test_without_credentials_the_remedy_is_named(stage, cloud_config, monkeypatch, tmp_path):
    monkeypatch.setenv("GOOGLE_APPLICATION_CREDENTIALS", str(tmp_path / "absent.json"))
    with pytest.raises(UserError, match="gcloud auth application-default login"), jobs.vertex_ai(cloud_config):
        pass


def test_weights_that_are_downloaded_can_not_be_rehearsed(cloud_config, tmp_path):
    training = cloud_config.training.model_copy(update={"model": "unet", "encoder_weights": "imagenet"})
    config = cloud_config.model_copy(update={"training": training})
    with pytest.raises(UserError, match="weights imagenet are downloaded, but a rehearsal is offline; name a file"):
        rehearse(config, tmp_path / "folder", None, as_configured=True)
    assert not list(tmp_path.iterdir())
