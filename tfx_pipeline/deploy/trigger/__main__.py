"""Command line that serves the trigger: `python -m tfx_pipeline.deploy.trigger --config=FILE`."""

from __future__ import annotations

import os
import sys
import tempfile
from pathlib import Path

from beam_jobs.console import CommandLine, exit_code, quiet_libraries
from tfx_pipeline.ports import port_number

DEFAULT_PORT = "8080"


def main(arguments: list[str] | None = None) -> int:
    """Serves until it is stopped; UserError if the configuration can't be used."""
    given = os.environ.get("PIPELINE_CONFIG")
    parser = CommandLine(
        prog="python -m tfx_pipeline.deploy.trigger",
        description="Submits the pipeline on Vertex AI for each data set version whose manifest is finished, on "
        "CloudEvents from its bucket.",
        epilog="exit codes: 0 stopped, 2 unusable configuration",
        allow_abbrev=False,
    )
    parser.add_argument(
        "--config", default=given, required=not given, help="YAML file, also gs://BUCKET/FILE (or PIPELINE_CONFIG)"
    )
    parser.add_argument("--host", default="0.0.0.0", help="address to listen on (default %(default)s)")
    parser.add_argument(
        "--port", type=port_number, default=os.environ.get("PORT", DEFAULT_PORT), help="default %(default)s (or PORT)"
    )
    options = parser.parse_args(arguments)
    quiet_libraries(verbose=False)

    with tempfile.TemporaryDirectory() as folder:
        _serve(_local_copy(options.config, Path(folder)), options.host, options.port)
    return 0


def _serve(config_file: Path, host: str, port: int) -> None:
    from tfx_pipeline.config.pipeline import load_cloud_config

    data = load_cloud_config(config_file).data

    import uvicorn
    from tfx.orchestration.kubeflow.v2 import kubeflow_v2_dag_runner  # noqa: F401 so that the first event need not wait for it

    from tfx_pipeline.deploy.trigger.service import create_app
    from tfx_pipeline.deploy.trigger.submission import warm

    warm(config_file)
    uvicorn.run(create_app(config_file, data), host=host, port=port, log_level="warning")


def _local_copy(config: str, folder: Path) -> Path:
    """Copies a configuration from a bucket; it is read once, so a new one needs a new revision of the service."""
    if "://" not in config:
        return Path(config)
    from beam_jobs.storage.files import read_file
    from schemas.errors import UserError

    try:
        content = read_file(config)
    except OSError as error:
        raise UserError(f"--config {config}: can't be read ({error}); check its name and your rights") from None
    path = folder / "config.yaml"
    path.write_bytes(content)
    return path


if __name__ == "__main__":
    sys.exit(exit_code(main))
