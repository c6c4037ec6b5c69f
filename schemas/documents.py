"""YAML and JSON that users or data bring: bounded in bytes and depth, without aliases and without duplicate keys.

Every document that this process did not write itself is read here. A file of a few hundred bytes can otherwise expand
to gigabytes (aliases), end in a RecursionError (nesting, or a node that holds itself), or mean something
other than it seems to (of duplicate keys, the last one silently wins).
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterable
from pathlib import Path
from typing import Any, NoReturn

import yaml

from schemas.errors import UserError
from schemas.regular_files import read_regular

MAX_YAML_BYTES = 256 << 10  # 256 KiB, which take PyYAML seconds; configurations have some kilobytes
MAX_JSON_BYTES = 1 << 20  # 1 MiB
MAX_DEPTH = 32
_MAX_DIGITS = 40  # of an integer: Python takes quadratic time for longer ones, or refuses them
_MAX_NUMBER = 256  # characters of a number in YAML, which also knows dates, 0b1 and 1:59:59


class _Refused(ValueError):
    """A document that is YAML or JSON, but outside our limits."""


def read_document(path: Path, max_bytes: int) -> bytes:
    """Reads a file, but not more than the limit.

    Raises:
      OSError: It can't be read, or is no regular file.
      UserError: It has more than `max_bytes`.
    """
    data = read_regular(path, max_bytes)
    _check_size(data, str(path), max_bytes)
    return data


def read_yaml(path: Path) -> Any:
    """The plain values of a YAML file; OSError where it can't be read, otherwise as `parse_yaml`."""
    return parse_yaml(read_document(path, MAX_YAML_BYTES), str(path))


def parse_yaml(data: bytes | str, source: str) -> Any:
    """The plain values of a YAML document; `source` names it in messages.

    Raises:
      UserError: It is not YAML, is too large or too deep, or has aliases, duplicate keys or values that are not
        plain; names the line if it is known.
    """
    _check_size(data, source, MAX_YAML_BYTES)
    try:
        values = yaml.load(data, _Loader)  # a SafeLoader: plain values only
        _check_values(values, texts=True)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        line = f" in line {mark.line + 1}" if mark else ""
        raise UserError(f"{source}: not valid YAML{line}: {_sentence(error.problem, error.context)}") from None
    except (yaml.YAMLError, ValueError) as error:
        raise UserError(f"{source}: not valid YAML: {_sentence(error)}") from None
    return values


def parse_json(data: bytes | str, source: str, max_bytes: int = MAX_JSON_BYTES) -> Any:
    """The values of a JSON document; `source` names it in messages.

    Raises:
      UserError: It is not JSON, is too large or too deep, or has duplicate keys, NaN or infinite numbers.
    """
    _check_size(data, source, max_bytes)
    try:
        values = json.loads(
            data,
            object_pairs_hook=_object,
            parse_int=_integer,
            parse_float=_number,
            parse_constant=_constant,
        )
        _check_values(values)
    except RecursionError:
        raise UserError(f"{source}: not valid JSON: nested deeper than {MAX_DEPTH} levels") from None
    except ValueError as error:
        raise UserError(f"{source}: not valid JSON: {_sentence(error)}") from None
    return values


def read_json_object(path: Path) -> dict[str, Any]:
    """The JSON object in a file; UserError where it can't be read, otherwise as `parse_json`."""
    try:
        data = read_document(path, MAX_JSON_BYTES)
    except OSError as error:
        raise UserError(f"{path}: can't be read ({error.strerror})") from None
    return parse_json_object(data, str(path))


def parse_json_object(data: bytes | str, source: str, max_bytes: int = MAX_JSON_BYTES) -> dict[str, Any]:
    """As `parse_json`, of a document that must be one JSON object."""
    values = parse_json(data, source, max_bytes)
    if not isinstance(values, dict):
        raise UserError(f"{source}: must be a JSON object, got {type(values).__name__}")
    return values


