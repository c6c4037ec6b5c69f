"""A whole rehearsal, and faults planted into what it runs: each must be found, in the step where it would show."""

import contextlib
import io
import json
import shutil
from collections.abc import Callable
from copy import deepcopy
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
from PIL import Image as Picture

from schemas.version import read_version
from tests.tfx_pipeline.vertex.conftest import SECRETS, TOKEN
from tfx_pipeline.config.pipeline import CloudPipelineConfig
from tfx_pipeline.local.tuning_result import TuningResult
from tfx_pipeline.vertex.lineage import git_commit
from tfx_pipeline.vertex.rehearsal.buckets import Buckets
from tfx_pipeline.vertex.rehearsal.command import perform, rehearse, shortened
from tfx_pipeline.vertex.rehearsal.container_image import Image
from tfx_pipeline.vertex.rehearsal.execution import Step, StepFailed
from tfx_pipeline.vertex.rehearsal.stage import Stage, raised_stage
from trainer.tuning import TuningConfig

pytestmark = [pytest.mark.proof, pytest.mark.slow(300)]


@dataclass(frozen=True)
class Rehearsal:
    """What a rehearsal returned, printed and sent; `requests` are (method, request)."""

    exit_code: int
    out: str
    folder: Path
    requests: list[tuple[str, dict]]

    def sent(self, method: str) -> dict:
        """The only request of a method."""
        [request] = [request for name, request in self.requests if name == method]
        return request


@pytest.fixture(scope="module")
def cloud_config(cloud_config) -> CloudPipelineConfig:
    """The shipped configuration with a search, which a rehearsal shortens to two trials of one epoch."""
    tuning = TuningConfig(trials=9, epochs=9, search={"learning_rate": [1e-5, 3e-3]})
    return cloud_config.model_copy(update={"tuning": tuning})


@pytest.fixture(scope="module")
def rehearsal(cloud_config, toy_version, tmp_path_factory) -> Rehearsal:
    folder = tmp_path_factory.mktemp("rehearsal")
    out = io.StringIO()
    with pytest.MonkeyPatch.context() as patch, contextlib.redirect_stdout(out), contextlib.redirect_stderr(out):
        for name in SECRETS:
            patch.setenv(name, TOKEN)
        exit_code = rehearse(cloud_config, folder, toy_version, as_configured=False)
    lines = [json.loads(line) for line in (folder / "requests.jsonl").read_text().splitlines()]
    return Rehearsal(exit_code, out.getvalue(), folder, [(line["method"], line["request"]) for line in lines])


@pytest.fixture(scope="module")
def stage(rehearsal, cloud_config) -> Stage:
    """The stage of the rehearsal, raised again, with what is in the registry and at the endpoint."""
    image, buckets = Image(rehearsal.folder / "image" / "image"), Buckets(rehearsal.folder / "buckets")
    with raised_stage(cloud_config, rehearsal.folder, image, buckets) as stage:
        yield stage


@pytest.fixture
def job(rehearsal) -> dict:
    """The job as it was submitted."""
    return deepcopy(rehearsal.sent("CreatePipelineJob")["pipelineJob"])


@pytest.fixture
def run(stage, job) -> Callable[[], dict[str, Step]]:
    """Runs the job, with the faults that were planted into it; returns its steps."""
    return lambda: {step.name: step for step in stage.run_job("projects/p/jobs/planted", job, lambda step: None)}


def parameter(job: dict, task: str, name: str) -> dict:
    """The constant that a task gets for a parameter."""
    task_spec = job["pipelineSpec"]["root"]["dag"]["tasks"][task]
    return task_spec["inputs"]["parameters"][name]["runtimeValue"]["constantValue"]


def test_every_step_runs_and_is_reported(rehearsal):
    assert rehearsal.exit_code == 0, rehearsal.out
    table = rehearsal.out[rehearsal.out.index("step ") :]
    for step in (
        "ImportExamples",
        "ImportSchemaGen",
        "Tuner",
        "Trainer",
        "Evaluator",
        "Pusher",
        "LastBlessedModel-model-resolver",
        "Tracker",
    ):
        assert f"\n{step} " in table
    for call in ("CreatePipelineJob", "CreateCustomJob", "UploadModel", "CreateEndpoint", "DeployModel", "Predict"):
        assert call in table
    assert "refused" not in rehearsal.out


