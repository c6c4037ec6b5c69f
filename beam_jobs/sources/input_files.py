"""Photos and masks of the input, read within bounds: what is wrong with a single file is that input's rejection.

A data set's folder may hold anything: links that lead nowhere or in circles, devices that never end, files that vanish
while the job runs. None of them may end the job, block it, or fill the memory.
"""

from __future__ import annotations

import errno
import os
import re
from collections.abc import Iterator
from contextlib import contextmanager

from beam_jobs.codec.annotations.parts import join_parts
from beam_jobs.elements import PlannedRecord, SourceFile, read_source, sources_of
from beam_jobs.rejections import FILE_SIZE, UNREADABLE_FILE, UNSAFE_PATH, InputRejected
from beam_jobs.storage.files import FileTooLarge, read_file
from schemas.errors import UserError
from schemas.photos import MAX_FILE_BYTES
from schemas.regular_files import NotARegularFile, open_regular

# Errors that concern this one path. Any other, such as too many open files, is not the input's fault.
_OF_THE_FILE = frozenset(
    {
        errno.ENOENT,
        errno.ENOTDIR,
        errno.EISDIR,
        errno.EACCES,
        errno.EPERM,
        errno.ELOOP,
        errno.ENAMETOOLONG,
        errno.ENXIO,
        errno.ENODEV,
        errno.EIO,
    }
)
_KINDS_OF_THE_FILE = (FileNotFoundError, PermissionError, NotARegularFile)
_SPELLED_OUT = re.compile(r"\\udc[89a-f][0-9a-f]")  # see `beam_jobs.prepare.listing`


class InputFailed(Exception):
    """An unexpected exception at one input; the message names its id, its files, and the exception."""


@contextmanager
def naming_input(image_id: str, *sources: SourceFile | None) -> Iterator[None]:
    """Names the input in any exception raised within, apart from those that already say what is wrong."""
    try:
        yield
    except (InputRejected, UserError):
        raise
    except Exception as error:
        files = " and ".join(str(source) for source in sources if source)
        raise InputFailed(f"{image_id} ({files}): {type(error).__name__}: {error}") from error


def check_listed(source: SourceFile) -> None:
    """Rejects, by its listing alone, a file that will not be read.

    Raises:
      InputRejected: It is too large, or its path is not UTF-8.
    """
    if _SPELLED_OUT.search(source.uri):
        raise InputRejected(UNSAFE_PATH, f"{source.uri}: the path is not UTF-8; rename it")
    if source.bytes > MAX_FILE_BYTES:
        raise _too_large(source, f"{source.bytes:,}")
    for _, part in sources_of(source):
        check_listed(part)


def read_input(source: SourceFile) -> bytes:
    """The bytes of a photo or a mask of the input, at most `MAX_FILE_BYTES`; of a mask of several parts, `join_parts`.

    Raises:
      InputRejected: The file can't be read, is not a regular file, or is too large.
      OSError: Reading failed for a reason that is not the file's own, so that it may succeed the next time.
    """
    check_listed(source)
    if source.parts:
        return join_parts((name, read_input(part)) for name, part in sources_of(source))
    if source.content:
        return source.content.encode()
    try:
        data = _read_whole(source) if source.offset is None else read_source(source)
    except OSError as error:
        if error.errno not in _OF_THE_FILE and not isinstance(error, _KINDS_OF_THE_FILE):
            raise
        raise InputRejected(UNREADABLE_FILE, f"{source}: {error.strerror or error}") from None
    if len(data) > MAX_FILE_BYTES:
        raise _too_large(source, f"more than {MAX_FILE_BYTES:,}")
    return data


def read_contents(plan: PlannedRecord) -> list[bytes]:
    """The bytes of all sources of a planned record, in their order.

    Raises:
      InputRejected: One of its photo and mask can't be read, or is too large.
      OSError: As `read_input`; or the published record can't be read.
    """
    return [read_source(plan.record)] if plan.record else [read_input(source) for source in plan.sources]


def _read_local(source: SourceFile) -> bytes:
    """Reads at most one byte more than allowed; a file that states 0 bytes, as in `/proc`, has none.

    Python sets aside as many bytes as it is asked for, so it is first asked for as many as the file states.
    """
    with open_regular(source.uri) as file:
        size = os.fstat(file.fileno()).st_size
        if size > MAX_FILE_BYTES:
            raise _too_large(source, f"{size:,}")
        data = file.read(size + 1) if size else b""
        return data if len(data) <= size else data + file.read(MAX_FILE_BYTES + 1 - len(data))  # it has grown


def _read_whole(source: SourceFile) -> bytes:
    if "://" not in source.uri:
        return _read_local(source)
    try:
        return read_file(source.uri, MAX_FILE_BYTES)
    except FileTooLarge:  # it was replaced by a larger one after it was listed
        raise _too_large(source, f"more than {MAX_FILE_BYTES:,}") from None


def _too_large(source: SourceFile, size: str) -> InputRejected:
    return InputRejected(FILE_SIZE, f"{source}: {size} bytes; at most {MAX_FILE_BYTES:,} are read")
