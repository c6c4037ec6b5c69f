"""The compiled job: what Vertex AI Pipelines is asked to run."""

import json
import re
import subprocess
from pathlib import Path

import pytest
import yaml
from google.cloud import aiplatform_v1 as v1

from schemas import version
from schemas.errors import UserError
from tests.tfx_pipeline.vertex.conftest import TOKEN
from tfx_pipeline.config.pipeline import load_cloud_config
from tfx_pipeline.vertex import lineage
from tfx_pipeline.vertex.compile import compile_job, read_version
from tfx_pipeline.vertex.components import training_settings
from tfx_pipeline.vertex.rehearsal.job_spec import WrongJob, read_tasks


def custom_config(job: dict, task: str) -> dict:
    """The `custom_config` that a component was compiled with."""
    parameters = job["pipelineSpec"]["root"]["dag"]["tasks"][task]["inputs"]["parameters"]
    return json.loads(parameters["custom_config"]["runtimeValue"]["constantValue"]["stringValue"])


def executor_class(job: dict, task: str) -> str:
    container = job["pipelineSpec"]["deploymentSpec"]["executors"][f"{task}_executor"]["container"]
    return container["args"][container["args"].index("--executor_class_path") + 1]


def test_training_is_a_custom_job_as_configured(job, cloud_config):
    assert executor_class(job, "Trainer") == "tfx_pipeline.vertex.custom_job.Executor"
    cloud = cloud_config.cloud
    settings = custom_config(job, "Trainer")
    assert settings["ai_platform_vertex_region"] == cloud.region
    training = settings["ai_platform_training_args"]
    assert training["project"] == cloud.project
    assert training["labels"] == {"team": "rehearsal"}
    assert training["encryption_spec"] == {"kms_key_name": cloud.encryption_key}
    assert training["job_spec"]["service_account"] == cloud.training.service_account
    assert training["job_spec"]["network"] == cloud.network
    [pool] = training["job_spec"]["worker_pool_specs"]
    assert pool["machine_spec"] == {
        "machine_type": "n1-standard-8",
        "accelerator_type": "NVIDIA_TESLA_T4",
        "accelerator_count": 1,
    }
    accelerators = [{"name": "CONFIGURED_ACCELERATORS", "value": "1"}]
    assert pool["container_spec"] == {"image_uri": cloud.image, "env": accelerators}
    assert pool["disk_spec"] == {"boot_disk_size_gb": 100}  # no type, which not every machine knows
    assert training["job_spec"]["scheduling"] == {"timeout": {"seconds": 24 * 3600}, "strategy": "STANDARD"}
    assert pool["replica_count"] == 1


def test_training_can_take_cheaper_machines_and_has_a_limit_of_its_own(write_cloud_config):
    config = load_cloud_config(write_cloud_config(training__spot=True, training__timeout_hours=3))
    settings = training_settings("pets-trainer", config.cloud, config.cloud.training)
    scheduling = settings["ai_platform_training_args"]["job_spec"]["scheduling"]
    assert scheduling == {"timeout": {"seconds": 10800}, "strategy": "SPOT"}
    job = v1.CustomJob(job_spec={"scheduling": scheduling})  # as Google's client reads it
    assert (job.job_spec.scheduling.timeout.total_seconds(), job.job_spec.scheduling.strategy.name) == (10800, "SPOT")


def test_machines_that_train_together_are_a_chief_and_its_workers(write_cloud_config):
    config = load_cloud_config(write_cloud_config(training__replicas=4))
    settings = training_settings("pets-trainer", config.cloud, config.cloud.training)
    pools = settings["ai_platform_training_args"]["job_spec"]["worker_pool_specs"]
    assert [pool["replica_count"] for pool in pools] == [1, 3]
    assert pools[0]["machine_spec"] == pools[1]["machine_spec"]