def test_custom_jobs_are_asked_for_as_configured(rehearsal, cloud_config):
    cloud = cloud_config.cloud
    search, training = (request for method, request in rehearsal.requests if method == "CreateCustomJob")
    assert search["parent"] == training["parent"] == f"projects/{cloud.project}/locations/{cloud.region}"
    assert search["customJob"]["displayName"] == "pets-rehearsal-tuner"
    job = training["customJob"]
    assert job["displayName"] == "pets-rehearsal-trainer"
    assert job["encryptionSpec"] == {"kmsKeyName": cloud.encryption_key}
    assert job["labels"]["team"] == "rehearsal"
    assert job["jobSpec"]["serviceAccount"] == cloud.training.service_account
    assert job["jobSpec"]["network"] == cloud.network
    [pool] = job["jobSpec"]["workerPoolSpecs"]
    assert pool["machineSpec"] == {
        "machineType": "n1-standard-8",
        "acceleratorType": "NVIDIA_TESLA_T4",
        "acceleratorCount": 1,
    }
    assert pool["replicaCount"] == "1"
    assert pool["containerSpec"]["imageUri"] == cloud.image
    assert pool["containerSpec"]["command"][:3] == ["python", "-m", "tfx.scripts.run_executor"]


def test_the_registered_model_tells_its_data_and_code(rehearsal, toy_version):
    labels = rehearsal.sent("UploadModel")["model"]["labels"]
    assert labels["manifest_sha256"] == read_version(toy_version).manifest.sha256[:32]
    assert labels.get("git_commit") == git_commit()


def test_the_run_is_logged_to_its_experiment_with_settings_metrics_and_curves(rehearsal, cloud_config):
    tracking = cloud_config.cloud.tracking
    made = [request for method, request in rehearsal.requests if method == "CreateContext"]
    experiment, run = made
    assert (experiment["contextId"], experiment["context"]["schemaTitle"]) == (
        tracking.experiment,
        "system.Experiment",
    )
    assert run["contextId"].startswith(f"{tracking.experiment}-1-0-0-")
    logged = [request["context"] for method, request in rehearsal.requests if method == "UpdateContext"]
    last = next(one["metadata"] for one in reversed(logged) if one["name"].endswith(run["contextId"]))
    assert last["_params"]["model"] == "small_unet"
    assert {"mean_iou", "pixel_accuracy", "blessed"} <= last["_metrics"].keys()
    assert last["_state"] == "COMPLETE"
    curves = {
        request["tensorboardTimeSeries"]["displayName"]
        for method, request in rehearsal.requests
        if method == "CreateTensorboardTimeSeries"
    }
    assert {"train/loss", "validation/mean_iou"} <= curves
    assert any(method == "WriteTensorboardRunData" for method, _ in rehearsal.requests)


def test_the_registered_version_gets_its_evaluation(rehearsal):
    evaluation = rehearsal.sent("ImportModelEvaluation")["modelEvaluation"]
    [entry] = evaluation["metrics"]["confidenceMetricsEntries"]
    assert 0 <= entry["iouScore"] <= 1
    assert [one["displayName"] for one in entry["confusionMatrix"]["annotationSpecs"]] == [
        "pet",
        "background",
        "border",
    ]


def test_the_training_takes_what_the_search_chose(rehearsal):
    buckets = rehearsal.folder / "buckets"
    [chosen], [trials] = (buckets.rglob(f"Tuner_*/{name}") for name in ("best_hyperparameters", "tuner_results"))
    found = TuningResult.read(chosen, trials)
    assert len(found.trials) == 2
    [info] = buckets.rglob("Trainer_*/model/**/model_info.json")
    assert json.loads(info.read_text())["training"]["learning_rate"] == found.chosen["learning_rate"]
    assert not list(buckets.rglob("oracle.json"))


def test_the_hubs_repository_is_written_to_a_folder(rehearsal):
    names = {path.name for path in (rehearsal.folder / "hub" / "model").iterdir()}
    assert {"README.md", "model_info.json", "saved_model"} <= names


def test_the_endpoints_answer_is_a_mask(rehearsal):
    mask = np.asarray(Picture.open(rehearsal.folder / "answers" / "photo_mask.png"))
    assert mask.shape == (32, 32)
    assert set(np.unique(mask)) <= {0, 1, 2}


