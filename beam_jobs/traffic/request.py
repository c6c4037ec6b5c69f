"""Checks a request to compare two models of a log before a job is built."""

from __future__ import annotations

import re
from typing import NamedTuple

from beam_jobs.console import heavy_imports
from beam_jobs.served.listing import records_of
from beam_jobs.served.window import Window, window_of
from beam_jobs.storage.files import StoredFile
from beam_jobs.storage.versions import absolute_folder, check_output
from schemas.errors import UserError

_DIGEST = re.compile("[0-9a-f]{12}")


class Request(NamedTuple):
    """What is compared.

    Attributes:
      log: Folder of the log.
      window: Of which records are read.
      files: Of the window, below the log.
      classes: Names, sorted.
      candidate: The model that is compared with the other one; empty for the one with fewer records.
      output: Folder that everything goes to.
      progress_dir: Local folder for the progress files, if it exists.
    """

    log: str
    window: Window
    files: tuple[StoredFile, ...]
    classes: tuple[str, ...]
    candidate: str
    output: str
    progress_dir: str = ""


def make_request(
    log: str, output: str, start: str | None = None, end: str | None = None, candidate: str | None = None
) -> Request:
    """Lists the log and reads a record of it.

    Args:
      log: Folder of what is served, local or `gs://`.
      output: Folder for `traffic.html` and `traffic.json`.
      start, end: The window, such as `2026-11-29T00` in UTC; None for the start and the end of the log.
      candidate: 12 hexadecimal digits, by which records name a model; None for the one with fewer records.

    Raises:
      UserError: Names what can't be used, by the option of the command line.
    """
    log, output = absolute_folder(log), absolute_folder(output)
    check_output(output, {"--log": log})
    if candidate and not _DIGEST.fullmatch(candidate):
        raise UserError(f"--candidate={candidate}: must be 12 hexadecimal digits, as records name a model")
    found, _ = records_of("--log", log)
    window = window_of(start, end, found, None)
    files = window.files(found)
    if not files:
        raise UserError(f"--log {log}: holds no records{f' from {window}' if found else ''}; is the log written?")
    with heavy_imports():
        from beam_jobs.monitor.request import newest_record

    classes, *_ = newest_record("--log", log, files, "give the folder of a log")
    return Request(log, window, files, classes, candidate or "", output)
