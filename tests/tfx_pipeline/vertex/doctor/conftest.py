"""A project on loopback in which nothing is missing, for the doctor to examine."""

import platform
import shutil
from importlib.metadata import version

import pytest

from tests.tfx_pipeline.vertex.conftest import TOKEN  # noqa: F401
from tfx_pipeline.vertex import __main__ as command_line
from tfx_pipeline.vertex.doctor.places import SERVICES
from tfx_pipeline.vertex.rehearsal.access import granted_access

COMMIT = "0123456789abcdef0123456789abcdef01234567"
IMAGE = "europe-west4-docker.pkg.dev/rehearsal-project/segmentation/pipeline:0.1.0-gpu"
SERVING_IMAGE = IMAGE.replace("pipeline:", "pipeline-serving:")
SUBNETWORK = "regions/europe-west4/subnetworks/segmentation"
TENSORBOARD = "projects/rehearsal-project/locations/europe-west4/tensorboards/1"
SECRET = "projects/rehearsal-project/secrets/hub/versions/latest"


@pytest.fixture
def project(stage, toy_version, monkeypatch):
    """What is in the project; healthy again for each test."""
    monkeypatch.setenv("GIT_COMMIT", COMMIT)
    project = stage.project
    contents = {
        "BEAM_WORKER_VERSION": version("apache-beam"),
        "PYTHON_VERSION": platform.python_version(),
        "GIT_COMMIT": COMMIT,
    }
    project.services = {f"{one}.googleapis.com" for one in (*SERVICES, "dataflow", "secretmanager")}
    project.accounts = None
    project.images = {IMAGE: dict(contents), SERVING_IMAGE: dict(contents)}
    project.subnetworks = {SUBNETWORK: True}
    project.quotas = {
        "aiplatform.googleapis.com/custom_model_training_cpus": 42,
        "aiplatform.googleapis.com/custom_model_training_nvidia_t4_gpus": 1,
        "aiplatform.googleapis.com/custom_model_serving_cpus": 40,
    }
    project.processors = (24, 0)
    project.secrets = {SECRET: "ENABLED"}
    project.topics = set()
    stage.service.add_tensorboard(TENSORBOARD)
    monkeypatch.setattr(stage.storage, "location", "EUROPE-WEST4")
    monkeypatch.setattr(stage.gate, "access", granted_access())
    data = stage.buckets.of_uri("gs://rehearsal-bucket/data/pets/1.0.0")
    shutil.copytree(toy_version, data, dirs_exist_ok=True)
    yield project
    shutil.rmtree(data)


@pytest.fixture
def doctor(project, write_cloud_config, capsys):
    """Examines the project with the command that a user gives; returns the exit code and the lines."""

    def run(*options: str, **changes) -> tuple[int, list[str]]:
        evaluation = {"subnetwork": SUBNETWORK, "max_num_workers": 4}
        path = write_cloud_config(**{"evaluation": evaluation} | changes)
        capsys.readouterr()
        code = command_line.main(["doctor", f"--config={path}", *options])
        return code, capsys.readouterr().out.splitlines()

    return run
