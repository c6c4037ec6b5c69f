"""The content of a mask that is made of several sources, as one run of bytes: a line of JSON, and the bytes of each."""

from __future__ import annotations

import json
from collections.abc import Iterable


def join_parts(parts: Iterable[tuple[str, bytes]]) -> bytes:
    """The name and the content of each part, in one."""
    parts = list(parts)
    header = json.dumps([[name, len(data)] for name, data in parts]).encode()
    return b"\n".join([header, b"".join(data for _, data in parts)])


def split_parts(joined: bytes) -> list[tuple[str, bytes]]:
    """Takes apart what `join_parts` made."""
    header, _, rest = joined.partition(b"\n")
    parts, position = [], 0
    for name, length in json.loads(header):
        parts.append((name, rest[position : position + length]))
        position += length
    return parts