def test_a_search_is_a_custom_job_of_one_machine_whose_choice_the_training_takes(
    write_cloud_config, toy_version, tmp_path
):
    path = write_cloud_config(training__replicas=4)
    tuning = {"trials": 2, "epochs": 1, "search": {"learning_rate": [1e-3, 1e-2]}}
    path.write_text(yaml.safe_dump(yaml.safe_load(path.read_text()) | {"tuning": tuning}))
    compile_job(load_cloud_config(path), version.read_version(toy_version), tmp_path / "job.json")
    job = json.loads((tmp_path / "job.json").read_text())
    assert executor_class(job, "Tuner") == "tfx_pipeline.vertex.tuner.Executor"
    training = custom_config(job, "Tuner")["ai_platform_training_args"]
    assert training["display_name"] == "pets-rehearsal-tuner"
    assert [pool["replica_count"] for pool in training["job_spec"]["worker_pool_specs"]] == [1]
    [source] = job["pipelineSpec"]["root"]["dag"]["tasks"]["Trainer"]["inputs"]["artifacts"]["hyperparameters"].values()
    assert source == {"producerTask": "Tuner", "outputArtifactKey": "best_hyperparameters"}
    order = [task.name for task in read_tasks(job["pipelineSpec"])]
    assert order.index("Tuner") < order.index("Trainer")


def test_every_container_runs_the_configured_image(job, cloud_config):
    executors = job["pipelineSpec"]["deploymentSpec"]["executors"].values()
    images = {one["container"]["image"] for one in executors if "container" in one}
    assert images == {cloud_config.cloud.image}


def test_the_pushed_model_is_labelled_with_its_data_and_code(job, toy_version):
    manifest = version.read_version(toy_version).manifest
    settings = custom_config(job, "Pusher")
    assert settings["labels"] == {"team": "rehearsal"}
    assert settings["lineage"]["manifest_sha256"] == manifest.sha256[:32]
    assert settings["lineage"]["schema_sha256"] == manifest.schema_sha256[:32]
    assert manifest.sha256 in settings["description"]
    for value in settings["lineage"].values():
        assert re.fullmatch(r"[a-z0-9_-]{1,63}", value)


def test_the_job_is_labelled_with_its_data(job):
    assert job["labels"]["dataset"] == "pets"
    assert job["labels"]["dataset_version"] == "1-0-0"
    assert job["labels"]["team"] == "rehearsal"


def test_the_push_to_the_hub_is_never_taken_from_the_cache(job):
    tasks = job["pipelineSpec"]["root"]["dag"]["tasks"]
    assert tasks["HFPusher"]["cachingOptions"] == {"enableCache": False}
    assert tasks["Trainer"]["cachingOptions"] == {"enableCache": True}


def test_beam_stays_in_the_step_unless_dataflow_is_configured(job):
    args = job["pipelineSpec"]["deploymentSpec"]["executors"]["Evaluator_executor"]["container"]["args"]
    assert "--runner=FnApiRunner" in args


def test_without_training_and_serving_the_plain_components_run(write_cloud_config, toy_version, tmp_path):
    config = load_cloud_config(
        write_cloud_config(training=None, serving=None, tracking=None, evaluation={"max_num_workers": 7})
    )
    compile_job(config, version.read_version(toy_version), tmp_path / "job.json")
    job = json.loads((tmp_path / "job.json").read_text())
    assert executor_class(job, "Trainer") == "tfx.components.trainer.executor.GenericExecutor"
    assert executor_class(job, "Pusher") == "tfx.components.pusher.executor.Executor"
    args = job["pipelineSpec"]["deploymentSpec"]["executors"]["Evaluator_executor"]["container"]["args"]
    for flag in (
        "--runner=DataflowRunner",
        f"--sdk_container_image={config.cloud.image}",
        f"--service_account_email={config.cloud.service_account}",
        f"--dataflow_kms_key={config.cloud.encryption_key}",
        "--temp_location=gs://rehearsal-bucket/dataflow/temp",
        "--max_num_workers=7",
        "--labels=team=rehearsal",
    ):
        assert flag in args


