"""What the steps that see every id take with a million of them: `python -m tests.bench.scale`.

No photo is read: the job's own transforms get empty archives, random hashes and made-up counts. Each step runs in a
process of its own, on Beam's runner on this machine, in one process, which keeps in memory what it shuffles; Dataflow
does not. So beside the peak, the table has what a worker holds anywhere: the largest element (a group is one), and the
largest side input, as Beam counts them.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import NamedTuple

from tests.bench.console import run_and_exit
from tests.bench.table import MIB, print_row

IDS = (10_000, 100_000, 1_000_000)
STEPS = ("plan and split", "near-duplicates", "group split", "quarantine", "list of a split", "manifest", "report")
OUTPUT = Path("runs/scale.json")


class Taken(NamedTuple):
    """What a step took.

    Attributes:
      seconds, processor_seconds: Of the step, without imports.
      base_bytes, peak_bytes: Resident memory of the process after its imports, and at its peak.
      collections: What Beam counted, as `graph_counts.Collection` has it.
    """

    seconds: float
    processor_seconds: float
    base_bytes: int
    peak_bytes: int
    collections: list[dict]


def main() -> None:
    """Runs every step with every number of ids, prints a table for each, and writes JSON."""
    parser = argparse.ArgumentParser(
        prog="python -m tests.bench.scale", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--ids", type=int, nargs="+", default=IDS, help=f"how many (default {IDS})")
    parser.add_argument("--steps", nargs="+", choices=STEPS, default=STEPS, metavar="STEP", help="; ".join(STEPS))
    parser.add_argument("--output", type=Path, default=OUTPUT, help="JSON file to write (default %(default)s)")
    parser.add_argument("--child", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.child:
        print(json.dumps(_run(options.steps[0], Path(options.child), options.ids[0])))
        return
    found: dict[str, dict[str, dict]] = {step: {} for step in options.steps}
    for step in options.steps:
        print_row(f"\n{step}", [f"{name:>13}" for name in ("seconds", "processor", "us an id", "MiB more", "MiB peak")])
        for ids in options.ids:
            taken = _run_apart(step, ids)
            found[step][str(ids)] = taken._asdict()
            _print(ids, taken)
    options.output.parent.mkdir(parents=True, exist_ok=True)
    options.output.write_text(json.dumps(found, indent=1) + "\n")
    print(f"\nEvery collection of every step, as JSON: {options.output}")


def _run_apart(step: str, ids: int) -> Taken:
    """Runs a step in a process of its own; the folder is removed afterwards."""
    with tempfile.TemporaryDirectory() as folder:
        command = [sys.executable, "-m", "tests.bench.scale", f"--child={folder}", f"--ids={ids}", "--steps", step]
        ended = subprocess.run(command, stdout=subprocess.PIPE, text=True)
        if ended.returncode:
            raise SystemExit(f"error: {step} with {ids:,} ids failed")
        return Taken(**json.loads(ended.stdout.splitlines()[-1]))


def _run(step: str, folder: Path, ids: int) -> dict:
    """Runs a step here; what it reads is written by another process, so that its memory does not count."""
    from tests.bench.scale_steps import BY_NAME

    prepare, run = BY_NAME[step].prepare, BY_NAME[step].run
    if not (writer := os.fork()):
        prepare(folder, ids)
        os._exit(0)
    if os.waitpid(writer, 0)[1]:
        raise SystemExit(f"error: {step}: the input can't be written")
    base, start, processor = _peak(), time.perf_counter(), time.process_time()
    collections = run(folder, ids)
    seconds = time.perf_counter() - start, time.process_time() - processor
    return Taken(*seconds, base, _peak(), [one._asdict() for one in collections])._asdict()


def _peak() -> int:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024


def _print(ids: int, taken: Taken) -> None:
    mib = [(taken.peak_bytes - taken.base_bytes) / MIB, taken.peak_bytes / MIB]
    seconds = [
        f"{taken.seconds:,.1f}",
        f"{taken.processor_seconds:,.1f}",
        f"{1e6 * taken.processor_seconds / ids:,.1f}",
    ]
    print_row(f"{ids:,} ids", [*seconds, *(f"{one:,.0f}" for one in mib)])
    held = sorted(taken.collections, key=lambda one: one["largest"])
    wide = sorted((one for one in taken.collections if one["is_side_input"]), key=lambda one: one["bytes"])
    for label, some, size in (("largest element", held, "largest"), ("largest side input", wide, "bytes")):
        if some and some[-1][size]:
            one = some[-1]
            print(f"    {label}: {one[size] / 1000:,.1f} kB of {one['elements']:,}, {one['name']}")


if __name__ == "__main__":
    run_and_exit(main)
