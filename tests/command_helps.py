"""The help of many commands, as `python -m MODULE --help` prints it: `tests.test_documents` reads their options there.

Each command runs in a fork of one process that has loaded the contracts, which all of them need: a process of its own
takes several times as long.
"""

from __future__ import annotations

import os
import runpy
import sys
import tempfile
from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple

from tfx_pipeline.vertex.rehearsal.interpreter import Interpreter

PROJECT_DIR = Path(__file__).parents[1]
SHARED = "schemas.manifest"  # with NumPy and pydantic
HEAVY = ("apache_beam", "keras", "tensorflow", "tensorflow_model_analysis", "tfx")  # they take seconds to import
LIMIT = 60.0  # seconds, for a command


class Help(NamedTuple):
    """What a command does with `--help`.

    Attributes:
      text: What it prints; empty where it does not end with 0.
      heavy: The libraries of HEAVY that it has imported.
    """

    text: str
    heavy: list[str]


def helps_of(commands: Iterable[tuple[str, str]]) -> dict[tuple[str, str], Help]:
    """(module, subcommand or nothing) to its help."""
    with tempfile.TemporaryDirectory() as folder:
        path = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])
        environment = os.environ | {"PATH": path, "PYTHONPATH": str(PROJECT_DIR)}
        interpreter = Interpreter(environment, Path(folder) / "interpreter.log", SHARED)
        log = Path(folder) / "command.log"
        helps = {}
        try:
            for module, subcommand in commands:
                command = ["python", "-m", __name__, module, *filter(None, [subcommand]), "--help"]
                with interpreter.running(command, PROJECT_DIR, environment, log) as fork:
                    code = fork.wait(LIMIT)
                text, _, heavy = log.read_text().rstrip().rpartition("\n")
                helps[module, subcommand] = Help("" if code else text, heavy.split()[1:])
        finally:
            interpreter.stop()
    return helps


def main() -> None:
    """Runs the module of the first argument with the others, and prints a line `heavy ...` at the end."""
    del sys.argv[0]
    try:
        runpy.run_module(sys.argv[0], run_name="__main__", alter_sys=True)
    finally:
        print("heavy", *(name for name in HEAVY if name in sys.modules))


if __name__ == "__main__":
    main()
