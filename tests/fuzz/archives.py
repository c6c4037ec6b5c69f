"""Tar archives that harm: every format, with headers that lie and have the right checksum."""

from __future__ import annotations

import contextlib
import io
import tarfile

from tests.fuzz.mutations import Random, damaged

_BLOCK = 512
_NAMES = (
    "../escape.jpg",
    "/absolute.jpg",
    "images/../../up.jpg",
    "images/./a.jpg",
    "images//b.jpg",
    "images/\x00.jpg",
    "images/\x1b[2J.jpg",
    "images/" + "d/" * 90 + "deep.jpg",
    "images/\udcff.jpg",
    "images/*.jpg",
    "",
    ".",
)
_SIZES = (b"0", b"1", b"77777777777", b"-1", b"-0000000001", b"8888", b"abc", b"", b"\x80" + b"\xff" * 11, b"\xff" * 12)
_TYPES = b"0123456789LKSVgxADMN\0Z"


def hostile_archive(rng: Random, members: list[tuple[str, bytes]]) -> bytes:
    """A tar of the members and some others, in which something is wrong."""
    data = bytearray(_archive(rng, members))
    for _ in range(rng.choice((0, 1, 1, 2, 3))):
        _change_header(rng, data)
    choice = rng.random()
    if choice < 0.2:
        return damaged(rng, bytes(data))
    if choice < 0.3:
        return bytes(data[: rng.randrange(len(data) + 1)])
    return bytes(data)


def _archive(rng: Random, members: list[tuple[str, bytes]]) -> bytes:
    buffer = io.BytesIO()
    form = rng.choice((tarfile.GNU_FORMAT, tarfile.PAX_FORMAT, tarfile.USTAR_FORMAT))
    headers = {"comment": "x" * rng.choice((1, 3_000))} if form == tarfile.PAX_FORMAT else None
    with tarfile.open(fileobj=buffer, mode="w", format=form, pax_headers=headers) as archive:
        for name, content in members:
            _add(rng, archive, name, content)
            if rng.random() < 0.3:
                _add(rng, archive, rng.choice(_NAMES), b"x" * rng.choice((0, 10, 1_000)))
    return buffer.getvalue()


def _add(rng: Random, archive: tarfile.TarFile, name: str, content: bytes) -> None:
    member = tarfile.TarInfo(name)
    member.size = len(content)
    if rng.random() < 0.1:
        member.type = rng.choice((tarfile.SYMTYPE, tarfile.LNKTYPE, tarfile.FIFOTYPE, tarfile.CHRTYPE))
        member.linkname, member.size, content = "/etc/passwd", 0, b""
    if archive.format == tarfile.PAX_FORMAT and rng.random() < 0.2:
        keys = ("size", "path", "GNU.sparse.map", "GNU.sparse.size", "GNU.sparse.major", "GNU.sparse.realsize", "uid")
        value = rng.choice(("-1", "99999999999999999999", "abc", "0,1,2", "", "1"))
        member.pax_headers = {rng.choice(keys): value}
    with contextlib.suppress(ValueError, UnicodeError, tarfile.TarError):  # this format cannot hold the name
        archive.addfile(member, io.BytesIO(content))


def _change_header(rng: Random, data: bytearray) -> None:
    """Changes one field of what may be a header, and makes its checksum right again."""
    start = _BLOCK * rng.randrange(max(1, len(data) // _BLOCK))
    block = data[start : start + _BLOCK]
    if len(block) < _BLOCK:
        return
    change = rng.randrange(4)
    if change == 0:
        block[124:136] = rng.choice(_SIZES)[:12].ljust(12, b"\0")
    elif change == 1:
        block[156] = rng.choice(_TYPES)
    elif change == 2:
        block[0:100] = rng.choice(_NAMES).encode("utf-8", "surrogateescape")[:100].ljust(100, b"\0")
    else:
        place = rng.randrange(_BLOCK)
        block[place] = rng.randrange(256)
    block[148:156] = b" " * 8
    block[148:156] = b"%06o\0 " % (sum(block) & 0o777777)
    data[start : start + _BLOCK] = block