def test_no_secret_of_the_launcher_is_left_anywhere(rehearsal):
    files = [path for path in rehearsal.folder.rglob("*") if path.is_file() and "image" not in path.parts]
    assert len(files) > 30
    assert not [path for path in files if TOKEN.encode() in path.read_bytes()]
    assert TOKEN not in rehearsal.out


def test_unchanged_data_trains_nothing(rehearsal, stage, run):
    steps = run()
    assert steps["Tuner"].kind == steps["Trainer"].kind == "cache"
    assert not [call for call in stage.service.calls if call.method == "CreateCustomJob"]
    [last_blessed] = steps["LastBlessedModel-model-resolver"].outputs["model"]
    [trained] = steps["Trainer"].outputs["model"]
    assert last_blessed == trained


def test_a_role_that_is_missing_is_found_before_anything_is_submitted(rehearsal, stage, cloud_config, monkeypatch):
    monkeypatch.setattr(stage.gate, "access", stage.gate.access.without("deployer", "roles/aiplatform.user"))
    stage.service.pipeline_jobs.clear()
    with pytest.raises(StepFailed) as raised:
        perform(stage, shortened(cloud_config), rehearsal.folder, lambda step: None)
    assert raised.value.step == "submission"
    assert "Permission 'aiplatform.pipelineJobs.create' denied" in raised.value.log.read_text()
    assert not stage.service.pipeline_jobs


def test_a_role_that_a_step_lacks_is_found(stage, run, job, monkeypatch):
    monkeypatch.setattr(stage.gate, "access", stage.gate.access.without("pipeline-runner", "roles/storage.objectUser"))
    parameter(job, "Pusher", "custom_config")["stringValue"] += " "  # else the cache would answer
    with pytest.raises(StepFailed) as raised:
        run()
    assert raised.value.step in ("Evaluator", "Pusher")  # the first that the cache does not answer
    assert "storage.objects." in raised.value.log.read_text()


def test_a_wrong_module_path_is_found(run, job):
    container = job["pipelineSpec"]["deploymentSpec"]["executors"]["Pusher_executor"]["container"]
    place = container["args"].index("tfx_pipeline.vertex.pusher.Executor")
    container["args"][place] = "tfx_pipeline.vertex.pushers.Executor"
    with pytest.raises(StepFailed) as raised:
        run()
    assert raised.value.step == "Pusher"
    assert raised.value.reason == "ImportError: Could not import tfx_pipeline.vertex.pushers.Executor"


def test_a_file_that_the_image_lacks_is_found(run, job, rehearsal):
    [trainer] = (rehearsal.folder / "image" / "image").glob("lib/*/site-packages/trainer")
    shutil.move(trainer / "losses.py", rehearsal.folder / "losses.py")
    settings = parameter(job, "Trainer", "custom_config")
    settings["stringValue"] = settings["stringValue"].replace('"seed": 0', '"seed": 1')  # else nothing would be trained
    try:
        with pytest.raises(StepFailed) as raised:
            run()
    finally:
        shutil.move(rehearsal.folder / "losses.py", trainer / "losses.py")
    assert raised.value.step == "Trainer"
    # TFX's message names the training module, not what it could not import; the step's log has the cause.
    assert "ImportError: Could not import requested module path 'trainer.run_fn'" in raised.value.reason


def test_an_artifact_of_another_type_is_found(run, job):
    inputs = job["pipelineSpec"]["root"]["dag"]["tasks"]["Evaluator"]["inputs"]["artifacts"]
    inputs["examples"]["taskOutputArtifact"] |= {"producerTask": "ImportStatistics"}
    with pytest.raises(StepFailed) as raised:
        run()
    assert raised.value.step == "check of the job"
    assert "input examples must be tfx.Examples, but ImportStatistics.result is tfx.ExampleStat" in raised.value.reason


def test_a_parameter_of_another_type_is_found(run, job):
    parameter(job, "Pusher", "custom_config")["stringValue"] = "[1, 2]"
    with pytest.raises(StepFailed) as raised:
        run()
    assert raised.value.step == "Pusher"
    assert "UserError: custom_config: (whole file): Input should be a valid dictionary" in raised.value.reason


def test_another_image_is_found(run, job):
    container = job["pipelineSpec"]["deploymentSpec"]["executors"]["Pusher_executor"]["container"]
    container["image"] = "gcr.io/tfx-oss-public/tfx:1.16.0"
    with pytest.raises(StepFailed, match=r"step Pusher failed: its image is gcr\.io/tfx-oss-public/tfx:1\.16\.0"):
        run()
