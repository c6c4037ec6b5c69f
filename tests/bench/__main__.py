"""`make bench`: the preparation against a bare loop and against TensorFlow Datasets. Trust ratios more than figures.

The things compared take turns in one run, so that a busy moment of the machine meets all of them, and the best of the
turns counts. Prints a table and writes the same as JSON.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import NamedTuple

from schemas.manifest import Manifest, read_manifest
from tests.bench.photos import write_photos

IMAGE_SIZE = 128
PROCESSES = (1, 2)
TURNS = 2


class Run(NamedTuple):
    """One command that ended well: wall seconds, peak resident memory of its largest process, first record after."""

    seconds: float
    peak_bytes: int
    first_record_seconds: float


def run(command: list[str], staged: Path | None = None) -> Run:
    """Runs a Python module as a command; `staged` is the folder that its first record appears in."""
    start = time.perf_counter()
    first = 0.0
    with tempfile.TemporaryFile() as told:
        process = subprocess.Popen([sys.executable, "-m", *command], stdout=told, stderr=subprocess.STDOUT)
        while True:
            pid, status, usage = os.wait4(process.pid, os.WNOHANG)
            if pid:
                break
            if staged and not first and any(path.stat().st_size for path in staged.glob("examples/*/*")):
                first = time.perf_counter() - start
            time.sleep(0.02)
        seconds = time.perf_counter() - start
        process.returncode = os.waitstatus_to_exitcode(status)
        if status:
            told.seek(0)
            raise SystemExit(f"{' '.join(command)} failed:\n{told.read().decode(errors='replace')}")
    return Run(seconds, usage.ru_maxrss * 1024, first)


class Bench:
    """The folder that everything happens in, and the commands that are compared."""

    def __init__(self, folder: Path):
        self._folder = folder
        self._turn = 0

    def photos(self, count: int) -> Path:
        """A folder of `count` photos, drawn when first asked for."""
        photos = self._folder / f"photos-{count}"
        if not photos.exists():
            print(f"drawing {count} photos", file=sys.stderr, flush=True)
            write_photos(photos, count, os.cpu_count() or 1)
        return photos

    def prepare(self, count: int, processes: int) -> tuple[Run, float, Manifest]:
        """The whole job; beside its Run the seconds of the Beam graph alone."""
        self._turn += 1
        data, version = self._folder / "data", f"{self._turn}"
        options = [f"--input={self.photos(count)}", f"--output={data}", f"--version={version}", "--dataset=pets"]
        options += [f"--image_size={IMAGE_SIZE}", "--max_rejected_fraction=1"]
        if processes > 1:
            options += ["--direct_running_mode=multi_processing", f"--direct_num_workers={processes}"]
        ended = run(["beam_jobs.prepare", *options], data / "pets" / "_staging" / version)
        published = data / "pets" / version
        seconds = json.loads((published / "metrics.json").read_text())["seconds"]
        return ended, seconds, read_manifest(published)

    def bare_loop(self, count: int, processes: int) -> tuple[Run, float]:
        """The same records without Beam; beside its Run the seconds of the loop alone."""
        output = self._folder / "loop"
        ended = run(["tests.bench.bare_loop", str(self.photos(count)), str(output), str(IMAGE_SIZE), str(processes)])
        return ended, float((output / "seconds").read_text())

    def tfds(self, count: int) -> Run:
        """TensorFlow Datasets' preparation of the same photos."""
        output = self._folder / "tfds"
        shutil.rmtree(output, ignore_errors=True)
        return run(["tests.bench.tfds_job", str(self.photos(count)), str(output), str(IMAGE_SIZE)])


def measure(bench: Bench, count: int, large: int) -> dict:
    """All measurements; seconds, images per second, bytes."""
    loops, jobs, tfds = {one: [] for one in PROCESSES}, {one: [] for one in PROCESSES}, []
    manifest = None
    for turn in range(TURNS):
        for processes in PROCESSES:
            print(f"turn {turn + 1} of {TURNS}, {processes} process(es)", file=sys.stderr, flush=True)
            loops[processes].append(bench.bare_loop(count, processes))
            *job, manifest = bench.prepare(count, processes)
            jobs[processes].append(job)
        tfds.append(bench.tfds(count))
    result: dict = {"images": count, "image_size": IMAGE_SIZE, "machine": platform.machine(), "cores": os.cpu_count()}
    for processes in PROCESSES:
        loop, graph = (min(seconds for _, seconds in one) for one in (loops[processes], jobs[processes]))
        command = min(ended.seconds for ended, _ in jobs[processes])
        result[f"processes_{processes}"] = {
            "bare_loop_images_per_second": count / loop,
            "beam_graph_images_per_second": count / graph,
            "whole_command_images_per_second": count / command,
            "graph_to_loop": loop / graph,
            "first_record_seconds": min(ended.first_record_seconds for ended, _ in jobs[processes]),
        }
    command = min(ended.seconds for ended, _ in jobs[1])
    result["tfds_images_per_second"] = count / min(one.seconds for one in tfds)
    result["command_to_tfds"] = min(one.seconds for one in tfds) / command
    shards = [shard for split in manifest.splits.values() for shard in split.shards]
    result["bytes_per_record"] = sum(shard.bytes for shard in shards) / manifest.published
    result["peak_bytes"] = {str(count): min(ended.peak_bytes for ended, _ in jobs[1])}
    if large:
        ended, seconds, _ = bench.prepare(large, 1)
        result["peak_bytes"][str(large)] = ended.peak_bytes
        _, loop = bench.bare_loop(large, 1)
        result[f"graph_to_loop_{large}"] = loop / seconds
    return result


def main() -> None:
    """Draws, measures, prints, writes."""
    parser = argparse.ArgumentParser(prog="python -m tests.bench", description=__doc__)
    parser.add_argument("--images", type=int, default=2_000, help="photos to compare on (default 2000)")
    parser.add_argument("--large", type=int, default=20_000, help="photos for peak memory, 0 for none (default 20000)")
    parser.add_argument("--output", type=Path, default=Path("runs/bench.json"), help="JSON file to write")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        result = measure(Bench(Path(folder)), options.images, options.large)
    options.output.parent.mkdir(parents=True, exist_ok=True)
    options.output.write_text(json.dumps(result, indent=2) + "\n")
    print_table(result)
    print(f"The same as JSON: {options.output}")


def print_table(result: dict, indent: str = "") -> None:
    """Prints figures one a line, nested ones indented."""
    for name, value in result.items():
        if isinstance(value, dict):
            print(f"{indent}{name}")
            print_table(value, indent + "  ")
        else:
            print(
                f"{indent}{name:<40}{value:>14,.2f}" if isinstance(value, float) else f"{indent}{name:<40}{value:>14}"
            )


if __name__ == "__main__":
    main()
