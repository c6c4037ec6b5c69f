"""Configurations for Vertex AI and a job compiled from one."""

import json
from pathlib import Path

import pytest
import yaml

import tfx_pipeline
from schemas.version import read_version

CONFIGS = Path(tfx_pipeline.__file__).parent / "configs"
TOKEN = "a-token-that-must-not-be-seen-anywhere"
SECRETS = ("HF_TOKEN", "GOOGLE_OAUTH_ACCESS_TOKEN", "CLOUDSDK_AUTH_ACCESS_TOKEN", "AWS_SECRET_ACCESS_KEY")


@pytest.fixture
def write_cloud_config(tmp_path):
    """Writes the rehearsal's configuration with changes to its `cloud` section; a change to None removes a key."""

    def write(name: str = "cloud.yaml", **changes) -> Path:
        values = yaml.safe_load((CONFIGS / "rehearsal.yaml").read_text())
        for key, value in changes.items():
            section = values["cloud"]
            *parents, last = key.split("__")
            for parent in parents:
                section = section[parent]
            section[last] = value
        values["cloud"] = {key: value for key, value in values["cloud"].items() if value is not None}
        path = tmp_path / name
        path.write_text(yaml.safe_dump(values))
        return path

    return write


@pytest.fixture(scope="session")
def job_file(cloud_config, toy_version, tmp_path_factory) -> Path:
    """A job file, compiled while secrets are in the environment."""
    from tfx_pipeline.vertex.compile import compile_job

    path = tmp_path_factory.mktemp("job") / "pipeline.json"
    with pytest.MonkeyPatch.context() as patch:
        for name in SECRETS:
            patch.setenv(name, TOKEN)
        compile_job(cloud_config, read_version(toy_version), path)
    return path


@pytest.fixture
def job(job_file) -> dict:
    """The compiled job, to be changed at will."""
    return json.loads(job_file.read_text())
