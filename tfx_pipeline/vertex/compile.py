"""Compiles a configuration into the job that Vertex AI Pipelines runs: one JSON file.

The manifest of the data set version is read here, not in a step: its digest is part of the job, so that Vertex AI's
cache recognizes unchanged data, and labels, shapes and classes are known before anything is paid for.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from beam_jobs.console import heavy_imports
from beam_jobs.dataflow.submission import check_credentials
from beam_jobs.storage.versions import absolute_folder, read_contract, require_shards, require_version
from schemas.version import PublishedVersion
from tfx_pipeline.config.pipeline import RUN_FN, CloudPipelineConfig
from tfx_pipeline.preflight import check_run
from tfx_pipeline.vertex.lineage import git_commit, lineage_labels

JOB_FILE = "pipeline.json"


def read_version(config: CloudPipelineConfig) -> PublishedVersion:
    """Reads and checks manifest and contract of the data set version, from a bucket or a folder.

    Shards are listed, but not read.

    Raises:
      UserError: Nothing is published there, the manifest contradicts itself or the listing, credentials are missing, or
        `tfx_pipeline.preflight` finds a problem.
    """
    if config.data.startswith("gs://"):
        check_credentials()
    version_dir = absolute_folder(config.data)
    manifest = require_version("data", version_dir)
    version = PublishedVersion(manifest, read_contract(version_dir, manifest))
    require_shards(version_dir, manifest)
    check_run(config, version, on_vertex=True)
    return version


def compile_job(config: CloudPipelineConfig, version: PublishedVersion, path: Path, run_fn: str = RUN_FN) -> None:
    """Compiles the pipeline into a job file, with the labels of its data, its code and the configuration.

    Args:
      config: From `load_cloud_config`.
      version: The one at `config.data`.
      path: JSON file to write; its folder is created.
      run_fn: Import path of the training function.
    """
    job = run_compiler(config, version, path, run_fn)
    from tfx_pipeline.pipeline import HF_PUSHER  # the compiler has imported it, and TFX

    tasks = job["pipelineSpec"]["root"]["dag"]["tasks"]
    if HF_PUSHER in tasks:  # pushing what the Hub already has costs little; a failed push must be retried
        tasks[HF_PUSHER]["cachingOptions"] = {"enableCache": False}
    job["labels"] |= config.cloud.labels | lineage_labels(version.manifest, git_commit())
    path.write_text(json.dumps(job, sort_keys=True, indent=1) + "\n", encoding="utf-8")


def run_compiler(
    config: CloudPipelineConfig, version: PublishedVersion, path: Path, run_fn: str = RUN_FN
) -> dict[str, Any]:
    """Runs TFX's compiler; writes and returns its job. The `tfx` command line finds and patches it."""
    with heavy_imports():
        from tfx.orchestration.kubeflow.v2.kubeflow_v2_dag_runner import KubeflowV2DagRunner, KubeflowV2DagRunnerConfig

        from tfx_pipeline.pipeline import create_pipeline
        from tfx_pipeline.vertex.platform import VertexPlatform

    platform = VertexPlatform(config.cloud, git_commit())
    pipeline = create_pipeline(config, version, platform, run_fn, beam_pipeline_args=_beam_arguments(config))
    runner = KubeflowV2DagRunner(
        KubeflowV2DagRunnerConfig(display_name=config.name, default_image=config.cloud.image),
        output_dir=str(path.parent),
        output_filename=path.name,
    )
    return runner.run(pipeline)


def _beam_arguments(config: CloudPipelineConfig) -> tuple[str, ...]:
    from tfx_pipeline.platforms import BEAM_IN_THE_STEP

    job_name = f"evaluate-{config.name}"[:63].rstrip("-")
    bucket = config.output.removeprefix("gs://").partition("/")[0]
    dataflow = config.cloud.evaluation_options(bucket, job_name)
    return BEAM_IN_THE_STEP if dataflow is None else tuple(dataflow.beam_flags(job_name))
