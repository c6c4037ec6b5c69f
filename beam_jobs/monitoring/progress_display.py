"""Shows how far a local job is: a bar on a terminal, otherwise a line now and then; both on stderr."""

from __future__ import annotations

import contextlib
import os
import shutil
import sys
import threading
import time
from collections.abc import Iterator
from typing import TYPE_CHECKING, Protocol, TextIO

from beam_jobs.monitoring.progress import Progress, make_progress_folder, read_progress

if TYPE_CHECKING:
    from tqdm import tqdm

LISTING, WRITING, READING, PREDICTING = "Starting and listing", "Writing", "Reading", "Predicting"
READING_BOTH, COMPARING = "Reading both versions", "Comparing what differs"
READING_LOG, JUDGING = "Reading the log", "Comparing with the reference"
VALIDATING, SUMMING_UP, PUBLISHING = "Statistics and validation", "Table and summary", "Publishing"
# once each image was handled; others are validated
_AFTERWARDS = {PREDICTING: SUMMING_UP, READING_BOTH: COMPARING, READING_LOG: JUDGING}

_REFRESH_SECONDS = 0.5
_MIN_SECONDS, _MAX_SECONDS = 5.0, 60.0  # between two lines where there is no terminal


def stage_of(progress: Progress, working: str = WRITING) -> str:
    """Names the stage of a job; `working` names the stage that handles each image."""
    if progress.publishing:
        return PUBLISHING
    if progress.planned is None:
        return LISTING
    if progress.done < progress.planned:
        return working
    return _AFTERWARDS.get(working, VALIDATING)


class Display(Protocol):
    """Something that shows progress to a person."""

    def show(self, progress: Progress, now: float) -> None:
        """Shows the progress at a time in seconds, of any monotonic clock."""

    def close(self) -> None:
        """Leaves the terminal as it was."""


class Bar:
    """One line of a terminal that is rewritten, with images/s and the remaining time."""

    def __init__(self, stream: TextIO, working: str = WRITING):
        from tqdm import tqdm

        self._working = working
        self._bar: tqdm = tqdm(desc=LISTING, unit=" images", file=stream, leave=False, dynamic_ncols=True)

    def show(self, progress: Progress, now: float) -> None:
        if progress.planned is None and self._bar.total is not None:
            return  # the files have gone: the job has ended
        if progress.planned is not None and self._bar.total is None:
            self._bar.reset(total=progress.planned)  # the rate counts from here
        self._bar.set_description_str(stage_of(progress, self._working), refresh=False)  # tqdm adds the colon
        self._bar.update(progress.done - self._bar.n)
        self._bar.refresh()

    def close(self) -> None:
        self._bar.close()


class Lines:
    """A line per tenth of the inputs and per stage, at least a few seconds apart; none for a quick job."""

    def __init__(self, stream: TextIO, now: float, working: str = WRITING):
        self._stream = stream
        self._working = working
        self._shown_at = now
        self._shown = (LISTING, 0)
        self._writing_since: float | None = None

    def show(self, progress: Progress, now: float) -> None:
        if progress.planned is None and self._writing_since is not None:
            return  # the files have gone: the job has ended
        stage = stage_of(progress, self._working)
        tenth = 10 * progress.done // progress.planned if progress.planned else 0
        if self._writing_since is None and progress.planned is not None:
            self._writing_since = now
        waited = now - self._shown_at
        if waited >= _MAX_SECONDS or (waited >= _MIN_SECONDS and (stage, tenth) != self._shown):
            print(self._line(stage, progress, now), file=self._stream, flush=True)
            self._shown_at, self._shown = now, (stage, tenth)

    def _line(self, stage: str, progress: Progress, now: float) -> str:
        if stage != self._working or not progress.planned or self._writing_since is None:
            return stage
        line = f"{stage}: {progress.done / progress.planned:.0%}, {progress.done} of {progress.planned} images"
        rate = progress.done / max(now - self._writing_since, _REFRESH_SECONDS)
        if rate:
            line += f", {rate:.0f} images/s, {_duration((progress.planned - progress.done) / rate)} left"
        return line

    def close(self) -> None:
        """Lines stay."""


def _duration(seconds: float) -> str:
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes} min {rest:02d} s" if minutes else f"{rest} s"


def has_columns(stream: TextIO) -> bool:
    """Whether to show a bar: on a terminal, unless it reports no width, as in some containers."""
    return stream.isatty() and os.get_terminal_size(stream.fileno()).columns > 0


@contextlib.contextmanager
def shown_progress(staging: str, working: str = WRITING) -> Iterator[None]:
    """Shows the progress of the job inside the block if its staging folder is local; otherwise does nothing."""
    if "://" in staging:
        yield
        return
    folder = make_progress_folder(staging)
    display = Bar(sys.stderr, working) if has_columns(sys.stderr) else Lines(sys.stderr, time.monotonic(), working)
    stop = threading.Event()

    def watch() -> None:
        while not stop.wait(_REFRESH_SECONDS):
            display.show(read_progress(folder), time.monotonic())

    thread = threading.Thread(target=watch, name="progress", daemon=True)
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join()
        display.close()
        shutil.rmtree(folder, ignore_errors=True)  # gone already where the job has ended well
