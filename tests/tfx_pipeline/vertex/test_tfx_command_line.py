"""The runner file through the `tfx` command line, against loopback."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

import tfx_pipeline
from tests.tfx_pipeline.vertex.conftest import CONFIGS

PROJECT = Path(tfx_pipeline.__file__).parents[1]

pytestmark = [pytest.mark.proof, pytest.mark.slow(50)]


def test_the_tfx_command_line_compiles_creates_and_submits_the_pipeline(stage, cloud_config, toy_version, tmp_path):
    stage.buckets.add_folder(toy_version, cloud_config.data)
    environment = os.environ | {
        "VERTEX_HOME": str(tmp_path / "tfx_home"),  # where the tfx command line remembers pipelines of --engine=vertex
        "PIPELINE_CONFIG": str(CONFIGS / "rehearsal.yaml"),
        "PYTHONPATH": str(PROJECT),
        # As in an activated environment: the tfx command line asks the `pip` that it finds what is installed.
        "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
    }

    def tfx(*arguments: str) -> str:
        command = [str(Path(sys.executable).with_name("tfx")), *arguments, "--engine=vertex"]
        result = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True, check=False)
        assert result.returncode == 0, result.stderr[-2000:]
        return result.stdout

    runner_file = f"--pipeline-path={PROJECT / 'tfx_pipeline' / 'vertex_runner.py'}"
    assert "compiled successfully" in tfx("pipeline", "compile", runner_file)
    (tmp_path / "pipeline.json").unlink()
    created = tfx("pipeline", "create", runner_file)
    assert 'Pipeline "pets-rehearsal" created successfully.' in created
    assert not list(tmp_path.glob("*.json"))

    submitted = tfx(
        "run", "create", "--pipeline-name=pets-rehearsal", "--project=my-project-1", "--region=europe-west4"
    )
    assert "Run created for pipeline: pets-rehearsal" in submitted
    [call] = [call for call in stage.service.calls if call.method == "CreatePipelineJob"]
    assert "Trainer" in call.request["pipelineJob"]["pipelineSpec"]["root"]["dag"]["tasks"]
