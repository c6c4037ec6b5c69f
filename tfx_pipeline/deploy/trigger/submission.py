"""Submits the pipeline for a version once, no matter how often the event arrives."""

from __future__ import annotations

import sys
import tempfile
from datetime import datetime, timezone
from pathlib import Path
from typing import NamedTuple

from schemas.errors import UserError
from schemas.version_files import MANIFEST_FILE
from tfx_pipeline.config.pipeline import CloudPipelineConfig, load_cloud_config


class Submission(NamedTuple):
    """The job of a version.

    Attributes:
      job_id: Its id.
      made: Whether this call submitted it.
      waits: Why the rules of `cloud.retraining` keep it from being submitted; empty where they do not.
    """

    job_id: str
    made: bool
    waits: str = ""


class TryAgain(Exception):
    """Google can't answer yet, such as while a new role takes minutes to take effect. Repeat the same call."""


def submit_version(config_file: Path, version_dir: str) -> Submission:
    """Compiles the pipeline for a version and submits it, unless there is a job for the same content, or it must wait.

    Args:
      config_file: The pipeline's configuration; `version_dir` replaces its `data`.
      version_dir: `gs://BUCKET/.../DATASET/VERSION`.

    Raises:
      UserError: Configuration or version can't be used, or Google refuses the job for good.
      TryAgain: Google can't answer now, or refuses something that it may allow later: permission, quota, credentials.
    """
    from google.api_core.exceptions import AlreadyExists, Forbidden, RetryError, ServerError, TooManyRequests
    from google.auth.exceptions import GoogleAuthError

    from tfx_pipeline.vertex import jobs
    from tfx_pipeline.vertex.compile import compile_job, read_version
    from tfx_pipeline.vertex.retraining import job_id_of, reason_to_wait

    config = load_cloud_config(config_file, version_dir)
    with tempfile.TemporaryDirectory() as folder, jobs.vertex_ai(config):
        _check_reachable(config)
        version = read_version(config)
        path = Path(folder) / "pipeline.json"
        identity = job_id_of(config, version.manifest)
        try:
            waits = reason_to_wait(config, version.manifest, datetime.now(timezone.utc))
            if waits:
                return Submission(identity, made=False, waits=waits)
            compile_job(config, version, path)
            jobs.submit(config, jobs.load_job(config, path, identity))
        except AlreadyExists:
            return Submission(identity, made=False)
        except (Forbidden, GoogleAuthError, OSError, RetryError, ServerError, TooManyRequests) as error:
            raise TryAgain(f"Vertex AI can't take the job now: {error}") from error
    return Submission(identity, made=True)


def _check_reachable(config: CloudPipelineConfig) -> None:
    """Raises TryAgain if data or output can't be reached, so that this is not mistaken for missing data."""
    from google.auth.exceptions import GoogleAuthError

    from beam_jobs.storage.cloud_storage import list_objects
    from beam_jobs.storage.files import read_file

    try:
        read_file(f"{config.data.rstrip('/')}/{MANIFEST_FILE}")
        next(list_objects(f"{config.output}/"), None)
    except FileNotFoundError:
        return  # reading the version reports that
    except (GoogleAuthError, OSError) as error:
        raise TryAgain(f"Cloud Storage can't be reached now: {error}") from error


def warm(config_file: Path) -> bool:
    """Compiles the job of the configured version and discards it, because the first compilation takes seconds.

    Returns:
      Whether there was a version to compile; without one, the first event waits for the compiler.
    """
    from tfx_pipeline.vertex.compile import compile_job, read_version

    config = load_cloud_config(config_file)
    try:
        version = read_version(config)
    except UserError as error:
        print(f"not warmed up: {error}", file=sys.stderr, flush=True)
        return False
    with tempfile.TemporaryDirectory() as folder:
        compile_job(config, version, Path(folder) / "pipeline.json")
    return True
