"""A window of time of a log, as a command line names it, and the files that hold its records."""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import datetime, timezone
from typing import NamedTuple

from beam_jobs.storage.files import StoredFile
from schemas.errors import UserError
from schemas.served import HOUR, parse_records_path

MAX_TIME_SLICES = 48
_TIME_STEPS = (1, 3, 6, 12, 24, 24 * 7, 24 * 28)  # hours of a slice; the shortest that gives few enough
WHEN = "UTC, such as 2026-11-29T00"


class Window(NamedTuple):
    """A time from `start` to before `end`, milliseconds since 1970 in UTC."""

    start: int
    end: int

    def __str__(self) -> str:
        return f"{in_words(self.start)} to {in_words(self.end)} UTC"

    @property
    def step(self) -> int:
        """Milliseconds of its time slices."""
        hours = -(-(self.end - self.start) // HOUR)
        return HOUR * next((one for one in _TIME_STEPS if hours <= one * MAX_TIME_SLICES), _TIME_STEPS[-1])

    def files(self, files: Sequence[StoredFile]) -> tuple[StoredFile, ...]:
        """Those of a log's files of records that may hold records of it."""
        return tuple(one for one in files if _hour(one) + HOUR > self.start and _hour(one) < self.end)


def window_of(start: str | None, end: str | None, files: Sequence[StoredFile], hours: int | None) -> Window:
    """What --from and --to name; else it ends with the log, and begins `hours` earlier, or, for None, with the log.

    Raises:
      UserError: A time is none, or the end is not after the start.
    """
    found = [_hour(one) for one in files]
    until = parse_time("--to", end) if end else max(found, default=0) + HOUR
    earliest = min(found, default=0) if hours is None else until - hours * HOUR
    since = parse_time("--from", start) if start else min(earliest, until)
    if end and since >= until:
        raise UserError(f"--to={end}: must be later than the start of the window, {in_words(since)} UTC")
    return Window(since, max(since, until))


def refuse_window(start: str | None, end: str | None) -> None:
    """Raises UserError where a window is named but a folder of photos is read."""
    if start or end:
        raise UserError("--from, --to: choose records of a --log by their time, which --photos do not have")


def parse_time(option: str, text: str) -> int:
    """Milliseconds since 1970 of an ISO 8601 time such as `2026-11-29T00`; UTC, unless it has an offset."""
    try:
        moment = datetime.fromisoformat(re.sub("[zZ]$", "+00:00", text.strip()))
    except ValueError:
        raise UserError(f"{option}={text}: not a time; write it as 2026-11-29T00 (UTC)") from None
    return round((moment if moment.tzinfo else moment.replace(tzinfo=timezone.utc)).timestamp() * 1000)


def in_words(time: int) -> str:
    """A time in milliseconds for people: `2026-11-29 21:00`."""
    return datetime.fromtimestamp(time / 1000, timezone.utc).strftime("%Y-%m-%d %H:%M")


def in_iso(time: int) -> str:
    """A time in milliseconds for programs: `2026-11-29T21:00Z`."""
    return f"{in_words(time).replace(' ', 'T')}Z"


def _hour(file: StoredFile) -> int:
    parsed = parse_records_path(file.path)
    if parsed is None:
        raise ValueError(f"{file.path}: is no file of records")
    return parsed.hour
