"""Faults that the Hub on loopback injects, by rule."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, field
from threading import Event
from typing import Any


@dataclass
class Fault:
    """Goes wrong for the requests that match, from the `first` to the `last` of them (counted from 1).

    Attributes:
      pattern: Regular expression over `METHOD /path`, searched.
      status: What is answered instead of doing the work; 0 drops the connection.
      after: Do the work first, and only then answer so, or drop the connection.
      meanwhile: What another user does just before the request arrives; the request itself is then answered as usual.
      hold: The connection is kept without an answer until this is set, and then dropped.
      headers, body: Of the answer.
      hits: How many requests it has hit.
    """

    pattern: str
    status: int = 0
    after: bool = False
    first: int = 1
    last: int = 1
    headers: dict[str, str] = field(default_factory=dict)
    body: bytes = b'{"error": "injected"}'
    meanwhile: Callable[[Any], None] | None = None  # given the Hub
    hold: Event | None = None
    hits: int = 0
    _seen: int = 0

    def strikes(self, request: str) -> bool:
        """Whether this request is one that goes wrong; counts it."""
        if not re.search(self.pattern, request):
            return False
        self._seen += 1
        if not self.first <= self._seen <= self.last:
            return False
        self.hits += 1
        return True
