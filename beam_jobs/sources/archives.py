"""Plain tar archives, read in place: where each member's bytes begin, found from the headers alone."""

from __future__ import annotations

import posixpath
from collections.abc import Iterator

from beam_jobs.elements import SourceFile, spell_out
from beam_jobs.sources.left_out import LeftOutFiles
from beam_jobs.sources.tar_headers import DIRECTORY, FILE, DamagedTar, read_members
from beam_jobs.storage.files import open_file
from schemas.errors import UserError

_COMPRESSED = {b"\x1f\x8b": "gunzip", b"BZh": "bunzip2", b"\xfd7zXZ": "unxz", b"\x28\xb5\x2f\xfd": "unzstd"}


def check_archive(uri: str) -> None:
    """Looks at the first bytes of an archive.

    Raises:
      UserError: It is compressed, so that members can't be read one by one.
    """
    with open_file(uri) as file:
        start = file.read(6)
    for magic, command in _COMPRESSED.items():
        if start.startswith(magic):
            raise UserError(
                f"{uri}: actually compressed, so its members can't be read one by one; unpack it once with `{command}`"
                " (a .tar without the last suffix is found too), or unpack the photos beside it"
            )


def list_members(uri: str, left_out: LeftOutFiles | None = None) -> Iterator[SourceFile]:
    """The regular files in a tar archive, in its order; only headers are read, and no list is held.

    Left out are links, devices, sparse files, whose bytes do not lie in one piece, and names that lead out of the
    archive's folder; `left_out` counts them.

    Raises:
      UserError: It is not a tar archive, or is damaged or cut short.
    """
    check_archive(uri)
    with open_file(uri) as file:
        try:
            for member in read_members(file):
                name = _safe_name(member.name)
                if name and member.kind == FILE:
                    yield SourceFile(uri, member.size, member.offset, name)
                elif left_out is not None and member.kind != DIRECTORY:
                    left_out.add_member(name, spell_out(member.name))
        except DamagedTar as error:
            raise UserError(f"{uri}: {error}; fetch it again") from None


def _safe_name(name: str) -> str | None:
    """The member's name without `./`, or None for one that is absolute or leads upwards."""
    parts = name.split("/")
    return None if name.startswith("/") or ".." in parts else posixpath.normpath(name)
