"""What a person sees: quiet output, progress, and one line for a mistake."""

from __future__ import annotations

import argparse
import contextlib
import functools
import gc
import importlib.metadata
import io
import logging
import os
import select
import signal
import sys
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NoReturn, TextIO

from beam_jobs.wrapped_lines import print_lines
from schemas.errors import UserError
from schemas.secrets import redacted

COMMAND_LINE = "command line"  # where a wrong value comes from, in messages
USER_ERROR = 2
INTERRUPTED = 128 + signal.SIGINT  # 130 and 143, as shells report processes that a signal ended
TERMINATED = 128 + signal.SIGTERM
READER_GONE = 128 + signal.SIGPIPE
STOPPED = "stopped; the same command starts over"


class CommandLine(argparse.ArgumentParser):
    """A parser whose error messages repeat what was typed, but not a secret typed in the wrong place."""

    def error(self, message: str) -> NoReturn:
        """See the base class."""
        super().error(redacted(message))


class Terminated(BaseException):
    """SIGTERM has come, as orchestrators send it."""


def quiet_libraries(verbose: bool) -> None:
    """Silences libraries, keeping errors and the project's own progress; call it before they are imported.

    Args:
      verbose: Show everything instead.
    """
    logging.basicConfig(format="%(message)s", level=logging.INFO if verbose else logging.ERROR)
    if verbose:
        return
    logging.getLogger("apache_beam").setLevel(logging.CRITICAL)  # the command line reports a failure, once
    logging.getLogger().addFilter(_said_elsewhere)
    logging.getLogger("beam_jobs").setLevel(logging.INFO)
    warnings.simplefilter("ignore")
    os.environ.setdefault("PYTHONWARNINGS", "ignore")  # for worker processes
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    os.environ.setdefault("GRPC_VERBOSITY", "NONE")


def show_lines_at_once() -> None:
    """Makes standard output show each line when it is printed, also through a pipe."""
    if isinstance(sys.stdout, io.TextIOWrapper):  # it is not where a test or a notebook has replaced it
        sys.stdout.reconfigure(line_buffering=True)


@contextlib.contextmanager
def heavy_imports() -> Iterator[None]:
    """Imports the libraries that are imported in its block in less time.

    The half a million objects that they create are kept from the garbage collector, which would scan them repeatedly
    and free none: that costs a quarter of the import time, up to a tenth of the time that the photos take, and a second
    when the process ends. And the installed distributions are listed once: each of Google's clients lists all of them,
    to warn about old versions, which takes a fifth of a second, fifteen times in a process that imports TFX.
    """
    imported = len(sys.modules)
    listing = importlib.metadata.packages_distributions
    importlib.metadata.packages_distributions = functools.cache(listing)
    gc.disable()
    try:
        yield
    finally:
        importlib.metadata.packages_distributions = listing
        if len(sys.modules) > imported:
            gc.freeze()  # also keeps worker processes that are forked from copying the pages of all these objects
        gc.enable()


def _said_elsewhere(record: logging.LogRecord) -> bool:
    """Drops records of the root logger itself, where Beam's portable runner logs a failure as a traceback."""
    return False


def exit_code(command: Callable[[], int], interrupted: str = STOPPED) -> int:
    """Runs a command line's work and returns the code to exit with.

    Args:
      command: Does the work and returns its own exit code. A UserError becomes one line per problem.
      interrupted: The message after Ctrl-C or SIGTERM.
    """
    signal.signal(signal.SIGTERM, _raise_terminated)
    try:
        try:
            return _outcome(command, interrupted)
        finally:  # what is still in a buffer would fail at the end of the process
            for stream in _streams():
                stream.flush()
    except BrokenPipeError:
        if not _silence_where_no_reader():
            raise  # another pipe, or a connection
        return READER_GONE


def _outcome(command: Callable[[], int], interrupted: str) -> int:
    try:
        return command()
    except UserError as error:
        for line in redacted(str(error)).splitlines():
            print_lines(f"error: {line}", sys.stderr)
        return USER_ERROR
    except (KeyboardInterrupt, Terminated) as error:
        print(interrupted, file=sys.stderr)
        return TERMINATED if isinstance(error, Terminated) else INTERRUPTED


def _streams() -> list[TextIO]:
    """Standard output and error; a process that was started without one has None in its place."""
    return [stream for stream in (sys.stdout, sys.stderr) if stream is not None]


def _silence_where_no_reader() -> bool:
    """Whether the reader of an output, such as `head`, has gone; nothing more is written to it."""
    gone = [stream for stream in _streams() if _has_no_reader(stream.fileno())]
    for stream in gone:
        os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())
    return bool(gone)


def _has_no_reader(output: int) -> bool:
    poll = select.poll()
    poll.register(output, select.POLLOUT)
    return any(event & (select.POLLERR | select.POLLHUP) for _, event in poll.poll(0))


@contextlib.contextmanager
def stderr_in_file(path: Path) -> Iterator[None]:
    """Appends to a file everything written to stderr inside the block, also by C++ code and child processes.

    TensorFlow's and absl's C++ code writes to file descriptor 2, past `sys.stderr` and any logging configuration.
    """
    sys.stderr.flush()
    terminal = os.dup(2)
    with path.open("a", encoding="utf-8", buffering=1) as file:
        os.dup2(file.fileno(), 2)
        try:
            with contextlib.redirect_stderr(file):
                yield
        finally:
            sys.stderr.flush()
            os.dup2(terminal, 2)
            os.close(terminal)


def _raise_terminated(number: int, frame: object) -> NoReturn:
    raise Terminated


def leave(code: int, message: str) -> NoReturn:
    """Prints why and ends the process at once, without waiting for its threads."""
    if sys.stderr is not None and sys.stderr.isatty():
        message = f"\r\x1b[K{message}"  # over a progress bar
    with contextlib.suppress(BrokenPipeError):
        print(message, file=sys.stderr, flush=True)
        for stream in _streams():
            stream.flush()
    os._exit(code)
