"""The headers of a tar archive, read one by one: what each member is, and where its bytes lie.

Python's `tarfile` trusts what headers say: a negative size makes it loop, a header of gigabytes fills the memory, and a
chain of headers exhausts the stack. Here every step moves forward, every header is bounded, and errors name the
byte.

Formats: ustar and pax (POSIX.1-2017, pax, "ustar Interchange Format" and "pax Extended Header"), GNU tar (its manual,
"Basic Tar Format": long names, sizes in base 256, sparse files).
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import BinaryIO, NamedTuple

BLOCK = 512  # bytes
MAX_EXTENDED = 1 << 20  # 1 MiB, of a header that holds a long name or pax records; paths have 4 kB at most

_REGULAR = frozenset({b"0", b"\0", b"7"})  # 7: contiguous, which is stored in the same way
_DIRECTORY = b"5"
_WITHOUT_DATA = frozenset({b"1", b"2", b"3", b"4", _DIRECTORY, b"6"})  # links, devices, directories, FIFOs
_LONG_NAME, _LONG_LINK, _SPARSE = b"L", b"K", b"S"
_PAX, _PAX_GLOBAL, _PAX_SOLARIS = b"x", b"g", b"X"
_GNU_SPARSE, _GNU_SPARSE_NAME = "GNU.sparse.", "GNU.sparse.name"
_ENDS_IN_EXTENSION = 504  # of a sparse extension's block: whether another follows
_SPARSE_EXTENDED = 482  # of a sparse header: whether one follows


class DamagedTar(ValueError):
    """The archive has an impossible header; the message says what, and at which byte."""


class Member(NamedTuple):
    """One member.

    Attributes:
      name: As the archive names it.
      size: Bytes.
      offset: Where they begin in the archive.
      kind: `file`, `directory`, or others, such as links, without contiguous bytes.
    """

    name: str
    size: int
    offset: int
    kind: str


FILE, DIRECTORY, OTHER = "file", "directory", "other"


def read_members(file: BinaryIO) -> Iterator[Member]:
    """All members in order; only headers are read, and none is kept.

    Args:
      file: The archive, seekable.

    Raises:
      DamagedTar: It is not a tar archive, is cut short, or has an impossible header.
      OSError: It can't be read.
    """
    end = file.seek(0, 2)
    position = 0
    pax: dict[str, str] = {}  # of the next member
    pax_global: dict[str, str] = {}
    long_name: str | None = None
    while True:
        header = _read(file, position, BLOCK, end)
        if header == bytes(BLOCK):
            return
        _check_sum(header, position)
        kind, size = header[156:157], _size(header[124:136], position)
        data = position + BLOCK
        if kind in (_LONG_NAME, _LONG_LINK, _PAX, _PAX_SOLARIS, _PAX_GLOBAL):
            content = _read_extended(file, size, data, end)
            if kind == _LONG_NAME:
                long_name = _text(content.split(b"\0", 1)[0])
            elif kind in (_PAX, _PAX_SOLARIS):
                pax = _records(content, data)
            elif kind == _PAX_GLOBAL:
                pax_global |= _records(content, data)
            position = data + _padded(size)
            continue
        records = {**pax_global, **pax}
        name = records.get(_GNU_SPARSE_NAME) or records.get("path") or long_name or _name(header)
        if "size" in records and kind not in _WITHOUT_DATA:
            size = _pax_size(records["size"], position)
        if kind == _SPARSE:
            data = _after_sparse_extensions(file, header, data, end)
        yield Member(name, size, data, _kind_of(kind, name, records))
        position = data + (0 if kind in _WITHOUT_DATA else _padded(size))
        pax, long_name = {}, None


def _kind_of(kind: bytes, name: str, records: dict[str, str]) -> str:
    if kind == _DIRECTORY or (kind == b"\0" and name.endswith("/")):  # as the tar of 1979 writes directories
        return DIRECTORY
    return FILE if kind in _REGULAR and _GNU_SPARSE not in records else OTHER


def _read(file: BinaryIO, position: int, length: int, end: int) -> bytes:
    if position + length <= end:
        file.seek(position)
        data = file.read(length)
        if len(data) == length:
            return data
    raise DamagedTar(f"cut short: it ends at byte {end:,}, before its last member or its end mark")


def _read_extended(file: BinaryIO, size: int, position: int, end: int) -> bytes:
    if size > MAX_EXTENDED:
        raise DamagedTar(f"header of {size:,} bytes at byte {position - BLOCK:,}; at most {MAX_EXTENDED:,} are read")
    return _read(file, position, size, end)


def _after_sparse_extensions(file: BinaryIO, header: bytes, position: int, end: int) -> int:
    """Where the data of an old GNU sparse file begins."""
    is_extended = header[_SPARSE_EXTENDED]
    while is_extended:
        is_extended = _read(file, position, BLOCK, end)[_ENDS_IN_EXTENSION]
        position += BLOCK
    return position


def _check_sum(header: bytes, position: int) -> None:
    """Compares the sum of a header's bytes, its own field as blanks, with what it states; old tars add signed ones."""
    try:
        stated = int(header[148:156].strip(b" \0"), 8)
    except ValueError:
        stated = -1
    blank = header[:148] + b" " * 8 + header[156:]
    unsigned = sum(blank)
    if stated != unsigned and stated != unsigned - 256 * sum(byte > 127 for byte in blank):
        what = "damaged header" if position else "not a tar archive: there is no header"
        raise DamagedTar(f"{what} at byte {position:,}")


