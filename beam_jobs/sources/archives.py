"""Plain tar archives, read in place: where each member's bytes begin, found from the headers alone."""

from __future__ import annotations

import posixpath
import tarfile
from collections.abc import Iterator

from beam_jobs.sources.source_files import SourceFile
from beam_jobs.storage.files import open_file
from schemas.errors import UserError

_BLOCK = 512  # bytes; a tar ends with blocks of zeros
_COMPRESSED = {b"\x1f\x8b": "gunzip", b"BZh": "bunzip2", b"\xfd7zXZ": "unxz", b"\x28\xb5\x2f\xfd": "unzstd"}


def check_archive(uri: str) -> None:
    """Looks at the first bytes of an archive.

    Raises:
      UserError: It is compressed, so that no member can be reached without all before it.
    """
    with open_file(uri) as file:
        start = file.read(6)
    for magic, command in _COMPRESSED.items():
        if start.startswith(magic):
            raise UserError(
                f"{uri}: really compressed, so its members can't be read one by one; unpack it once with `{command}`"
                " (a .tar without the last suffix is found too), or unpack the photos beside it"
            )


def list_members(uri: str) -> Iterator[SourceFile]:
    """The regular files in a tar archive, in its order; only headers are read, and no list is held.

    Long names of GNU tar and of pax, and the prefix of ustar, are understood (Python's `tarfile`). Left out are links,
    devices, sparse files, whose bytes do not lie in one piece, and names that lead out of the archive's folder.

    Raises:
      UserError: It is no tar archive, or it is cut short.
    """
    check_archive(uri)
    with open_file(uri) as file:
        try:
            with tarfile.open(fileobj=file, mode="r:") as archive:
                while (member := archive.next()) is not None:
                    archive.members = []  # it would keep every header
                    name = _safe_name(member.name)
                    if name and member.isreg() and not member.issparse():
                        yield SourceFile(uri, member.size, member.offset_data, name)
                end = archive.offset
        except tarfile.TarError as error:
            raise UserError(f"{uri}: no tar archive, or a damaged one ({error}); fetch it again") from None
        file.seek(end)
        if file.read(_BLOCK) != bytes(_BLOCK):  # tarfile takes a damaged header and a missing rest for the end
            raise UserError(f"{uri}: damaged or cut short at byte {end:,}; fetch it again")


def _safe_name(name: str) -> str | None:
    """The member's name without `./`, or None for one that is absolute or leads upwards."""
    parts = name.split("/")
    return None if name.startswith("/") or ".." in parts else posixpath.normpath(name)