def test_neither_secrets_nor_places_of_this_machine_are_compiled_in(job_file, toy_version):
    text = job_file.read_text()
    assert TOKEN not in text
    assert str(toy_version) not in text
    assert str(Path.cwd()) not in text


def test_a_version_that_is_not_published_is_named(cloud_config, tmp_path):
    config = cloud_config.model_copy(update={"data": str(tmp_path)})
    with pytest.raises(UserError, match=r"no manifest\.json, so nothing is published there"):
        read_version(config)


def test_the_git_commit_can_be_given_by_the_environment(monkeypatch):
    monkeypatch.setenv(lineage.GIT_COMMIT, "ABCDEF")
    assert lineage.git_commit() == "abcdef"


def test_the_git_commit_is_the_checkouts(monkeypatch):
    monkeypatch.delenv(lineage.GIT_COMMIT, raising=False)
    head = subprocess.run(["git", "rev-parse", "HEAD"], capture_output=True, text=True, check=False).stdout.strip()
    if not head:
        pytest.skip("no checkout")
    assert lineage.git_commit() in (head, f"{head}-dirty")


# The checks before anything runs: each planted fault is found and named.


@pytest.fixture
def spec(job) -> dict:
    return job["pipelineSpec"]


def test_tasks_come_behind_what_they_need(spec):
    order = [task.name for task in read_tasks(spec)]
    assert {"Pusher", "HFPusher", "Tracker"} < set(order)
    assert order.index("Evaluator") < order.index("HFPusher")
    assert order.index("Pusher") < order.index("Tracker")
    assert order.index("ImportExamples") < order.index("Trainer") < order.index("Evaluator") < order.index("Pusher")
    assert order.index("LastBlessedModel-model-resolver") < order.index("Evaluator")


def test_an_artifact_of_another_type_is_found(spec):
    source = spec["root"]["dag"]["tasks"]["Evaluator"]["inputs"]["artifacts"]["model"]["taskOutputArtifact"]
    source |= {"producerTask": "ImportSchemaGen", "outputArtifactKey": "schema"}
    with pytest.raises(WrongJob, match=r"task Evaluator: input model must be tfx\.Model, but ImportSchemaGen\.schema"):
        read_tasks(spec)


def test_a_parameter_of_another_type_is_found(spec):
    value = spec["root"]["dag"]["tasks"]["Trainer"]["inputs"]["parameters"]["run_fn"]["runtimeValue"]
    value["constantValue"] = {"intValue": "7"}
    with pytest.raises(WrongJob, match="task Trainer: parameter run_fn must be a constant STRING, but is intValue"):
        read_tasks(spec)


def test_a_parameter_that_is_not_given_is_found(spec):
    del spec["root"]["dag"]["tasks"]["Trainer"]["inputs"]["parameters"]["run_fn"]
    with pytest.raises(WrongJob, match="task Trainer: parameter run_fn is not given"):
        read_tasks(spec)


def test_an_output_that_nobody_makes_is_found(spec):
    source = spec["root"]["dag"]["tasks"]["Pusher"]["inputs"]["artifacts"]["model"]["taskOutputArtifact"]
    source["outputArtifactKey"] = "best_model"
    with pytest.raises(WrongJob, match=r"input model comes from Trainer\.best_model, which does not exist"):
        read_tasks(spec)


def test_a_missing_executor_is_found(spec):
    del spec["deploymentSpec"]["executors"]["Pusher_executor"]
    with pytest.raises(WrongJob, match="task Pusher: there is no component or executor 'Pusher_executor'"):
        read_tasks(spec)


def test_tasks_that_wait_for_each_other_are_found(spec):
    spec["root"]["dag"]["tasks"]["ImportSchemaGen"]["dependentTasks"] = ["Pusher"]
    with pytest.raises(WrongJob, match="tasks wait for each other"):
        read_tasks(spec)


def test_another_schema_version_is_refused(spec):
    spec["schemaVersion"] = "2.1.0"
    with pytest.raises(WrongJob, match=r"schema version '2\.1\.0'; 2\.0\.0 can be rehearsed"):
        read_tasks(spec)
