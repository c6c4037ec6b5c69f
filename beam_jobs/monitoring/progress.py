"""Progress of a local job, kept in small files, because Beam's own runner reports nothing until it ends.

The launcher makes the folder `progress` below the staging folder. If it exists, each worker process appends one byte
per input to a file of its own, and the graph records the number of planned inputs of each split, and the start of the
publication. If not, as on Dataflow, nothing is written. It is deleted with the staging folder.
"""

from __future__ import annotations

import contextlib
import os
import uuid
from io import FileIO
from pathlib import Path
from typing import NamedTuple

PROGRESS_FOLDER = "progress"
_DONE, _PLANNED, _PUBLISHING = ".done", ".planned", "publishing"


class Progress(NamedTuple):
    """How far a job is.

    Attributes:
      done: Inputs that were read, and written or rejected.
      planned: Number of inputs to read; None while they are being listed.
      publishing: Whether the job is moving files to the version.
    """

    done: int
    planned: int | None
    publishing: bool


def make_progress_folder(staging: str) -> Path:
    """Creates the progress folder in a job's local staging folder."""
    folder = Path(staging) / PROGRESS_FOLDER
    folder.mkdir(parents=True)
    return folder


def read_progress(folder: Path) -> Progress:
    """Sums up a progress folder; if it is gone, the job has ended."""
    done, planned, publishing = 0, [], False
    with contextlib.suppress(OSError):
        for entry in os.scandir(folder):
            if entry.name.endswith(_DONE):
                done += entry.stat().st_size
            elif entry.name.endswith(_PLANNED):
                planned.append(int(entry.name.split(".")[1]))
            elif entry.name == _PUBLISHING:
                publishing = True
    # A bundle that was tried again is counted again.
    return Progress(min(done, sum(planned)), sum(planned) if planned else None, publishing)


def report_planned(staging: str, split: str, inputs: int) -> None:
    """Records the number of inputs of a split in a file name, so that a reader never sees half of it."""
    _mark(staging, f"{split}.{inputs}{_PLANNED}")


def report_publishing(staging: str) -> None:
    """Records that publishing has begun."""
    _mark(staging, _PUBLISHING)


def _mark(staging: str, name: str) -> None:
    if not staging:
        return
    with contextlib.suppress(OSError):  # no folder, or a full disk, is no reason to fail
        (Path(staging) / PROGRESS_FOLDER / name).touch()


class DoneInputs:
    """Counts the finished inputs of one worker process."""

    def __init__(self, staging: str):
        self._file: FileIO | None = None
        if not staging:
            return
        with contextlib.suppress(OSError):  # the folder is not there
            self._file = FileIO(f"{staging}/{PROGRESS_FOLDER}/{uuid.uuid4().hex}{_DONE}", "a")

    def add(self) -> None:
        """Counts one more finished input; takes about two microseconds."""
        if self._file is not None:
            with contextlib.suppress(OSError):  # a full disk fails the shard, not this
                self._file.write(b".")

    def close(self) -> None:
        """Closes the file."""
        if self._file is not None:
            self._file.close()
