"""Keeps the libraries' log lines out of the terminal and in a file."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stderr
from pathlib import Path


@contextmanager
def stderr_in_file(path: Path) -> Iterator[None]:
    """Appends everything that is written to stderr meanwhile to a file, also by C++ code and child processes.

    TensorFlow's and absl's C++ code writes to file descriptor 2, past `sys.stderr` and any logging configuration.
    """
    sys.stderr.flush()
    terminal = os.dup(2)
    with path.open("a", encoding="utf-8", buffering=1) as file:
        os.dup2(file.fileno(), 2)
        try:
            with redirect_stderr(file):
                yield
        finally:
            sys.stderr.flush()
            os.dup2(terminal, 2)
            os.close(terminal)
