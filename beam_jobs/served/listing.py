"""Lists the files of a log's records, and what else lies among them."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator

from beam_jobs.storage.files import StoredFile, files_below
from schemas.errors import UserError
from schemas.served import RECORDS_FOLDER, parse_records_path

_PART_BYTES = 4 << 20  # 4 MiB of records, 12,000 or so, that one worker reads at a time
_FILES_PER_PART = 256


def records_of(option: str, log: str) -> tuple[list[StoredFile], tuple[int, str]]:
    """The files of a log's records in order; and how many others are among them, and the first of those.

    Raises:
      UserError: Names the option where the log can't be listed.
    """
    if "://" not in log and not os.path.isdir(log):
        raise UserError(f"{option} {log}: no such folder; give the folder of a log, which has {RECORDS_FOLDER}/ in it")
    found: list[StoredFile] = []
    others: list[str] = []
    try:
        for one in files_below(f"{log}/{RECORDS_FOLDER}"):
            path = one.path.removeprefix(f"{log}/")
            if parse_records_path(path):
                found.append(StoredFile(path, one.size))
            else:
                others.append(path)
    except (OSError, ValueError) as error:  # ValueError: no file system for the scheme
        raise UserError(f"{option} {log}: can't be listed ({error})") from None
    return sorted(found), (len(others), min(others, default=""))


def read_together(files: Iterable[StoredFile]) -> Iterator[list[str]]:
    """Paths of files that one worker reads together: each is small, since a log is written by the minute."""
    some: list[str] = []
    size = 0
    for one in files:
        if some and (size + one.size > _PART_BYTES or len(some) == _FILES_PER_PART):
            yield some
            some, size = [], 0
        some.append(one.path)
        size += one.size
    if some:
        yield some
