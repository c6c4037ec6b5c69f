"""An interpreter of the image that loads TFX once, and forks a process for each command of a rehearsal.

A process takes some ten seconds to load TFX, and a rehearsal runs a dozen of them. All that a fork has before its
command starts are libraries of the lock: this project's modules come from the image in each process anew, and folder,
arguments and environment are the command's own. Only what libraries read from the environment while they load is the
interpreter's.

Run as a script, this file is the interpreter.
"""

from __future__ import annotations

import contextlib
import gc
import importlib
import json
import os
import runpy
import signal
import socket
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

LIBRARY = "tfx.v1"  # which loads TensorFlow, TFMA, KFP and Google's clients
_READY = "ready"
_PATROL_SECONDS = 1.0  # between two looks whether the rehearsal still runs


class Fork:
    """A process of a command."""

    def __init__(self, connection: socket.socket):
        self._connection = connection
        self._lines = connection.makefile("r")
        first = self._lines.readline()
        if not first:
            raise ChildProcessError("the image's Python has ended")
        self._group = int(first)
        self._ended = False

    def wait(self, seconds: float) -> int:
        """Waits for its end; returns its exit code, or minus a signal; TimeoutError after some seconds."""
        self._connection.settimeout(seconds)
        code = int(self._lines.readline() or -signal.SIGKILL)
        self._ended = True
        return code

    def kill(self) -> None:
        """Kills the process and its children, unless it has ended."""
        if not self._ended:
            self._ended = True
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self._group, signal.SIGKILL)


class Interpreter:
    """Runs commands; loads its library when it gets the first one."""

    def __init__(self, environment: Mapping[str, str], log: Path, library: str = LIBRARY):
        """Args:

        environment: The image's; its PATH names the image's Python.
        log: File for what it prints while it loads.
        """
        self._environment = dict(environment)
        self._log = log
        self._library = library
        self._stack = contextlib.ExitStack()
        self._address = ""

    @contextlib.contextmanager
    def running(
        self, command: Sequence[str], folder: Path, environment: Mapping[str, str], log: Path
    ) -> Iterator[Fork]:
        """A process that runs a command, and is killed when the block ends.

        Args:
          command: `python -m MODULE ...`, or any other one, for which nothing is loaded.
          folder: Where it runs.
          environment: The complete environment.
          log: File for what it prints.

        Raises:
          ChildProcessError: The image's Python does not start.
        """
        if not self._address:
            self._address = self._start()
        with socket.socket(socket.AF_UNIX) as connection:
            connection.connect(self._address)
            request = {"command": command, "folder": str(folder), "environment": dict(environment), "log": str(log)}
            connection.sendall(f"{json.dumps(request)}\n".encode())
            fork = Fork(connection)
            try:
                yield fork
            finally:
                fork.kill()

    def stop(self) -> None:
        """Ends the interpreter; a process that it has forked goes on."""
        self._stack.close()
        self._address = ""

    def _start(self) -> str:
        """Starts it, and waits until it has loaded its library; returns the address of its socket."""
        folder = self._stack.enter_context(tempfile.TemporaryDirectory())  # nobody else may connect
        address = str(Path(folder) / "socket")
        with self._log.open("w") as log:
            process = self._stack.enter_context(
                subprocess.Popen(
                    ["python", __file__, self._library, address],
                    cwd=folder,
                    env=self._environment,
                    stdin=subprocess.DEVNULL,
                    stdout=subprocess.PIPE,
                    stderr=log,
                    text=True,
                    start_new_session=True,
                )
            )
        self._stack.callback(process.kill)
        if process.stdout is None or process.stdout.readline().strip() != _READY:
            raise ChildProcessError(f"the image's Python does not start, see {self._log}")
        return address


def _serve(address: str) -> dict[str, Any]:
    """Forks a process for each request; returns in these only, with the request."""
    rehearsal = os.getppid()
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # those that wait for commands leave nothing behind
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(address)
        server.listen()
        server.settimeout(_PATROL_SECONDS)
        print(_READY, flush=True)
        while True:
            try:
                connection, _ = server.accept()
            except TimeoutError:
                if os.getppid() != rehearsal:
                    sys.exit()
                continue
            with connection:
                if os.fork():
                    continue
                server.close()
                signal.signal(signal.SIGCHLD, signal.SIG_DFL)
                request = json.loads(connection.makefile("r").readline())
                process = os.fork()
                if not process:
                    os.setsid()
                    return request
                with contextlib.suppress(BrokenPipeError):  # nobody waits for it any more
                    connection.sendall(f"{process}\n".encode())
                    code = os.waitstatus_to_exitcode(os.waitpid(process, 0)[1])
                    connection.sendall(f"{code}\n".encode())
                os._exit(0)


def _become(command: list[str], folder: str, environment: dict[str, str], log: str) -> None:
    """Makes this process the command's."""
    with open(log, "wb") as file:
        os.dup2(file.fileno(), sys.stdout.fileno())
        os.dup2(file.fileno(), sys.stderr.fileno())
    os.chdir(folder)
    os.environ.clear()
    os.environ.update(environment)
    if command[:2] != ["python", "-m"]:
        os.execvp(command[0], command)
    sys.argv[:] = command[2:]
    sys.path[0] = folder
    runpy.run_module(command[2], run_name="__main__", alter_sys=True)


def _load(library: str) -> None:
    """Imports a library, whose objects no garbage collection looks at: each fork would spend three seconds on that."""
    gc.disable()
    with contextlib.suppress(ImportError):  # the command that needs it reports that
        importlib.import_module(library)
    gc.freeze()
    gc.enable()


if __name__ == "__main__":
    sys.path[0] = os.getcwd()  # instead of this file's folder, whose modules are no libraries
    _load(sys.argv[1])
    _become(**_serve(sys.argv[2]))
