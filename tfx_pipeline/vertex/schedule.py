"""The job of a schedule: one step, which submits the pipeline for the version that is the newest when the step runs.

A job that is compiled for a version names that version for ever: repeated, it is answered from the cache, even after
others were published. So a schedule repeats a step that compiles anew. Where nothing newer is published, the cache
answers the pipeline that it submits, and nothing is trained; a training that failed is tried again.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from tfx_pipeline.config.output_layout import PIPELINE_FOLDER
from tfx_pipeline.config.pipeline import PipelineConfig

STEP = "SubmitNewest"
MODULE = "tfx_pipeline.vertex.submit_newest"


def schedule_job(config: PipelineConfig) -> dict[str, Any]:
    """The job, as Vertex AI Pipelines takes it; the configuration travels in its step's command.

    The form is that of the Kubeflow Pipelines IR, schema 2.0. The step is never cached, since it does not ask for that.
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


def write_schedule_job(config: PipelineConfig, path: Path) -> None:
    """Writes the job to a JSON file."""
    path.write_text(json.dumps(schedule_job(config), sort_keys=True, indent=1) + "\n", encoding="utf-8")
