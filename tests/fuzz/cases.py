"""One seeded case after the other: what went in can be made again from its name, and lies in a file where one fails."""

from __future__ import annotations

import os
import random
import re
import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

SECONDS = 20  # of one case; each takes milliseconds
SEEDS = [int(seed) for seed in os.environ.get("FUZZ_SEEDS", "1").split(",")]

seeded = pytest.mark.parametrize("seed", SEEDS, ids=lambda seed: f"FUZZ_SEEDS={seed}")


def check_each(
    kind: str,
    seed: int,
    count: int,
    make: Callable[[random.Random], bytes],
    check: Callable[[bytes], None],
    folder: Path,
) -> None:
    """Makes bytes and checks what comes of them, `count` times.

    Raises:
      AssertionError: A check failed or raised anything; names the case and the file in `folder` that holds its bytes.
    """
    failures = []
    for number in range(count):
        name = f"{kind} {seed}:{number}"
        data = make(random.Random(name))
        try:
            with _time_limit():
                check(data)
        except Exception as error:
            path = folder / name.replace(" ", "-").replace(":", "-")
            path.write_bytes(data)
            said = f"{type(error).__name__}: {error}".partition("\n")[0][:300]
            failures.append((said, name, path))
            if isinstance(error, TimeoutError):
                break
    kinds = {re.sub(r"[0-9]+|'.*?'", "?", one[0]): one for one in reversed(failures)}
    listing = "\n".join(
        f"{said}\n    random.Random({name!r}): {path}" for said, name, path in list(kinds.values())[:20]
    )
    assert not failures, f"{len(failures)} of {count} cases, {len(kinds)} kinds:\n{listing}"


@contextmanager
def _time_limit() -> Iterator[None]:
    def end(number, frame):
        raise TimeoutError(f"took more than {SECONDS} seconds")

    before = signal.signal(signal.SIGALRM, end)
    signal.setitimer(signal.ITIMER_REAL, SECONDS)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)


def check_sentence(text: str, *named: str) -> None:
    """What a person reads of a mistake: not empty, bounded, in lines that are clean and name the input."""
    assert text.strip(), "says nothing"
    lines = text.split("\n")
    assert len(lines) <= 30, f"{len(lines)} lines"
    for line in lines:
        assert len(line) <= 2_000, f"a line of {len(line)} characters"
        assert line.isprintable(), f"not printable: {line!r}"
        assert "Traceback" not in line
    for name in named:
        assert name in text, f"{name} is not named: {text!r}"
