"""The preparation job against a bare loop and against TensorFlow Datasets.

The bare loop and the graph are timed without the imports of their libraries; whole commands are timed with them.
"""

from __future__ import annotations

from collections.abc import Iterator

from tests.bench.commands import Bench, FixedCost, Job, Run
from tests.bench.figures import LESS, PER_SECOND, PROCESSOR, RATIO, WALL, Figure
from tests.bench.table import MIB, print_row

PROCESSES = (1, 2)
FEW = 100  # photos of the run that shows what a job costs at least
TURNS = 2  # of a set that is not large, of which a moment is a large part

_ROWS = {
    "bare_loop_images_per_second": ("bare loop", "images/s", 1.0),
    "graph_images_per_second": ("Beam graph", "images/s", 1.0),
    "command_images_per_second": ("whole command", "images/s", 1.0),
    "graph_to_loop": ("graph against the loop", "", 1.0),
    "command_to_loop": ("command against the loop", "", 1.0),
    "command_to_tfds": ("command against TFDS", "", 1.0),
    "first_record_seconds": ("first record after", "s", 1.0),
    "peak_bytes": ("peak memory, largest process", "MiB", MIB),
}


def measure(bench: Bench, images: int, large: int) -> dict:
    """Compares on `images` photos, and again on `large` ones where that is not 0."""
    fixed = {processes: bench.fixed_cost(FEW, processes) for processes in PROCESSES}
    counts = [images, *([large] if large else [])]
    return {
        "fixed_cost": {f"processes_{processes}": one._asdict() for processes, one in fixed.items()},
        "compared": [compare(bench, count, 1 if count == large else TURNS, fixed) for count in counts],
    }


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
            "command_processor_seconds": min(one.run.processor_seconds for one in jobs[processes]),
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


def figures(result: dict) -> Iterator[Figure]:
    """What a release is compared by. The loop calls our codec, so its own speed is one of the figures."""
    for one in result["compared"]:
        for processes in PROCESSES:
            found, where = one[f"processes_{processes}"], f"{one['images']:,} photos x {processes}"
            yield Figure(f"loop, {where}", found["bare_loop_images_per_second"], PER_SECOND, processes)
            yield Figure(f"graph, {where}", found["graph_images_per_second"], PER_SECOND, processes)
            yield Figure(f"command, {where}", found["command_images_per_second"], PER_SECOND, processes)
            yield Figure(f"command, processor, {where}", found["command_processor_seconds"], PROCESSOR, processes)
            yield Figure(f"graph of loop, {where}", found["graph_to_loop"], RATIO)
            yield Figure(f"first record, {where}", found["first_record_seconds"], WALL)
            yield Figure(f"peak memory, {where}", found["peak_bytes"], LESS)
        yield Figure(f"bytes of a record, {one['images']:,} photos", one["bytes_per_record"], LESS)


def print_table(result: dict) -> None:
    """Prints one column for each number of photos and of processes."""
    columns = [
        (f"{one['images']:,} x {name.rpartition('_')[2]}", one, one[name])
        for one in result["compared"]
        for name in one
        if name.startswith("processes_")
    ]
    print_row("photos x processes", [label for label, _, _ in columns], "")
    for name, (label, unit, divisor) in _ROWS.items():
        print_row(label, [f"{values[name] / divisor:,.2f}" for _, _, values in columns], unit)
    print_row("TFDS (one process)", [f"{one['tfds_images_per_second']:,.2f}" for _, one, _ in columns], "images/s")
    print_row("bytes of a record", [f"{one['bytes_per_record']:,.0f}" for _, one, _ in columns], "")
    print("\nWhere the seconds of the whole command go")
    for name in columns[0][2]["where_the_seconds_go"]:
        seconds = [f"{values['where_the_seconds_go'][name]:,.2f}" for _, _, values in columns]
        print_row(name.replace("_", " "), seconds, "s")
