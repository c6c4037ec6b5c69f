"""The official lists of a data set: which ids belong to which split."""

from __future__ import annotations

import codecs
from collections.abc import Iterator

from beam_jobs.elements import SourceFile
from beam_jobs.rejections import InputRejected
from beam_jobs.sources.input_files import read_input
from schemas.errors import UserError

_MARKS = (  # byte order marks; that of UTF-32 begins like that of UTF-16
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
_REMEDY = "save the list as UTF-8"


def read_split_list(source: SourceFile) -> Iterator[str]:
    """Ids of an official list: the first word of each line, without comments and blank lines.

    Raises:
      UserError: The list can't be read, or is not text.
    """
    try:
        data = read_input(source)
    except InputRejected as error:
        raise UserError(f"{error.detail}; a list of a split can't be left out") from None
    for line in _decode(data, str(source)).splitlines():
        words = line.replace("\ufeff", "").split()  # marks remain where lists were joined
        if words and not words[0].startswith("#"):
            yield words[0]


def _decode(data: bytes, name: str) -> str:
    """Decodes text as editors save it: UTF-8, or Unicode with a byte order mark. Other encodings would be a guess."""
    encoding = next((encoding for mark, encoding in _MARKS if data.startswith(mark)), "utf-8")
    try:
        text = data.decode(encoding)
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        found = data[error.start : error.start + 1]
        problem = f"not {encoding.removesuffix('-sig').upper()} ({error.reason})"
        raise UserError(f"{name}: line {line}, byte {error.start}: {found!r} is {problem}; {_REMEDY}") from None
    if (zero := text.find("\0")) >= 0:
        line = text.count("\n", 0, zero) + 1
        raise UserError(f"{name}: line {line}: holds zero bytes, as UTF-16 without a byte order mark; {_REMEDY}")
    return text
