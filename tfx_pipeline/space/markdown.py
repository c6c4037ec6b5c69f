"""Escapes text from configuration and data for Markdown."""

from __future__ import annotations

import re
import string
from collections.abc import Iterable, Sequence
from urllib.parse import urlsplit

_SPECIAL = re.compile(f"[{re.escape(string.punctuation)}]")
_PLAIN = ".,:;'\"%/?@=+-$^"  # punctuation that has no meaning inside a line

_BAR, _ESCAPED_BAR = re.compile(r"(?<!\\)[|]"), "\\|"  # also in code: GitHub Flavored Markdown 0.29, 4.10


def plain(text: str) -> str:
    """Escapes any text to appear literally within a line, without starting a heading, image, HTML or another cell.

    Source: CommonMark 0.31, 2.4 (backslash escapes) and 6.6 (raw HTML).
    """
    line = " ".join(text.split())
    return _SPECIAL.sub(lambda match: match[0] if match[0] in _PLAIN else f"\\{match[0]}", line)


def address_or_plain(text: str) -> str:
    """An https address as a link to itself; anything else as plain text."""
    is_address = re.fullmatch(r"https://[^\s<>|]+", text) is not None and urlsplit(text).username is None
    return f"<{text}>" if is_address else plain(text)


def code(text: str) -> str:
    """Any text as inline code; a backtick, which would end it, becomes an apostrophe."""
    return f"`{' '.join(text.split()).replace('`', chr(39))}`"


def table(header: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A table in GitHub's syntax."""
    lines = [_row(header), _row(["---"] * len(header)), *(_row(row) for row in rows)]
    return "\n".join(lines)


def _row(cells: Sequence[str]) -> str:
    return f"| {' | '.join(_BAR.sub(lambda _: _ESCAPED_BAR, ' '.join(cell.split())) for cell in cells)} |"
