"""The trainer's input pipeline against bare loops over the same records, and against records of plain floats.

Everything runs in processes of its own that stay on the same cores: first on one, then on all. A pipeline is one
process; a loop is one process for each core.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

from schemas.features import TRAIN
from schemas.manifest import read_manifest
from schemas.version_files import EXAMPLES_FOLDER
from tests.bench.commands import IMAGE_SIZE, Bench, run
from tests.bench.figures import LESS, PER_SECOND, PROCESSOR, RATIO, Figure
from tests.bench.table import MIB, print_row

TURNS = 4
PIPELINES = {
    "training": "training batches",
    "training_augmented": "training batches, augmented",
    "evaluation": "evaluation batches",
    "read_float_lists": "records of floats",
}
LOOPS = {
    "pillow_loop": "loop, Pillow",
    "tensorflow_loop": "loop, TensorFlow",
    "tensorflow_loop_augmented": "loop, TensorFlow, augmented",
}
_RATIOS = {
    "training_to_loop": "training / faster loop",
    "augmented_to_loop": "augmented / its loop",
    "training_to_float_lists": "training / records of floats",
}


def measure(bench: Bench, images: int, turns: int = TURNS) -> dict:
    """Examples per second and ratios, on one core and on all; bytes of a record in both formats."""
    version = bench.published(images)
    manifest = read_manifest(version)
    shards = version / EXAMPLES_FOLDER / f"Split-{TRAIN}"
    floats = bench.folder("float-lists")
    bench.tell("writing records of floats")
    run(["tests.bench.float_lists", str(shards), str(IMAGE_SIZE), str(floats)])
    count = manifest.splits[TRAIN].records
    cores = sorted(os.sched_getaffinity(0))
    result: dict = {
        "records": count,
        "bytes_per_record": {"training": _size(shards) / count, "read_float_lists": _size(floats) / count},
    }
    for some in dict.fromkeys((tuple(cores[:1]), tuple(cores))):
        result[f"cores_{len(some)}"] = _compare(bench, some, shards, floats, turns)
    return result


def _compare(bench: Bench, cores: tuple[int, ...], shards: Path, floats: Path, turns: int) -> dict:
    """All readers in turns on these cores."""
    seen: dict[str, list[tuple[float, float]]] = {name: [] for name in (*PIPELINES, *LOOPS)}
    for turn in range(turns):
        bench.tell(f"batches on {len(cores)} core(s), turn {turn + 1} of {turns}")
        for name, readings in seen.items():
            together = [str(core) for core in cores] if name in LOOPS else [",".join(map(str, cores))]
            readings.append(_read(name, together, floats if name == "read_float_lists" else shards))
    rates = {name: max(rate for rate, _ in readings) for name, readings in seen.items()}
    costs = {name: min(cpu for _, cpu in readings) for name, readings in seen.items()}
    return {
        "examples_per_second": rates,
        "cpu_microseconds_per_example": {name: cost * 1e6 for name, cost in costs.items()},
        "training_to_loop": rates["training"] / max(rates["pillow_loop"], rates["tensorflow_loop"]),
        "training_to_loop_by_cpu": min(costs["pillow_loop"], costs["tensorflow_loop"]) / costs["training"],
        "augmented_to_loop": rates["training_augmented"] / rates["tensorflow_loop_augmented"],
        "augmented_to_loop_by_cpu": costs["tensorflow_loop_augmented"] / costs["training_augmented"],
        "training_to_float_lists": rates["training"] / rates["read_float_lists"],
        "training_to_float_lists_by_cpu": costs["read_float_lists"] / costs["training"],
    }


def _read(name: str, processes: list[str], shards: Path) -> tuple[float, float]:
    """Examples per second of all processes together in their best window, and the fewest CPU seconds of an example.

    Args:
      name: One of `batch_readers.READERS`.
      processes: For each process the cores that it stays on.
      shards: Folder of the shards.
    """
    command = [sys.executable, "-m", "tests.bench.batch_readers", name]
    with tempfile.TemporaryFile("w+") as errors:
        pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "stderr": errors, "text": True}
        started = [subprocess.Popen([*command, cores, str(IMAGE_SIZE), str(shards)], **pipes) for cores in processes]
        for process in started:
            process.stdout.readline()  # all are ready before one begins
        for process in started:
            with suppress(BrokenPipeError):  # one that failed; its exit status is looked at below
                process.stdin.write("\n")
                process.stdin.flush()
        answers = [process.communicate()[0] for process in started]
        if any(process.returncode for process in started):
            errors.seek(0)
            raise SystemExit(f"{' '.join(command)} failed:\n{errors.read()}")
    measurements = [json.loads(answer) for answer in answers]
    rates = [sum(window) for window in zip(*(one["examples_per_second"] for one in measurements))]
    costs = [sum(window) / len(window) for window in zip(*(one["cpu_seconds_per_example"] for one in measurements))]
    return max(rates), min(costs)


def _size(folder: Path) -> int:
    return sum(path.stat().st_size for path in folder.iterdir())


def figures(result: dict) -> Iterator[Figure]:
    """What a release is compared by."""
    for name, one in result.items():
        if not name.startswith("cores_"):
            continue
        cores = int(name.rpartition("_")[2])
        for reader in ("training", "training_augmented", "evaluation"):
            rate, cost = one["examples_per_second"][reader], one["cpu_microseconds_per_example"][reader]
            yield Figure(f"{PIPELINES[reader]}, {cores} cores", rate, PER_SECOND, cores)
            yield Figure(f"{PIPELINES[reader]}, processor, {cores} cores", cost, PROCESSOR, cores)
        yield Figure(f"training of loop, {cores} cores", one["training_to_loop_by_cpu"], RATIO)
    yield Figure("bytes of a record", result["bytes_per_record"]["training"], LESS)


def print_table(result: dict) -> None:
    """Prints one column for each number of cores."""
    columns = {name.rpartition("_")[2]: one for name, one in result.items() if name.startswith("cores_")}
    print_row("cores", list(columns))
    for name, label in {**PIPELINES, **LOOPS}.items():
        print_row(label, [f"{one['examples_per_second'][name]:,.0f}" for one in columns.values()], "examples/s")
    for name, label in _RATIOS.items():
        print_row(label, [f"{one[name]:,.2f}" for one in columns.values()])
    print("\nProcessor time, which other work on the machine disturbs less")
    for name, label in {**PIPELINES, **LOOPS}.items():
        print_row(
            label, [f"{one['cpu_microseconds_per_example'][name]:,.0f}" for one in columns.values()], "us/example"
        )
    for name, label in _RATIOS.items():
        print_row(label, [f"{one[f'{name}_by_cpu']:,.2f}" for one in columns.values()])
    print("\nBytes of a record, and what has to be read for the examples above")
    for name, label in {"training": "encoded", "read_float_lists": "floats"}.items():
        size = result["bytes_per_record"][name]
        read = [f"{size * one['examples_per_second'][name] / MIB:,.0f}" for one in columns.values()]
        print_row(f"{label}, {size:,.0f} bytes", read, "MiB/s")
