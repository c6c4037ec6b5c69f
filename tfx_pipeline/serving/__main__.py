"""Command line of the serving container: `python -m tfx_pipeline.serving`, for the model that AIP_STORAGE_URI names."""

from __future__ import annotations

import os
import sys

from beam_jobs.console import CommandLine, exit_code, quiet_libraries


def main(arguments: list[str] | None = None) -> int:
    """Serves until it is stopped."""
    given = os.environ.get("AIP_STORAGE_URI")
    parser = CommandLine(
        prog="python -m tfx_pipeline.serving",
        description="Serves a SavedModel as Vertex AI requires; the AIP_* variables set port and routes. What it logs "
        'of its answers is in SERVING_LOG, such as {"folder": "gs://BUCKET/served"} or {"topic": '
        '"projects/PROJECT/topics/NAME"}; without it, nothing is logged.',
        epilog="exit codes: 0 stopped, 1 the model can't be loaded",
        allow_abbrev=False,
    )
    parser.add_argument(
        "--model", default=given, required=not given, metavar="DIR", help="SavedModel, also gs:// (or AIP_STORAGE_URI)"
    )
    options = parser.parse_args(arguments)
    quiet_libraries(verbose=False)

    from tfx_pipeline.config.serving_log import ServingLog
    from tfx_pipeline.serving.service import serve

    serve(options.model.rstrip("/"), ServingLog.from_variables(os.environ))
    return 0


if __name__ == "__main__":
    sys.exit(exit_code(main))
