"""Seconds and memory of monitoring a large log: `python -m tests.bench.monitor [--records=1000000]`.

The log is drawn at random: 24 hours, 20 writers, 1,000 records a file at most, three sources, 100 clients. The
reference has 20,000 photos of train and 4,000 of eval: each photo is compared with as many hashes as it ever is.
"""

from __future__ import annotations

import argparse
import io
import resource
import tempfile
from pathlib import Path

import numpy as np

from beam_jobs.records.tf_example import to_example
from beam_jobs.records.tfrecord import TFRecordWriter
from schemas.served import HOUR, SOURCES, records_path
from tests.beam_jobs.monitor.served_logs import NOON, Record, draw, make_reference
from tests.bench.commands import run
from tests.bench.console import run_and_exit

HOURS, WRITERS, PER_FILE, CLIENTS = 24, 20, 1000, 100
_DRAWN = 5000  # photos, whose measures all records have


def main() -> None:
    """Draws, runs the job in a process of its own, and prints what it took."""
    parser = argparse.ArgumentParser(prog="python -m tests.bench.monitor")
    parser.add_argument("--records", type=int, default=1_000_000)
    parser.add_argument("--folder", type=Path, help="where the logs go; kept, and used again if they are there")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as temporary:
        folder = options.folder or Path(temporary)
        if not (folder / "log").exists():
            write_large_log(folder / "log", options.records)
            make_reference(folder / "reference", 20_000, 4_000)
        places = [f"--{name}={folder / name}" for name in ("log", "reference", "output")]
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        ended, _ = run(["beam_jobs.monitor", *places])
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
    used = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    print(f"{options.records:,} records: {ended.seconds:.0f} s, {used:.0f} of processor time")
    print(f"{options.records / used:,.0f} records/s per core, peak {ended.peak_bytes / 1e9:.2f} GB")


def write_large_log(folder: Path, records: int) -> None:
    """A file for each writer and thousand records of an hour, as the log is written."""
    random = np.random.default_rng(1)
    drawn = [draw(random) for _ in range(_DRAWN)]
    for hour in range(HOURS):
        for writer in range(WRITERS):
            rest = records // (HOURS * WRITERS)
            for number in range(0, rest, PER_FILE):
                some = (_served(random, drawn, hour) for _ in range(min(PER_FILE, rest - number)))
                _write(folder, NOON - (hour + 1) * HOUR, f"{writer:012x}", number // PER_FILE, some)


def _served(random: np.random.Generator, drawn: list[Record], hour: int) -> Record:
    place = {
        "time": NOON - hour * HOUR - int(random.integers(1, HOUR)),
        "model": b"1700000000",
        "trained_on": b"f" * 64,
        "source": SOURCES[int(random.integers(len(SOURCES)))].encode(),
        "client": f"client_{int(random.integers(CLIENTS))}".encode(),
    }
    return drawn[int(random.integers(_DRAWN))] | place | {"photo_hash": random.bytes(32)}


def _write(folder: Path, time: int, writer: str, number: int, records) -> None:
    buffer = io.BytesIO()
    file = TFRecordWriter(buffer)
    for one in records:
        file.write(to_example(one))
    path = folder / records_path(time, writer, number)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(buffer.getvalue())


if __name__ == "__main__":
    run_and_exit(main)
