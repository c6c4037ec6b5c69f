"""The commands that are compared, each run as a process of its own."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import NamedTuple

from schemas.manifest import read_manifest
from tests.bench.photos import write_photos

IMAGE_SIZE = 128


class Run(NamedTuple):
    """Something that ended well: wall seconds, bytes of its largest process at its peak, processor seconds of all."""

    seconds: float
    peak_bytes: int
    processor_seconds: float


class Job(NamedTuple):
    """A preparation: the whole command, its graph alone, when its first record was there, bytes of a record."""

    run: Run
    graph_seconds: float
    first_record_seconds: float
    bytes_per_record: float


class FixedCost(NamedTuple):
    """Seconds of a job on a few photos: imports, building the graph, running it."""

    imports: float
    build: float
    run: float


def run(command: list[str], staged: Path | None = None) -> tuple[Run, float]:
    """Runs a Python module as a command; beside its Run the seconds after which `staged` held a first record."""
    start = time.perf_counter()
    first = 0.0
    with tempfile.TemporaryFile() as output:
        process = subprocess.Popen([sys.executable, "-m", *command], stdout=output, stderr=subprocess.STDOUT)
        while True:
            pid, status, usage = os.wait4(process.pid, os.WNOHANG)
            if pid:
                break
            if staged and not first and any(path.stat().st_size for path in staged.glob("*/examples/*/*")):
                first = time.perf_counter() - start
            time.sleep(0.02)
        seconds = time.perf_counter() - start
        process.returncode = os.waitstatus_to_exitcode(status)
        if status:
            output.seek(0)
            raise SystemExit(f"{' '.join(command)} failed:\n{output.read().decode(errors='replace')}")
    return Run(seconds, usage.ru_maxrss * 1024, usage.ru_utime + usage.ru_stime), first


class Bench:
    """The folder that everything happens in, and the commands that are compared."""

    def __init__(self, folder: Path):
        self._folder = folder
        self._turn = 0

    def tell(self, what: str) -> None:
        """Says on stderr what happens now."""
        print(what, file=sys.stderr, flush=True)

    def photos(self, count: int) -> Path:
        """A folder of `count` photos, drawn when first asked for."""
        photos = self._folder / f"photos-{count}"
        if not photos.exists():
            self.tell(f"drawing {count} photos")
            write_photos(photos, count, os.cpu_count() or 1)
        return photos

    def prepare(self, count: int, processes: int) -> Job:
        """The whole job, statistics, validation, near-duplicates and report included."""
        self._turn += 1
        data, version = self._folder / "data", f"{self._turn}"
        options = []
        if processes > 1:
            options = ["--direct_running_mode=multi_processing", f"--direct_num_workers={processes}"]
        ended, first = self._publish(count, data, version, options)
        published = data / "pets" / version
        manifest = read_manifest(published)
        size = sum(shard.bytes for split in manifest.splits.values() for shard in split.shards)
        seconds = json.loads((published / "metrics.json").read_text())["seconds"]
        shutil.rmtree(published)
        return Job(ended, seconds, first, size / manifest.published)

    def published(self, count: int) -> Path:
        """A version of `count` photos, or of a few less, that stays; published when first asked for."""
        data, version = self._folder / "versions", f"{count}"
        if not (data / "pets" / version).exists():
            self._publish(count, data, version, [])
        return data / "pets" / version

    def folder(self, name: str) -> Path:
        """An empty folder."""
        folder = self._folder / name
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir()
        return folder

    def _publish(self, count: int, data: Path, version: str, beam_options: list[str]) -> tuple[Run, float]:
        options = [f"--input={self.photos(count)}", f"--output={data}", f"--version={version}", "--dataset=pets"]
        options += [f"--image_size={IMAGE_SIZE}", "--max_rejected_fraction=1", *beam_options]
        return run(["beam_jobs.prepare", *options], data / "pets" / "_staging" / version)

    def bare_loop(self, count: int, processes: int) -> Run:
        """The same records without Beam; the seconds are those of the loop alone."""
        output = self._folder / "loop"
        ended, _ = run(["tests.bench.bare_loop", str(self.photos(count)), str(output), str(IMAGE_SIZE), str(processes)])
        return ended._replace(seconds=float((output / "seconds").read_text()))

    def tfds(self, count: int) -> Run:
        """TensorFlow Datasets' preparation of the same photos, the whole command, in one process."""
        output = self._folder / "tfds"
        shutil.rmtree(output, ignore_errors=True)
        return run(["tests.bench.tfds_job", str(self.photos(count)), str(output), str(IMAGE_SIZE)])[0]

    def fixed_cost(self, count: int, processes: int) -> FixedCost:
        """A job on a few photos, from within; the best of two."""
        ended = []
        for _ in range(2):
            output = self._folder / "few"
            shutil.rmtree(output, ignore_errors=True)
            photos = self.photos(count)
            run(["tests.bench.fixed_cost", str(photos), str(output), str(IMAGE_SIZE), str(processes)])
            ended.append(FixedCost(**json.loads((output / "seconds.json").read_text())))
        return FixedCost(*map(min, zip(*ended)))
