"""Archives whose headers lie: each is one error that names archive and place, in moments and little memory."""

import contextlib
import io
import random
import tarfile

import pytest

from beam_jobs.elements import read_source
from beam_jobs.sources.archives import list_members
from beam_jobs.sources.left_out import LeftOutFiles
from schemas.errors import UserError
from schemas.path_pattern import PathPattern
from tests.beam_jobs.archives import add

BLOCK = 512


def header(name: str, size: bytes, kind: bytes = b"0") -> bytes:
    """A header with a valid sum, with any content of its size field."""
    block = bytearray(tarfile.TarInfo(name).tobuf(tarfile.USTAR_FORMAT))
    block[124:136] = size.ljust(12, b"\0")
    block[156:157] = kind
    block[148:156] = b" " * 8
    block[148:156] = b"%06o\0 " % sum(block)
    return bytes(block)


def base_256(number: int) -> bytes:
    return (number % 2**96 | (0 if number < 0 else 1 << 95)).to_bytes(12, "big")


def pax(*records: bytes) -> bytes:
    content = b"".join(records)
    padded = content + bytes(-len(content) % BLOCK)
    return header("pax", b"%o" % len(content), b"x") + padded


def record(key: str, value: str) -> bytes:
    text = f" {key}={value}\n".encode()
    length = len(text) + 1
    while len(str(length)) + len(text) != length:
        length += 1
    return str(length).encode() + text


GOOD = header("images/a.jpg", b"5") + b"hello".ljust(BLOCK, b"\0")
END = bytes(2 * BLOCK)


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        (GOOD + header("images/b.jpg", base_256(-BLOCK)) + END, "negative size in the header at byte 1,024"),
        (GOOD + header("images/b.jpg", b"-1000") + END, "negative size in the header at byte 1,024"),
        (GOOD + header("images/b.jpg", b"12x") + END, "is not a number"),
        (GOOD + header("images/b.jpg", base_256(2**80)) + END, "cut short"),
        (GOOD + header("images/b.jpg", base_256(2**94)) + END, "negative"),
        (GOOD + pax(record("size", "-512")) + GOOD + END, "is not a number of bytes"),
        (GOOD + pax(record("size", "9" * 30)) + GOOD + END, "is not a number of bytes"),
        (GOOD + header("pax", base_256(7 << 30), b"x") + END, "header of 7,516,192,768 bytes at byte 1,024"),
        (GOOD + header("long", base_256(7 << 30), b"L") + END, "header of 7,516,192,768 bytes"),
        (GOOD + pax(b"99 path=x\n") + GOOD + END, "damaged pax record at byte 1,536"),
        (GOOD + pax(b"0 path=x\n") + GOOD + END, "damaged pax record"),
        (GOOD, "cut short: it ends at byte 1,024"),
        (GOOD + b"x" * BLOCK + END, "damaged header at byte 1,024"),
        (b"", "cut short"),
    ],
)
def test_a_header_that_lies_is_an_error_with_its_place(tmp_path, content, problem):
    (tmp_path / "a.tar").write_bytes(content)
    with pytest.raises(UserError) as raised:
        list(list_members(str(tmp_path / "a.tar")))
    assert str(raised.value).startswith(f"{tmp_path}/a.tar: ")
    assert problem in str(raised.value)


def test_a_header_of_gigabytes_in_a_sparse_archive_is_never_read(tmp_path):
    with open(tmp_path / "a.tar", "wb") as file:
        file.write(header("pax", base_256(7 << 30), b"x"))
        file.truncate((7 << 30) + 4 * BLOCK)
    with pytest.raises(UserError, match="header of 7,516,192,768 bytes at byte 0"):
        list(list_members(str(tmp_path / "a.tar")))


def test_a_chain_of_ten_thousand_headers_is_read_one_by_one(tmp_path):
    (tmp_path / "a.tar").write_bytes(pax(record("path", "images/z.jpg")) * 10_000 + GOOD + END)
    assert [one.member for one in list_members(str(tmp_path / "a.tar"))] == ["images/z.jpg"]


def test_a_sparse_file_a_link_and_an_unsafe_name_are_left_out_by_name(tmp_path):
    with tarfile.open(tmp_path / "a.tar", "w", format=tarfile.PAX_FORMAT) as archive:
        add(archive, "images/good.jpg", b"bytes")
        add(archive, "images/sparse.jpg", b"x" * 600, pax_headers={"GNU.sparse.major": "1", "GNU.sparse.minor": "0"})
        add(archive, "images/link.jpg", type=tarfile.SYMTYPE, linkname="/etc/passwd")
        add(archive, "images/device.jpg", type=tarfile.CHRTYPE)
        add(archive, "images/notes.txt", b"notes")
        add(archive, "other/photo.jpg", b"outside of the folder of photos")
        add(archive, "../images/up.jpg", b"bytes")
        add(archive, "images/last.jpg", b"the last")
    left_out = LeftOutFiles([PathPattern("images/{id}.jpg")])
    members = list(list_members(str(tmp_path / "a.tar"), left_out))
    assert [one.member for one in members if one.member.endswith(".jpg")] == [
        "images/good.jpg",
        "other/photo.jpg",
        "images/last.jpg",
    ]
    assert read_source(members[-1]) == b"the last"
    assert {kind: one.examples for kind, one in left_out.kinds.items()} == {
        "links and special files in archives": ("images/device.jpg", "images/link.jpg", "images/sparse.jpg"),
        "unsafe names in archives": ("../images/up.jpg",),
    }


def test_an_old_gnu_sparse_file_is_passed_over_with_its_extensions(tmp_path):
    sparse = bytearray(header("images/s.jpg", b"10", b"S"))
    sparse[482] = 1
    sparse[148:156] = b" " * 8
    sparse[148:156] = b"%06o\0 " % sum(sparse)
    extension = bytearray(BLOCK)
    (tmp_path / "a.tar").write_bytes(bytes(sparse) + bytes(extension) + bytes(BLOCK) + GOOD + END)
    assert [one.member for one in list_members(str(tmp_path / "a.tar"))] == ["images/a.jpg"]


def test_members_are_those_that_tarfile_finds(tmp_path):
    """Python's own reader is right about sound archives."""
    for image_format in (tarfile.GNU_FORMAT, tarfile.PAX_FORMAT, tarfile.USTAR_FORMAT):
        with tarfile.open(tmp_path / "a.tar", "w", format=image_format) as archive:
            for number in range(20):
                add(archive, f"images/{'ä' * (number + 1)}/{'d' * 60}_{number}.jpg", b"x" * (number * 100))
        with tarfile.open(tmp_path / "a.tar") as archive:
            expected = [(one.name, one.size, one.offset_data) for one in archive]
        found = [(one.member, one.bytes, one.offset) for one in list_members(str(tmp_path / "a.tar"))]
        assert found == expected


def test_damaged_archives_give_members_or_one_error(tmp_path):
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w", format=tarfile.PAX_FORMAT) as archive:
        for number in range(4):
            add(archive, f"images/{'long' * 40}{number}.jpg", b"x" * 700)
    sound = buffer.getvalue()[: 24 * BLOCK] + END
    rng = random.Random(7)
    path = tmp_path / "a.tar"
    for _ in range(400):
        data = bytearray(sound)
        for _ in range(rng.randrange(1, 6)):
            data[rng.randrange(len(data))] = rng.randrange(256)
        path.write_bytes(bytes(data[: rng.randrange(1, len(data))] if rng.random() < 0.2 else data))
        with contextlib.suppress(UserError):
            assert all(member.bytes >= 0 for member in list_members(str(path)))
