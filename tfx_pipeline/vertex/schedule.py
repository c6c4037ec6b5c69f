"""The job of a schedule: one step, which submits the pipeline for the newest version at that time.

A compiled job names one version: repeated, it would come from the cache, even after newer versions were published. So
a schedule repeats a step that compiles the pipeline again. If nothing newer is published, the submitted pipeline comes
from the cache, and nothing is trained; a training that failed is retried.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from tfx_pipeline.config.output_layout import PIPELINE_FOLDER
from tfx_pipeline.config.pipeline import CloudPipelineConfig

STEP = "SubmitNewest"
MODULE = "tfx_pipeline.vertex.submit_newest"


def schedule_job(config: CloudPipelineConfig) -> dict[str, Any]:
    """The job in the format of Vertex AI Pipelines; the configuration is part of its step's command.

    The format is the Kubeflow Pipelines IR, schema 2.0. The step is never cached, because it does not enable caching.
    """
    component, executor = f"comp-{STEP}", f"exec-{STEP}"
    container = {
        "image": config.cloud.image,
        "command": ["python", "-m", MODULE],
        "args": [config.model_dump_json(exclude_none=True)],
    }
    return {
        "displayName": config.name,
        "labels": dict(config.cloud.labels),
        "pipelineSpec": {
            "schemaVersion": "2.0.0",
            "pipelineInfo": {"name": f"{config.name[:50]}-schedule"},
            "deploymentSpec": {"executors": {executor: {"container": container}}},
            "components": {component: {"executorLabel": executor}},
            "root": {"dag": {"tasks": {STEP: {"taskInfo": {"name": STEP}, "componentRef": {"name": component}}}}},
        },
        "runtimeConfig": {"gcsOutputDirectory": f"{config.output}/{PIPELINE_FOLDER}"},
    }


def write_schedule_job(config: CloudPipelineConfig, path: Path) -> None:
    """Writes the job to a JSON file."""
    path.write_text(json.dumps(schedule_job(config), sort_keys=True, indent=1) + "\n", encoding="utf-8")
