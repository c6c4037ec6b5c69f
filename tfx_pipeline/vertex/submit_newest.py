"""The step of a schedule: `python -m tfx_pipeline.vertex.submit_newest CONFIGURATION`, which is JSON, not a file."""

from __future__ import annotations

import sys
import tempfile
from datetime import datetime, timezone
from pathlib import Path

from beam_jobs.console import exit_code, quiet_libraries
from tfx_pipeline.config.pipeline import load_cloud_config


def main(arguments: list[str] | None = None) -> int:
    """Submits the pipeline for the newest published version, unless one of its jobs still runs; does not wait."""
    [text] = sys.argv[1:] if arguments is None else arguments
    quiet_libraries(verbose=False)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "configuration.json"  # JSON is YAML
        path.write_text(text, encoding="utf-8")
        _submit(path, Path(folder) / "pipeline.json")
    return 0


def _submit(config_file: Path, job_file: Path) -> None:
    from beam_jobs.storage.versions import newest_version
    from tfx_pipeline.vertex import jobs
    from tfx_pipeline.vertex.compile import compile_job, read_version
    from tfx_pipeline.vertex.retraining import reason_to_wait

    configured = load_cloud_config(config_file)
    with jobs.vertex_ai(configured):
        if running := jobs.running_jobs(configured):
            print(f"nothing submitted: {running[0]} still runs; the schedule tries again next time", flush=True)
            return
        config = load_cloud_config(config_file, newest_version(configured.data.rstrip("/").rpartition("/")[0]))
        version = read_version(config)
        if waits := reason_to_wait(config, version.manifest, datetime.now(timezone.utc)):
            print(f"nothing submitted for {config.data}: {waits}", flush=True)
            return
        compile_job(config, version, job_file)
        job = jobs.load_job(config, job_file)
        jobs.submit(config, job)
        print(f"{config.data}: job {job.job_id}: {jobs.console_link(config, job.job_id)}", flush=True)


if __name__ == "__main__":
    sys.exit(exit_code(main))
