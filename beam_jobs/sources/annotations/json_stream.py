"""The lists of a large JSON object, one value at a time: no more than a value is held."""

from __future__ import annotations

import codecs
import json
import re
from collections.abc import Iterable, Iterator
from typing import Any, NoReturn

from schemas.documents import MAX_DEPTH
from schemas.errors import UserError

MAX_VALUE = 16 << 20  # 16 MiB, of one value of a list, or of a value that is no list

_SPACE = re.compile(r"[ \t\n\r]*")
_NUMBER_ENDS = re.compile(r"[^0-9.eE+-]")
_OPENED = re.compile(r"[\[{]")


def stream_lists(chunks: Iterable[bytes], source: str) -> Iterator[tuple[str, Any]]:
    """The key and one value, for each value of each list right in a JSON object; other values are left out.

    Infinite numbers and NaN become None: they are no JSON, but common.

    Raises:
      UserError: It is not such an object, or a value is too large or too deep; the message names `source`.
    """
    text = _Text(chunks, source)
    text.take("{")
    if text.take_if("}"):
        return
    while True:
        key = text.value()
        if not isinstance(key, str):
            text.fail("a key is not a text")
        text.take(":")
        if text.take_if("["):
            if not text.take_if("]"):
                while True:
                    yield key, text.value()
                    if not text.take_if(","):
                        break
                text.take("]")
        else:
            text.value()
        if not text.take_if(","):
            break
    text.take("}")


class _Text:
    """The text that has been read and not yet been taken."""

    def __init__(self, chunks: Iterable[bytes], source: str):
        self._chunks = iter(chunks)
        self._source = source
        self._decode = codecs.getincrementaldecoder("utf-8-sig")().decode
        self._decoder = json.JSONDecoder(parse_constant=lambda _: None)
        self._text, self._at, self._taken = "", 0, 0

    def fail(self, problem: str) -> NoReturn:
        raise UserError(f"{self._source}: not valid JSON near character {self._taken + self._at:,}: {problem}")

    def take(self, character: str) -> None:
        if not self.take_if(character):
            self.fail(f"expected {character!r}, got {self._text[self._at : self._at + 20]!r}")

    def take_if(self, character: str) -> bool:
        self._skip_space()
        if not self._text.startswith(character, self._at):
            return False
        self._at += 1
        return True

    def value(self) -> Any:
        """The next value; where it is not all there, more is read."""
        self._skip_space()
        while True:
            try:
                value, end = self._decoder.raw_decode(self._text, self._at)
            except RecursionError:
                self.fail(f"nested deeper than {MAX_DEPTH} levels")
            except ValueError as error:  # perhaps it goes on in the next piece
                if not self._read():
                    self.fail(getattr(error, "msg", str(error)))
                continue
            if not self._may_go_on(value, end):
                break
            end -= self._at
            if not self._read():
                break
        if _OPENED.match(self._text, self._at) and _depth(value) > MAX_DEPTH:
            self.fail(f"nested deeper than {MAX_DEPTH} levels")
        self._at = end
        return value

    def _may_go_on(self, value: Any, end: int) -> bool:
        """Whether the next piece may change a value: a number that ends where this piece does, or at `1.` or `1e`."""
        return isinstance(value, (int, float)) and not _NUMBER_ENDS.search(self._text, end)

    def _skip_space(self) -> None:
        while True:
            match = _SPACE.match(self._text, self._at)
            self._at = match.end() if match else self._at
            if self._at < len(self._text) or not self._read():
                return

    def _read(self) -> bool:
        """Reads on, and forgets what was taken; False at the end."""
        if len(self._text) - self._at > MAX_VALUE:
            self.fail(f"a value is larger than {MAX_VALUE:,} characters")
        data = next(self._chunks, None)
        try:
            more = self._decode(data or b"", data is None)
        except UnicodeDecodeError as error:
            self.fail(f"not UTF-8 ({error.reason})")
        self._taken += self._at
        self._text, self._at = self._text[self._at :] + more, 0
        return data is not None


def _depth(value: Any) -> int:
    """How deep lists and objects are nested, at most one more than allowed; without recursion."""
    level, depth = [value], 0
    while depth <= MAX_DEPTH:
        level = [
            child
            for one in level
            if isinstance(one, (list, dict))
            for child in (one if isinstance(one, list) else one.values())
            if isinstance(child, (list, dict))
        ]
        if not level:
            break
        depth += 1
    return depth
