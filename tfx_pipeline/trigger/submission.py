"""Submits the pipeline for a version: once, however often it is asked for."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import NamedTuple

from schemas.manifest import Manifest
from tfx_pipeline.config import PipelineConfig, load_cloud_config

DIGEST_DIGITS = 16  # 64 bits of the manifest's digest


class Submission(NamedTuple):
    """The job of a version, and whether this call has made it."""

    job_id: str
    made: bool


class TryAgain(Exception):
    """Google can't answer now; the same call may succeed later."""


def job_id(config: PipelineConfig, manifest: Manifest) -> str:
    """The same for the same pipeline and the same content, so that the service refuses a second job."""
    return f"{config.name}-{manifest.sha256[:DIGEST_DIGITS]}"


def submit_version(config_file: Path, version_dir: str) -> Submission:
    """Compiles the pipeline for a version and submits it, unless there is a job of the same content.

    Args:
      config_file: The pipeline's configuration; its `data` gives way to `version_dir`.
      version_dir: `gs://BUCKET/.../DATASET/VERSION`.

    Raises:
      UserError: Configuration or version can't be used, or Google refuses the job for good.
      TryAgain: Google can't answer now.
    """
    from google.api_core.exceptions import AlreadyExists, RetryError, ServerError, TooManyRequests

    from tfx_pipeline.vertex import jobs
    from tfx_pipeline.vertex.compile import compile_job, read_version

    config = load_cloud_config(config_file, version_dir)
    with tempfile.TemporaryDirectory() as folder, jobs.vertex_ai(config):
        version = read_version(config)
        path = Path(folder) / "pipeline.json"
        compile_job(config, version, path)
        identity = job_id(config, version.manifest)
        try:
            jobs.submit(config, jobs.load_job(config, path, identity))
        except AlreadyExists:
            return Submission(identity, made=False)
        except (ServerError, TooManyRequests, RetryError) as error:
            raise TryAgain(f"Vertex AI can't take the job now: {error}") from error
    return Submission(identity, made=True)
