"""Opens the demo app with an exported model, offline: `python -m tfx_pipeline.space --model=DIR`."""

from __future__ import annotations

import argparse
import os
import socket
import subprocess
import sys
import tempfile
from pathlib import Path

from beam_jobs.console import CommandLine, exit_code
from schemas.errors import UserError
from tfx_pipeline.ports import port_number

DEFAULT_MODEL = Path("runs/demo/pipeline")


def main(arguments: list[str] | None = None) -> int:
    """Serves the app until Ctrl-C, and returns the exit code."""
    options = _parser().parse_args(arguments)
    return exit_code(lambda: _serve(options), "closed")


def _parser() -> argparse.ArgumentParser:
    parser = CommandLine(
        prog="python -m tfx_pipeline.space",
        description="Opens the demo app, as a Space on the Hub shows it, with a model on this machine.",
        formatter_class=argparse.ArgumentDefaultsHelpFormatter,
        allow_abbrev=False,
    )
    add = parser.add_argument
    add(
        "--model", type=Path, default=DEFAULT_MODEL, metavar="DIR", help="exported model, or a pipeline's output folder"
    )
    add("--kind", choices=("gradio", "static"), default="gradio", help="which Space; static runs in the browser")
    add("--runtime", choices=("litert", "tensorflow"), default="litert", help="runtime of a gradio Space")
    add(
        "--data",
        type=Path,
        metavar="DIR",
        help="the version that the model was trained on: its eval photos are examples",
    )
    add("--title", default="Segment a photo", help="title of the page")
    add("--host", default="127.0.0.1", help="address to listen on")
    add("--port", type=port_number, default=7860, help="port to listen on; 0 takes a free one")
    add("--log", type=Path, metavar="DIR", help="log a record of each answer there, for beam_jobs.monitor; gradio only")
    add("--write", type=Path, metavar="DIR", help="only write the Space, with its model, to a new folder")
    return parser


def _serve(options: argparse.Namespace) -> int:
    from tfx_pipeline.space.local_space import write_local_space

    environment = _log_variable(options)
    if options.write:
        write_local_space(*_space(options.write, options), to_publish=True)
        print(f"wrote {options.write}")
        return 0
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder, "space")
        model = write_local_space(*_space(root, options))
        print(f"model {model}\nCtrl-C closes the app", flush=True)
        return _run(root, options, environment)


def _space(root: Path, options: argparse.Namespace) -> tuple[Path, Path, str, str, str, Path | None]:
    return root, options.model, options.kind, options.title, options.runtime, options.data


def _log_variable(options: argparse.Namespace) -> dict[str, str]:
    """What asks the app for a log; UserError where it could write none."""
    if options.log is None:
        return {}
    if options.kind == "static" or options.write:
        raise UserError("--log: is written by a gradio app that is opened here; a Space has the variable SERVING_LOG")
    from beam_jobs.served.log_files import refuse_topic
    from beam_jobs.storage.local_paths import local_path
    from tfx_pipeline.config.serving_log import ServingLog

    refuse_topic("--log", options.log.as_posix())
    return ServingLog(folder=str(local_path("--log", options.log))).variables()


def _run(root: Path, options: argparse.Namespace, log: dict[str, str]) -> int:
    """Starts the Space as the Hub does: `app.py` in its folder, or a server of files."""
    if options.kind == "static":
        from tfx_pipeline.space.file_server import serve_folder

        return serve_folder(root, options.host, options.port)
    environment = (
        os.environ
        | log
        | {
            "GRADIO_SERVER_NAME": options.host,
            "GRADIO_SERVER_PORT": str(_free_port(options.host, options.port)),
            "HF_HUB_OFFLINE": "1",
            "TMPDIR": str(root.parent),  # deleted with the Space, no matter how the app ends
        }
    )
    ended = subprocess.run([sys.executable, "-W", "ignore", "app.py"], cwd=root, env=environment, check=False)
    if ended.returncode:
        raise UserError(f"the app ended with exit code {ended.returncode}; see its output above")
    return 0


def _free_port(host: str, port: int) -> int:
    """The port, or any free one for 0; UserError if it is taken."""
    with socket.socket() as probe:
        probe.setsockopt(
            socket.SOL_SOCKET, socket.SO_REUSEADDR, 1
        )  # an app that has just closed leaves it in TIME_WAIT
        try:
            probe.bind((host, port))
        except OSError as error:
            raise UserError(f"port {port} of {host}: {error.strerror}; choose another --port") from None
        return probe.getsockname()[1]


if __name__ == "__main__":
    sys.exit(main())
