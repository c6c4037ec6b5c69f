"""Opens local files only if they are regular ones, so that no named pipe blocks and no device is read for ever.

Any path that a user or a data set names may lead to a pipe, a terminal or a device. Every reader of the project that
takes such a path opens it here.
"""

from __future__ import annotations

import errno
import os
import stat
from pathlib import Path
from typing import BinaryIO

_KINDS = (
    (stat.S_ISDIR, "folder"),
    (stat.S_ISCHR, "device"),
    (stat.S_ISBLK, "device"),
    (stat.S_ISFIFO, "named pipe"),
    (stat.S_ISSOCK, "socket"),
)


class NotARegularFile(OSError):
    """What lies at the path is a folder, a device, a named pipe or a socket; `strerror` says which."""


def open_regular(path: str | Path) -> BinaryIO:
    """Opens a regular file, or a link to one, for reading; returns at once, even where something else lies there.

    Raises:
      NotARegularFile: Something else lies there.
      OSError: It can't be opened, or the path is not valid.
    """
    try:
        found = os.stat(path)
    except ValueError as error:  # a zero byte
        raise OSError(errno.EINVAL, str(error), str(path)) from None
    _check_regular(path, found)  # first, because opening some devices has effects
    # a named pipe that took the file's place meanwhile must not block
    file = open(path, "rb", opener=lambda path, flags: os.open(path, flags | os.O_NONBLOCK))  # noqa: SIM115  # returned
    try:
        _check_regular(path, os.fstat(file.fileno()))
    except NotARegularFile:
        file.close()
        raise
    return file


def read_regular(path: str | Path, max_bytes: int) -> bytes:
    """Reads a regular file, at most one byte more than `max_bytes`; OSError as `open_regular`."""
    with open_regular(path) as file:
        return file.read(max_bytes + 1) or b""


def _check_regular(path: str | Path, found: os.stat_result) -> None:
    if not stat.S_ISREG(found.st_mode):
        kind = next((name for is_kind, name in _KINDS if is_kind(found.st_mode)), "special file")
        raise NotARegularFile(errno.EISDIR if kind == "folder" else errno.EINVAL, f"is a {kind}, not a file", str(path))
