"""The pipeline's definition: what Vertex AI Pipelines would run, and what TFX's cache depends on."""

import json
from pathlib import Path

import pytest
from tfx.orchestration.kubeflow.v2.kubeflow_v2_dag_runner import KubeflowV2DagRunner, KubeflowV2DagRunnerConfig

from schemas.spec import DatasetSpec
from schemas.version import read_version
from tfx_pipeline.config.pipeline import load_config
from tfx_pipeline.local.platform import LocalPlatform
from tfx_pipeline.pipeline import create_pipeline, trainer_config


@pytest.fixture
def version(toy_version):
    return read_version(toy_version)


def compile_for_vertex(config, version, folder) -> str:
    path = folder / "pipeline.json"
    runner = KubeflowV2DagRunner(KubeflowV2DagRunnerConfig(default_image="image:1"), output_filename=str(path))
    runner.run(create_pipeline(config, version, LocalPlatform()))
    return path.read_text()


@pytest.fixture
def compiled(write_config, version, tmp_path) -> str:
    """The JSON that Vertex AI Pipelines would get."""
    return compile_for_vertex(
        load_config(write_config(), data="gs://bucket/pets/1.0.0", output="gs://bucket/output"), version, tmp_path
    )


def test_the_pipeline_compiles_for_vertex(compiled, version):
    spec = json.loads(compiled)["pipelineSpec"]
    assert set(spec["root"]["dag"]["tasks"]) == {
        "ImportExamples",
        "ImportSchemaGen",
        "ImportStatistics",
        "Trainer",
        "LastBlessedModel-model-blessing-resolver",
        "LastBlessedModel-model-resolver",
        "Evaluator",
        "Pusher",
    }
    importer = spec["deploymentSpec"]["executors"]["ImportExamples_executor"]["importer"]
    assert '"gs://bucket/pets/1.0.0/examples"' in json.dumps(importer["artifactUri"])
    assert importer["metadata"]["manifest_sha256"] == version.manifest.sha256


def test_hf_pusher_compiles_for_vertex_with_the_name_of_its_secret(write_config, version, tmp_path, monkeypatch):
    monkeypatch.setenv("HF_TOKEN", "hf_plantedTokenThatMustNotBeCompiled")
    secret = "projects/my-project/secrets/hub/versions/1"
    space = {"repo": "acme/demo", "title": "Pets", "examples": ["gs://bucket/cat.jpg"]}
    path = write_config(hub={"model_repo": "acme/pets", "token": secret, "space": space})
    config = load_config(path, data="gs://bucket/pets/1.0.0", output="gs://bucket/output")
    text = compile_for_vertex(config, version, tmp_path)
    spec = json.loads(text)["pipelineSpec"]
    task = spec["root"]["dag"]["tasks"]["HFPusher"]
    assert set(task["inputs"]["artifacts"]) == {"model", "model_blessing", "evaluation"}
    assert "Pusher" in task["dependentTasks"]
    container = spec["deploymentSpec"]["executors"]["HFPusher_executor"]["container"]
    assert "tfx_pipeline.hub.component.Executor" in container["args"]
    assert secret in text
    assert "hf_planted" not in text


def test_no_path_of_this_machine_is_compiled_for_vertex(compiled, tmp_path, toy_version):
    assert str(tmp_path) not in compiled
    assert str(toy_version) not in compiled
    assert str(Path.cwd()) not in compiled


@pytest.mark.parametrize(
    ("source_masks", "training", "measured"),
    [("eval", {}, True), (None, {}, False), ("eval", {"model": "small_unet", "crop_size": 32}, False)],
    ids=["whole images", "a version without source masks", "crops"],
)
def test_own_size_is_measured_where_people_get_answers_that_records_can_judge(
    write_config, version, source_masks, training, measured
):
    options = {"source_masks": source_masks} if source_masks else {}
    manifest = version.manifest.model_copy(update={"options": options})
    config = load_config(write_config(training={"encoder_weights": "none", "fine_tune_epochs": 0, **training}))
    pipeline = create_pipeline(config, version._replace(manifest=manifest), LocalPlatform())
    [evaluator] = [one for one in pipeline.components if one.id == "Evaluator"]
    assert ("own_size_mean_iou" in str(evaluator.exec_properties["eval_config"])) == measured


def test_the_trainer_gets_data_set_training_and_code(write_config, version):
    config = load_config(write_config())
    settings = trainer_config(config, version)
    assert DatasetSpec.model_validate(settings["dataset"]) == version.spec
    assert settings["image_size"] == 32
    assert settings["manifest_sha256"] == version.manifest.sha256
    assert settings["training"] == config.training.model_dump(mode="json")
    assert json.loads(json.dumps(settings)) == settings


def test_other_weights_at_the_same_path_change_the_cache_key(write_config, version, tmp_path):
    weights = tmp_path / "encoder.weights.h5"
    config = load_config(write_config(training={"encoder_weights": str(weights)}))
    digests = []
    for content in (b"one", b"two"):
        weights.write_bytes(content)
        digests.append(trainer_config(config, version)["source_sha256"])
    assert digests[0] != digests[1]
