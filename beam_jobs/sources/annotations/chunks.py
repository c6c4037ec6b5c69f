"""A large file, a piece at a time, so that it is never held whole."""

from __future__ import annotations

from collections.abc import Iterator

from beam_jobs.elements import SourceFile
from beam_jobs.storage.files import read_part
from schemas.errors import UserError

CHUNK = 8 << 20  # 8 MiB
MAX_FILE = 16 << 30  # 16 GiB


def read_chunks(source: SourceFile) -> Iterator[bytes]:
    """The bytes of a file, or of a member of an archive, in their order.

    Raises:
      UserError: It is too large, can't be read, or ends early.
    """
    if source.bytes > MAX_FILE:
        raise UserError(f"{source}: {source.bytes:,} bytes; at most {MAX_FILE:,} are read; split it")
    first, position = source.offset or 0, 0
    while position < source.bytes:
        try:
            data = read_part(source.uri, first + position, min(CHUNK, source.bytes - position))
        except OSError as error:
            raise UserError(f"{source}: can't be read ({error.strerror or error}); and is needed") from None
        if not data:
            raise UserError(f"{source}: ends after {position:,} of {source.bytes:,} bytes; give the whole file")
        position += len(data)
        yield data
