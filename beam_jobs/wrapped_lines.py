"""Lines that are longer than a terminal is wide break between words, and continue below what they are about."""

from __future__ import annotations

import contextlib
import os
import re
import sys
import textwrap
from typing import TextIO

_GAP = re.compile(r"(?<=\S) {2,}(?=\S)")  # between two columns of a table
_LEADING = re.compile(r"^ *")
_WIDTH = 80  # of a terminal that does not say it
_MOST_INDENT = 0.5  # of the width: the rest of a line needs room


def print_lines(text: str, file: TextIO | None = None) -> None:
    """Prints lines; on a terminal they break between words, and elsewhere stay as they are."""
    file = sys.stdout if file is None else file
    if file is not None and file.isatty():  # a process may have none
        text = wrapped(text, _columns(file))
    print(text, file=file, flush=True)


def _columns(terminal: TextIO) -> int:
    with contextlib.suppress(OSError):
        return os.get_terminal_size(terminal.fileno()).columns or _WIDTH
    return _WIDTH


def wrapped(text: str, width: int) -> str:
    """Breaks lines that are longer than `width` columns between words; a word that is longer, such as a path, stays."""
    return "\n".join(line if len(line) <= width else _wrapped_line(line, width) for line in text.splitlines())


def _wrapped_line(line: str, width: int) -> str:
    columns = [gap.end() for gap in _GAP.finditer(line) if gap.end() <= _MOST_INDENT * width]
    leading = _LEADING.match(line)
    indent = columns[-1] if columns else (leading.end() if leading else 0) + 2
    return textwrap.fill(
        line,
        width,
        subsequent_indent=" " * indent,
        break_long_words=False,
        break_on_hyphens=False,
        replace_whitespace=False,
    )
