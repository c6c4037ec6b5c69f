"""Photos, masks, EXIF, archives and lists with random damage: a result, or one reason that names what is wrong."""

import contextlib
import io
import random
import struct
import tarfile
import zlib
from collections import Counter
from collections.abc import Callable

import numpy as np
import pytest

from beam_jobs.codec.masks import decode_mask
from beam_jobs.codec.orientation import exif_orientation
from beam_jobs.codec.photos import decode_photo
from beam_jobs.elements import SourceFile
from beam_jobs.rejections import InputRejected
from beam_jobs.sources.archives import list_members
from beam_jobs.sources.split_lists import read_split_list
from schemas.errors import UserError
from schemas.photos import EXIF_START, PNG_START
from schemas.spec import load_spec
from tests.beam_jobs.archives import add
from tests.beam_jobs.pictures import encode, gradient, trimap
from tests.png_writer import GREY, png

pytestmark = pytest.mark.proof
ROUNDS = 20_000


def damaged(data: bytes, rng: random.Random) -> bytes:
    """Some bytes changed, removed or added, mostly near the beginning, where the headers are."""
    changed = bytearray(data)
    for _ in range(rng.randrange(1, 8)):
        place = rng.randrange(min(len(changed), rng.choice([64, 700, len(changed)]))) if changed else 0
        how = rng.random()
        if how < 0.5:
            changed[place : place + 1] = rng.randbytes(1)
        elif how < 0.7:
            changed[place : place + 1] = bytes([rng.choice([0, 1, 127, 128, 255])])
        elif how < 0.8:
            del changed[place : place + rng.randrange(1, 40)]
        elif how < 0.9:
            changed[place:place] = rng.randbytes(rng.randrange(1, 20))
        else:
            del changed[place + 1 :]
    return bytes(changed)


def with_right_checksums(data: bytes) -> bytes:
    """A PNG whose chunks have the checksums of their contents, so that damage reaches the decoder."""
    mended, position = bytearray(data[:8]), 8
    while position + 12 <= len(data):
        end = position + 8 + int.from_bytes(data[position : position + 4], "big")
        if end + 4 > len(data):
            break
        mended += data[position:end] + struct.pack(">I", zlib.crc32(data[position + 4 : end]))
        position = end + 4
    return bytes(mended) + data[position:]


def pictures() -> list[bytes]:
    photo, indexed = gradient(), gradient().quantize(16)
    palette_mask = trimap().copy()
    palette_mask.putpalette([1, 2, 3] * 4)
    noise = np.random.default_rng(0).integers(0, 65_536, (40, 60, 1)).astype(np.uint16)
    exif = EXIF_START + b"II*\0\x08\0\0\0\x01\0\x12\x01\x03\0\x01\0\0\0\x06\0\0\0"
    return [
        encode(photo, "JPEG", exif=exif),
        encode(photo, "JPEG", progressive=True),
        encode(photo.convert("CMYK"), "JPEG"),
        encode(photo.convert("L"), "JPEG"),
        encode(photo, "PNG"),
        encode(photo.convert("RGBA"), "PNG"),
        encode(indexed, "PNG", transparency=2),
        encode(photo, "GIF"),
        encode(indexed, "GIF", transparency=1),
        png(noise % 4, GREY, 2, True, ((b"tRNS", b"\0\1"),)),
        png(noise, GREY, 16, False, ((b"tRNS", b"\0\1"),)),
        encode(trimap(), "PNG"),
        encode(palette_mask, "PNG"),
    ]


def outcome(decode: Callable, *arguments) -> str:
    """The reason of the rejection, or `decoded`."""
    try:
        decode(*arguments)
    except InputRejected as error:
        return error.reason if error.detail else "a rejection without words"
    return "decoded"


def test_a_damaged_picture_is_decoded_or_rejected_with_a_reason():
    rng, spec, sound = random.Random(12), load_spec("pets"), pictures()
    outcomes: Counter[str] = Counter()
    for _ in range(ROUNDS):
        data = damaged(rng.choice(sound), rng)
        if data.startswith(PNG_START) and rng.random() < 0.7:
            data = with_right_checksums(data)
        outcomes[outcome(decode_photo, data, rng.choice([0, 16, 128]), rng.choice([0, 0.02, 1]))] += 1
        outcomes[outcome(decode_mask, data, spec, (60, 40))] += 1
    assert len(outcomes) > 8  # the damage reaches many places
    assert "a rejection without words" not in outcomes


def test_damaged_exif_is_an_orientation_between_one_and_eight():
    rng = random.Random(13)
    sound = EXIF_START + b"MM\0*\0\0\0\x08\0\x02\x01\x0f\0\x02\0\0\0\x02ab\0\0\x01\x12\0\x03\0\0\0\x01\0\x06\0\0"
    found = {exif_orientation(damaged(sound, rng)) for _ in range(ROUNDS)}
    assert found <= set(range(1, 9))
    assert {1, 6} <= found


@pytest.mark.parametrize("image_format", [tarfile.GNU_FORMAT, tarfile.PAX_FORMAT, tarfile.USTAR_FORMAT])
def test_a_damaged_archive_is_read_or_is_one_error(tmp_path, image_format):
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w", format=image_format) as archive:
        for number in range(3):
            add(archive, f"images/{'f' * 60}/{'n' * 60}{number}.jpg", rng_bytes(number * 300))
    sound, rng, path = buffer.getvalue()[: 30 * 512], random.Random(14), tmp_path / "a.tar"
    for _ in range(ROUNDS // 40):
        path.write_bytes(damaged(sound, rng))
        with contextlib.suppress(UserError):
            assert all(one.bytes >= 0 and one.offset >= 512 for one in list_members(str(path)))


def rng_bytes(size: int) -> bytes:
    return random.Random(size).randbytes(size)


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-32"])
def test_a_damaged_list_gives_ids_or_one_error_that_names_it(tmp_path, encoding):
    sound, rng, path = (
        "".join(f"pug_{one} 1\r\n" for one in range(40)).encode(encoding),
        random.Random(15),
        tmp_path / "l",
    )
    for _ in range(ROUNDS // 40):
        path.write_bytes(damaged(sound, rng))
        try:
            assert all(read_split_list(SourceFile(str(path), 0)))
        except UserError as error:
            assert str(error).startswith(str(path))  # noqa: PT017
