"""A measurement as a command: quiet libraries, and one line for a mistake."""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import NoReturn

from beam_jobs.console import exit_code, quiet_libraries


def run_and_exit(measure: Callable[[], None]) -> NoReturn:
    """Runs what a command line measures, and ends the process with its exit code."""
    quiet_libraries(verbose=False)
    sys.exit(exit_code(lambda: measure() or 0))