def _size(field: bytes, position: int) -> int:
    """A size in octal digits or, as GNU tar writes large ones, in base 256."""
    if field[0] & 0x80:
        size = int.from_bytes(bytes([field[0] & 0x7F]) + field[1:], "big")
        if field[0] & 0x40:
            raise DamagedTar(f"negative size in the header at byte {position:,}")
        return size
    try:
        digits = field.split(b"\0", 1)[0].strip()
        size = int(digits, 8) if digits else 0
    except ValueError:
        raise DamagedTar(f"size {field!r} in the header at byte {position:,} is not a number") from None
    if size < 0:
        raise DamagedTar(f"negative size in the header at byte {position:,}")
    return size


def _pax_size(text: str, position: int) -> int:
    if not (text.isascii() and text.isdigit() and len(text) < 20):
        raise DamagedTar(f"size {text[:20]!r} of the member at byte {position:,} is not a number of bytes")
    return int(text)


def _records(content: bytes, position: int) -> dict[str, str]:
    """Name and size in the records of a pax header, each `LENGTH KEY=VALUE` and a newline; _GNU_SPARSE if it is."""
    records: dict[str, str] = {}
    start = 0
    while start < len(content) and content[start]:  # zeros may fill the rest
        digits, blank, _ = content[start : start + 21].partition(b" ")
        length = int(digits) if digits.isdigit() else 0
        record = content[start : start + length]
        key, sign, value = record[len(digits) + 1 : -1].partition(b"=")
        if not (blank and sign and record.endswith(b"\n") and len(record) == length):
            raise DamagedTar(f"damaged pax record at byte {position + start:,}")
        name = _text(key)
        if name in ("path", "size", _GNU_SPARSE_NAME):
            records[name] = _text(value)
        if name.startswith(_GNU_SPARSE):
            records[_GNU_SPARSE] = ""
        start += length
    return records


def _name(header: bytes) -> str:
    """The name in a header, with the prefix of ustar."""
    name = _text(header[:100].split(b"\0", 1)[0])
    prefix = _text(header[345:500].split(b"\0", 1)[0]) if header[257:263] == b"ustar\0" else ""
    return f"{prefix}/{name}" if prefix else name


def _text(data: bytes) -> str:
    return data.decode("utf-8", "surrogateescape")


def _padded(size: int) -> int:
    return -(-size // BLOCK) * BLOCK
