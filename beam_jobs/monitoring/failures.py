"""Summarizes a runner's exception in one line."""

from __future__ import annotations

from schemas.bounded_text import clipped
from schemas.secrets import redacted

CAUSE_CHARACTERS = 1500


def failure_cause(error: Exception) -> str:
    """The line of a runner's exception that names the cause and the step; runners wrap it in pages of traceback."""
    lines = [line.strip() for line in str(error).splitlines() if line.strip()] or [repr(error)]
    cause = redacted(next((line for line in lines if "[while running" in line), lines[-1]))
    return clipped(cause, CAUSE_CHARACTERS)
