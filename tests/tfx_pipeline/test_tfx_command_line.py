"""The same file through the `tfx` command line, as the ecosystem's users start pipelines."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

import tfx_pipeline

PROJECT = Path(tfx_pipeline.__file__).parents[1]
PIPELINE_FILE = "tfx_pipeline/local_runner.py"


@pytest.mark.proof
@pytest.mark.slow(60)
def test_the_tfx_command_line_creates_and_runs_the_pipeline(write_config, toy_version, tmp_path):
    training = {"model": "small_unet", "epochs": 1, "batch_size": 4, "export_tflite": False}
    evaluation = {"min_mean_iou": 0.0, "allow_blind": ["pet", "background", "border"]}  # hardly trained
    environment = os.environ | {
        "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",  # tfx asks `pip` what is installed
        "LOCAL_HOME": str(tmp_path / "tfx_home"),  # where the tfx command line remembers pipelines of --engine=local
        "PIPELINE_CONFIG": str(write_config(training=training, evaluation=evaluation)),
        "PYTHONPATH": str(PROJECT),
    }

    def tfx(*arguments: str) -> str:
        command = [str(Path(sys.executable).with_name("tfx")), *arguments, "--engine=local"]
        result = subprocess.run(command, cwd=PROJECT, env=environment, capture_output=True, text=True, check=False)
        assert result.returncode == 0, result.stderr[-2000:]
        return result.stdout

    created = tfx("pipeline", "create", f"--pipeline-path={PIPELINE_FILE}")
    assert 'Pipeline "toy" created successfully.' in created
    assert not (tmp_path / "output" / "metadata.sqlite").exists()

    ran = tfx("run", "create", "--pipeline-name=toy")
    assert "blessed, pushed to" in ran
    summary = json.loads((tmp_path / "output" / "summary.json").read_text())
    assert summary["blessed"] is True
    assert Path(summary["pushed_to"]).is_dir()