class _Loader(yaml.SafeLoader):
    """PyYAML's safe loader, which by itself bounds neither depth nor expansion and lets the last duplicate key win."""

    _depth = 0

    def compose_node(self, parent, index):
        event = self.peek_event()
        if isinstance(event, yaml.AliasEvent):
            raise yaml.MarkedYAMLError(
                problem=f"*{event.anchor} refers to another value; write the value out", problem_mark=event.start_mark
            )
        if getattr(event, "tag", None):  # PyYAML trusts tags, and fails in many ways when they are wrong
            tag = event.tag.replace("tag:yaml.org,2002:", "!!")[:80]
            problem = f"tags such as {tag} are not supported; write a list, a mapping or a text"
            raise yaml.MarkedYAMLError(problem=problem, problem_mark=event.start_mark)
        if self._depth > MAX_DEPTH:
            raise yaml.MarkedYAMLError(problem=f"nested deeper than {MAX_DEPTH} levels", problem_mark=event.start_mark)
        self._depth += 1
        try:
            return super().compose_node(parent, index)
        finally:
            self._depth -= 1

    def construct_mapping(self, node, deep=False):
        seen: set[Any] = set()
        for key_node, _ in node.value if isinstance(node, yaml.MappingNode) else ():
            key = self.construct_object(key_node, deep=True)
            if not isinstance(key, (str, int, float, bool)):
                problem = "a key must be a text or a number"
            elif key in seen:
                problem = f"the key {str(key)[:80]!r} is there twice"
            else:
                seen.add(key)
                continue
            raise yaml.MarkedYAMLError(problem=problem, problem_mark=key_node.start_mark)
        return super().construct_mapping(node, deep)

    def construct_object(self, node, deep=False):
        plain = isinstance(node, yaml.ScalarNode) and node.tag != "tag:yaml.org,2002:str"
        if plain and len(node.value) > _MAX_NUMBER:
            raise yaml.MarkedYAMLError(problem="a number is too long", problem_mark=node.start_mark)
        try:
            return super().construct_object(node, deep)
        except ValueError as error:  # such as the date 2026-02-30
            raise yaml.MarkedYAMLError(problem=str(error), problem_mark=node.start_mark) from None


def _check_size(data: bytes | str, source: str, max_bytes: int) -> None:
    if len(data) > max_bytes:
        raise UserError(f"{source}: larger than {max_bytes:,} bytes, so not such a file; give another one")


def _check_values(values: Any, texts: bool = False) -> None:
    """Bounds the depth, without recursion; with `texts`, refuses those that no file name or terminal takes."""
    level = [values]
    for _ in range(MAX_DEPTH + 1):
        children: list[Any] = []
        for one in level:
            if isinstance(one, dict):
                children += one.keys()
                children += one.values()
            elif isinstance(one, list):
                children += one
            elif texts and isinstance(one, str):
                _check_text(one)
        if not children:
            return
        level = children
    raise _Refused(f"nested deeper than {MAX_DEPTH} levels")


def _check_text(text: str) -> None:
    if "\0" in text or any("\ud800" <= character <= "\udfff" for character in text):
        raise _Refused(f"a text has a character that is not allowed: {text[:80]!r}")


def _object(pairs: Iterable[tuple[str, Any]]) -> dict[str, Any]:
    values: dict[str, Any] = {}
    for key, value in pairs:
        if key in values:
            raise _Refused(f"the key {key[:80]!r} is there twice")
        values[key] = value
    return values


def _integer(text: str) -> int:
    if len(text) > _MAX_DIGITS:
        raise _Refused(f"a number has {len(text)} digits")
    return int(text)


def _number(text: str) -> float:
    value = float(text)
    if not math.isfinite(value):
        raise _Refused(f"a number is too large: {text[:80]}")
    return value


def _constant(name: str) -> NoReturn:
    raise _Refused(f"{name} is not a number in JSON")


def _sentence(*parts: object) -> str:
    """Joins messages of libraries on one line, clipped to 300 characters."""
    return " ".join(" ".join(str(part) for part in parts if part).split())[:300]
