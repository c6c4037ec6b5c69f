"""Summarizes a runner's exception in one line, and reports it."""

from __future__ import annotations

import re
import sys

from schemas.bounded_text import clipped
from schemas.errors import UserError
from schemas.secrets import redacted

CAUSE_CHARACTERS = 1500
_STEP = re.compile(r" \[while running '[^']*'\]$")  # Beam adds it, once for each step that it passes
_RAISED_IN_WORKER = re.compile(rf"(?:{UserError.__module__}\.)?{UserError.__name__}: (.+)")


def failure_cause(error: Exception) -> str:
    """The line of a runner's exception that names the cause and the step; runners wrap it in pages of traceback."""
    return clipped(redacted(_line(error)), CAUSE_CHARACTERS)


def user_mistake(error: Exception) -> UserError | None:
    """The UserError that a step of the graph has raised, in this process or in a worker; None for any other failure.

    The step is left out, because it does not help to fix an input.
    """
    cause = _line(error)
    if not isinstance(error, UserError):
        raised = _RAISED_IN_WORKER.fullmatch(cause)
        if raised is None:
            return None
        cause = raised[1]
    while _STEP.search(cause):
        cause = _STEP.sub("", cause)
    return UserError(cause)


def report_failure(error: Exception, verbose: bool) -> None:
    """Prints why a job failed in the graph, on any runner.

    Raises:
      Exception: The error itself with `verbose`, for its traceback.
      UserError: It is a person's mistake; see `user_mistake`.
    """
    if verbose:
        raise error
    if mistake := user_mistake(error):
        raise mistake from None
    print(f"error: the job failed: {failure_cause(error)}", file=sys.stderr)


def _line(error: Exception) -> str:
    lines = [line.strip() for line in str(error).splitlines() if line.strip()] or [repr(error)]
    return next((line for line in lines if "[while running" in line), lines[-1])
