"""Damage that knows nothing of formats: bits, pieces and numbers of any bytes; and values that no field expects."""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from typing import Any

Random = random.Random

_NUMBERS = (0, 1, 2, 127, 128, 255, 256, 32_767, 32_768, 65_535, 65_536, 2**31 - 1, 2**31, 2**32 - 1)


def _flip_bits(rng: Random, data: bytearray) -> None:
    for _ in range(rng.choice((1, 1, 3, 20))):
        data[rng.randrange(len(data))] ^= 1 << rng.randrange(8)


def _overwrite(rng: Random, data: bytearray) -> None:
    start = rng.randrange(len(data))
    data[start : start + rng.randint(1, 16)] = rng.randbytes(rng.randint(1, 16))


def _write_number(rng: Random, data: bytearray) -> None:
    size = rng.choice((1, 2, 4))
    start = rng.randrange(len(data))
    number = rng.choice(_NUMBERS) % (1 << 8 * size)
    data[start : start + size] = number.to_bytes(size, rng.choice(("big", "little")))


def _truncate(rng: Random, data: bytearray) -> None:
    del data[rng.randrange(len(data)) :]


def _delete(rng: Random, data: bytearray) -> None:
    start = rng.randrange(len(data))
    del data[start : start + rng.choice((1, 2, 8, 100))]


def _insert(rng: Random, data: bytearray) -> None:
    start = rng.randrange(len(data) + 1)
    data[start:start] = rng.choice((rng.randbytes(rng.randint(1, 64)), bytes(rng.randint(1, 64)), b"\xff" * 8))


def _repeat(rng: Random, data: bytearray) -> None:
    start = rng.randrange(len(data))
    end = start + rng.randint(1, 200)
    data[end:end] = data[start:end] * rng.choice((1, 1, 5))


_DAMAGES: Sequence[Callable[[Random, bytearray], None]] = (
    _flip_bits,
    _overwrite,
    _write_number,
    _truncate,
    _delete,
    _insert,
    _repeat,
)


def damaged(rng: Random, data: bytes) -> bytes:
    """The bytes after one to four damages, sometimes empty, never the same object."""
    changed = bytearray(data)
    for _ in range(rng.choice((1, 1, 2, 4))):
        if changed:
            rng.choice(_DAMAGES)(rng, changed)
    return bytes(changed)


def hostile_text(rng: Random) -> str:
    """A text that a name, a value or a path does not expect."""
    return rng.choice(
        (
            "",
            " ",
            "\0",
            "a\nb",
            "\x1b[2J",
            "../../../etc/passwd",
            "/etc/passwd",
            "gs://bucket/../x",
            "*",
            "?[a]",
            "%s%n{id}",
            "<script>alert(1)</script>",
            "x" * rng.choice((300, 70_000)),
            "\u202egpj.exe",
            "\ufeff1.0.0",
            "e\u0301",
            "\ud800",
            "٣",
            "null",
            "-1",
            "1e400",
            "nan",
        )
    )


def hostile_value(rng: Random, depth: int = 0) -> Any:
    """A plain value, as JSON and YAML have them, of a kind that a field does not expect."""
    kinds: list[Callable[[], Any]] = [
        lambda: None,
        lambda: rng.choice((True, False)),
        lambda: rng.choice((-1, 0, 1, 2**31, 2**53 + 1, 2**64, -(2**64), 10**30)),
        lambda: rng.choice((0.5, -0.0, 1e308, float("inf"), float("nan"))),
        lambda: hostile_text(rng),
        lambda: [],
        lambda: {},
    ]
    if depth < 3:
        kinds.append(lambda: [hostile_value(rng, depth + 1) for _ in range(rng.randint(1, 3))])
        kinds.append(lambda: {hostile_text(rng): hostile_value(rng, depth + 1) for _ in range(rng.randint(1, 3))})
    return rng.choice(kinds)()


def with_hostile_values(rng: Random, values: Any) -> Any:
    """A copy of plain values in which some are replaced, dropped, repeated or added, at any depth."""
    if rng.random() < 0.06:
        return hostile_value(rng)
    if isinstance(values, dict):
        changed = {key: with_hostile_values(rng, value) for key, value in values.items() if rng.random() > 0.02}
        if rng.random() < 0.05:
            changed[hostile_text(rng)] = hostile_value(rng)
        return changed
    if isinstance(values, (list, tuple)):
        changed = [with_hostile_values(rng, value) for value in values]
        return changed * 2 if changed and rng.random() < 0.05 else changed
    return values
