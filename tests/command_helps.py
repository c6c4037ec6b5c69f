"""The help of many commands, as `python -m MODULE --help` prints it: `tests.test_documents` reads their options there.

A process that has imported what all of them need, some libraries and the contracts, forks once for each command. Each
finds just that, and imports everything else by itself, as in a process of its own, which takes several times as long.
"""

from __future__ import annotations

import contextlib
import importlib
import io
import json
import os
import runpy
import subprocess
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple

PROJECT_DIR = Path(__file__).parents[1]
SHARED = ("PIL.Image", "numpy", "schemas.manifest", "schemas.spec")
HEAVY = ("apache_beam", "keras", "tensorflow", "tensorflow_model_analysis", "tfx")  # they take seconds to import
LIMIT = 300  # seconds, for all commands


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
    asked = list(commands)
    ended = subprocess.run(
        [sys.executable, "-m", "tests.command_helps"],
        input=json.dumps(asked),
        stdout=subprocess.PIPE,
        text=True,
        check=True,
        cwd=PROJECT_DIR,
        env=os.environ | {"OPENBLAS_NUM_THREADS": "1"},  # a process with threads should not fork
        timeout=LIMIT,
    )
    return {which: Help(*one) for which, one in zip(asked, json.loads(ended.stdout), strict=True)}


def main() -> None:
    """Reads pairs of module and subcommand as JSON, and prints the Help of each."""
    for name in SHARED:
        importlib.import_module(name)
    json.dump([_help_of(*one) for one in json.load(sys.stdin)], sys.stdout)


def _help_of(module: str, subcommand: str) -> Help:
    reading, writing = os.pipe()
    if not (child := os.fork()):
        os.close(reading)
        code = 1
        try:
            code, text = _run(module, [*filter(None, [subcommand]), "--help"])
            with open(writing, "w", encoding="utf-8") as pipe:
                json.dump([text, [name for name in HEAVY if name in sys.modules]], pipe)
        except BaseException as error:  # this process must end here, and not go on as its parent
            print(f"{module} --help: {error!r}", file=sys.stderr, flush=True)
        finally:
            os._exit(code)
    os.close(writing)
    with open(reading, encoding="utf-8") as pipe:
        found = pipe.read()
    return Help(*json.loads(found)) if os.waitpid(child, 0)[1] == 0 else Help("", [])


def _run(module: str, arguments: list[str]) -> tuple[int, str]:
    """Runs a module as `python -m` does; its exit code, and what it prints."""
    sys.argv = [module, *arguments]
    with contextlib.redirect_stdout(io.StringIO()) as printed:
        try:
            runpy.run_module(module, run_name="__main__", alter_sys=True)
        except SystemExit as ending:
            return ending.code if isinstance(ending.code, int) else int(ending.code is not None), printed.getvalue()
    return 0, printed.getvalue()


if __name__ == "__main__":
    main()
