"""`make bench`: the preparation against a bare loop and against TensorFlow Datasets. Trust ratios more than figures.

The things compared take turns in one run, so that a busy moment of the machine meets all of them, and the best of the
turns counts. Prints a table and writes the same as JSON.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import tempfile
from pathlib import Path

from tests.bench.commands import IMAGE_SIZE, Bench, FixedCost, Job, Run
from tests.bench.table import print_tables

PROCESSES = (1, 2)
FEW = 100  # photos of the run that shows what a job costs whatever it does
TURNS = {True: 1, False: 2}  # by whether a set is large: then a moment is a small part of it


def compare(bench: Bench, count: int, turns: int, fixed: dict[int, FixedCost]) -> dict:
    """Loop, job and TFDS on the same photos; seconds, images per second, ratios, bytes."""
    loops: dict[int, list[Run]] = {one: [] for one in PROCESSES}
    jobs: dict[int, list[Job]] = {one: [] for one in PROCESSES}
    tfds: list[float] = []
    for turn in range(turns):
        for processes in PROCESSES:
            bench.tell(f"{count} photos, turn {turn + 1} of {turns}, {processes} process(es)")
            loops[processes].append(bench.bare_loop(count, processes))
            jobs[processes].append(bench.prepare(count, processes))
        tfds.append(bench.tfds(count).seconds)
    result: dict = {"images": count, "tfds_images_per_second": count / min(tfds)}
    for processes in PROCESSES:
        loop = min(one.seconds for one in loops[processes])
        job = min(jobs[processes], key=lambda one: one.run.seconds)
        command, graph = job.run.seconds, min(one.graph_seconds for one in jobs[processes])
        result[f"processes_{processes}"] = {
            "bare_loop_images_per_second": count / loop,
            "graph_images_per_second": count / graph,
            "command_images_per_second": count / command,
            "graph_to_loop": loop / graph,
            "command_to_loop": loop / command,
            "command_to_tfds": min(tfds) / command,
            "first_record_seconds": min(one.first_record_seconds for one in jobs[processes]),
            "peak_bytes": job.run.peak_bytes,
            "where_the_seconds_go": breakdown(command, graph, loop, fixed[processes], loop / count * FEW),
        }
    result["bytes_per_record"] = job.bytes_per_record
    return result


def breakdown(command: float, graph: float, loop: float, fixed: FixedCost, few: float) -> dict[str, float]:
    """Seconds of the whole command by what they went to.

    Args:
      command, graph, loop: Seconds of the whole command, of its graph (built and run), and of the bare loop.
      fixed: Of a job on a few photos.
      few: Seconds that the bare loop would take for these few photos.
    """
    run = max(0.0, fixed.run - few)
    return {
        "start_up_and_imports": command - graph,
        "graph_construction": fixed.build,
        "runner_whatever_the_photos": run,
        "photos_as_the_bare_loop": loop,
        "photos_beside_that": graph - loop - fixed.build - run,
    }


def main() -> None:
    """Draws, measures, prints, writes."""
    parser = argparse.ArgumentParser(prog="python -m tests.bench", description=__doc__)
    parser.add_argument("--images", type=int, default=2_000, help="photos to compare on (default 2000)")
    parser.add_argument("--large", type=int, default=20_000, help="and again on, 0 for not (default 20000)")
    parser.add_argument("--output", type=Path, default=Path("runs/bench.json"), help="JSON file to write")
    options = parser.parse_args()
    result: dict = {"image_size": IMAGE_SIZE, "machine": platform.machine(), "cores": os.cpu_count()}
    with tempfile.TemporaryDirectory() as folder:
        bench = Bench(Path(folder))
        fixed = {processes: bench.fixed_cost(FEW, processes) for processes in PROCESSES}
        result["fixed_cost"] = {f"processes_{processes}": one._asdict() for processes, one in fixed.items()}
        counts = [options.images, *([options.large] if options.large else [])]
        result["compared"] = [compare(bench, count, TURNS[count == options.large], fixed) for count in counts]
    options.output.parent.mkdir(parents=True, exist_ok=True)
    options.output.write_text(json.dumps(result, indent=2) + "\n")
    print_tables(result)
    print(f"The same as JSON: {options.output}")


if __name__ == "__main__":
    main()
