"""How fast this machine is now, by a fixed piece of work that has none of our code in it.

A bare loop can't say that: it calls our codec, and would hide a slower one. The yardstick uses only Python's own
modules and NumPy: arrays, compression, a hash, and Python's interpreter. Never change the work: figures of releases are
divided by it. `python -m tests.bench.yardstick` prints what one process reaches.
"""

from __future__ import annotations

import hashlib
import json
import subprocess
import sys
import time
import zlib
from typing import NamedTuple

import numpy as np

SECONDS = 3.0  # of one reading
_WINDOW = 0.25  # seconds; the best one counts, as the best turn does for what is measured
_PHOTO = (375, 500, 3)
_ROWS = 400


class Speed(NamedTuple):
    """Rounds of the work for each second of wall time, of all processes together, and of processor time, of each."""

    wall: float
    processor: float


class Yardstick:
    """Readings in the course of one run."""

    def __init__(self, processes: tuple[int, ...] = (1, 2)):
        self._readings: dict[int, list[Speed]] = {one: [] for one in processes}

    def read(self) -> None:
        """Reads the machine's speed once, for each number of processes; some seconds."""
        for processes, readings in self._readings.items():
            readings.append(measure(processes))

    def summary(self) -> dict[str, dict[str, float]]:
        """The best readings; `spread` is the slowest by the fastest: near 1 where the machine was steady."""
        return {
            f"processes_{processes}": {
                "wall": max(one.wall for one in readings),
                "processor": max(one.processor for one in readings),
                "spread": min(one.wall for one in readings) / max(one.wall for one in readings),
            }
            for processes, readings in self._readings.items()
        }


def measure(processes: int, seconds: float = SECONDS) -> Speed:
    """The speed of so many processes at once."""
    command = [sys.executable, "-m", "tests.bench.yardstick", str(seconds)]
    started = [subprocess.Popen(command, stdout=subprocess.PIPE, text=True) for _ in range(processes)]
    answers = [process.communicate()[0] for process in started]
    if any(process.returncode for process in started):
        raise SystemExit(f"error: {' '.join(command)} failed")
    speeds = [Speed(*json.loads(answer)) for answer in answers]
    return Speed(sum(one.wall for one in speeds), min(one.processor for one in speeds))


def work() -> str:
    """One round, some milliseconds; the digest of what it made."""
    photo = (np.arange(np.prod(_PHOTO), dtype=np.uint32) * 2654435761 >> 24).astype(np.uint8).reshape(_PHOTO)
    half = photo[:-1:2, ::2].astype(np.float32) + photo[1::2, 1::2]
    packed = zlib.compress((half / 16).astype(np.uint8).tobytes(), 1)
    rows = [{"id": f"photo_{number}", "bytes": number * 31, "path": f"images/{number}.jpg"} for number in range(_ROWS)]
    names = sorted(json.loads(json.dumps(rows)), key=lambda row: row["id"])
    return hashlib.sha256(zlib.decompress(packed) + "".join(row["path"] for row in names).encode()).hexdigest()


def rounds(seconds: float) -> Speed:
    """The best window of this process."""
    work()
    best = Speed(0.0, 0.0)
    ends = time.perf_counter() + seconds
    while time.perf_counter() < ends:
        wall, processor, done = time.perf_counter(), time.process_time(), 0
        while time.perf_counter() - wall < _WINDOW:
            work()
            done += 1
        found = Speed(done / (time.perf_counter() - wall), done / (time.process_time() - processor))
        best = Speed(max(best.wall, found.wall), max(best.processor, found.processor))
    return best


if __name__ == "__main__":
    print(json.dumps(rounds(float(sys.argv[1]) if len(sys.argv) > 1 else SECONDS)))
