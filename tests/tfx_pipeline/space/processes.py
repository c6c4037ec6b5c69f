"""Apps in processes of their own, known by the address that they print."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from functools import partial
from pathlib import Path


@contextmanager
def serving(
    *command: str, folder: Path | None = None, environment: Mapping[str, str] | None = None, terminate: bool = False
) -> Iterator[str]:
    """Runs a Python command until the block ends, and gives the address that it serves.

    At the end it is stopped as Ctrl-C would, or, to `terminate` it, by a SIGTERM to it alone, as an orchestrator does.
    """
    # A shell that runs the tests in the background makes them, and all that they start, deaf to Ctrl-C.
    hear_interrupts = partial(signal.signal, signal.SIGINT, signal.SIG_DFL)
    options = {"stdout": subprocess.PIPE, "stderr": subprocess.STDOUT, "text": True, "cwd": folder}
    options["env"] = os.environ | (environment or {})
    process = subprocess.Popen(
        [sys.executable, *command], start_new_session=True, preexec_fn=hear_interrupts, **options
    )
    try:
        yield _address(process)
    finally:
        if terminate:
            process.terminate()
        else:
            os.killpg(process.pid, signal.SIGINT)
        process.communicate(timeout=120)


def _address(process: subprocess.Popen) -> str:
    said = []
    for line in process.stdout:
        said.append(line)
        if line.startswith("open http"):
            return line.split()[1].rstrip("/")
    raise AssertionError("".join(said))
