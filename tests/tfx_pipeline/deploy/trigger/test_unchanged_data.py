"""What Vertex AI's cache is asked with: the manifest decides whether a step is the same as before.

A step is taken from the cache where its component, its parameters and its input artifacts are those of a step that has
succeeded before ("Configure execution caching" of Vertex AI Pipelines); an imported artifact is the same where its
address and its metadata are.
"""

import json

import pytest

from schemas.version import read_version
from tfx_pipeline.vertex.retraining import job_id_of


@pytest.fixture
def compiled(cloud_config, tmp_path):
    """Compiles a job for a manifest and returns its specification."""

    def compiled(version):
        from tfx_pipeline.vertex.compile import compile_job

        path = tmp_path / f"{len(list(tmp_path.iterdir()))}.json"
        compile_job(cloud_config, version, path)
        return json.loads(path.read_text())["pipelineSpec"]

    return compiled


@pytest.fixture
def version(toy_version):
    return read_version(toy_version)


def differing(first, second):
    """Names of the tasks whose own words, component or executor differ between two specifications."""

    def words(spec, task):
        component = spec["components"][task["componentRef"]["name"]]
        executor = spec["deploymentSpec"]["executors"].get(component.get("executorLabel"))
        return json.dumps([task, component, executor], sort_keys=True)

    tasks, others = first["root"]["dag"]["tasks"], second["root"]["dag"]["tasks"]
    assert tasks.keys() == others.keys()
    return {name for name in tasks if words(first, tasks[name]) != words(second, others[name])}


def test_the_same_manifest_asks_for_the_same_steps(compiled, version):
    assert differing(compiled(version), compiled(version)) == set()


def test_another_manifest_changes_what_is_imported_and_what_is_trained(compiled, version):
    other = version._replace(manifest=version.manifest.model_copy(update={"inputs_sha256": "0" * 64}))
    assert other.manifest.sha256 != version.manifest.sha256
    # Evaluator sees other artifacts; its own words stay. Pusher labels the model with the digest.
    changed = {name.lower() for name in differing(compiled(version), compiled(other))}
    assert {"importexamples", "importstatistics", "trainer"} <= changed
    assert "evaluator" not in changed


def test_training_may_come_from_the_cache_and_is_asked_for_with_the_digest(compiled, version):
    spec = compiled(version)
    (trainer,) = [task for name, task in spec["root"]["dag"]["tasks"].items() if name.lower() == "trainer"]
    assert trainer["cachingOptions"] == {"enableCache": True}
    custom_config = trainer["inputs"]["parameters"]["custom_config"]["runtimeValue"]["constantValue"]
    assert json.loads(custom_config["stringValue"])["manifest_sha256"] == version.manifest.sha256


def test_a_job_is_called_by_the_pipeline_and_the_digest(cloud_config, version):
    manifest = version.manifest
    assert job_id_of(cloud_config, manifest) == f"pets-rehearsal-{manifest.sha256[:16]}"
    assert job_id_of(cloud_config, manifest) != job_id_of(
        cloud_config, manifest.model_copy(update={"version": "2.0.0"})
    )
