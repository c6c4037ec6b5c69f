"""The pipeline file of the `tfx` command line for Vertex AI; `python -m tfx_pipeline.vertex` can do more.

    export PIPELINE_CONFIG=my.yaml
    tfx pipeline create --engine=vertex --pipeline-path=tfx_pipeline/vertex_runner.py
    tfx run create --engine=vertex --pipeline-name=NAME --project=PROJECT --region=REGION

The `tfx` command line submits without service account, network, key and labels; the CustomJob and the Pusher still have
theirs.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path

from beam_jobs.console import exit_code
from schemas.errors import UserError
from tfx_pipeline.config.pipeline import load_cloud_config


def main() -> int:
    """Compiles the pipeline into the folder that the `tfx` command line chooses, or into the current one."""
    if not (path := os.environ.get("PIPELINE_CONFIG")):
        raise UserError("PIPELINE_CONFIG: missing; give the configuration's file, see configs/vertex.example.yaml")
    config = load_cloud_config(Path(path), os.environ.get("PIPELINE_DATA"))

    from tfx_pipeline.vertex.compile import JOB_FILE, read_version, run_compiler

    run_compiler(config, read_version(config), Path.cwd() / JOB_FILE)
    return 0


if __name__ == "__main__":
    sys.exit(exit_code(main))
