"""`make bench`: what the parts cost, against the plainest thing that does the same. Trust ratios more than figures.

The things compared take turns in one run, so that a busy moment of the machine meets all of them, and the best of the
turns counts. Prints a table for each part and writes the same as JSON, one key for each part, with the figures that
`python -m tests.bench.compare` compares with a release's, and the machine's own speed in the same minutes.
"""

from __future__ import annotations

import argparse
import datetime
import json
import os
import platform
import subprocess
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple

from tests.bench import evaluation, input_pipeline, preparation
from tests.bench.commands import IMAGE_SIZE, Bench
from tests.bench.console import run_and_exit
from tests.bench.figures import Figure
from tests.bench.yardstick import Yardstick

QUICK_IMAGES = 500


class Part(NamedTuple):
    """One part: what it compares, how it measures, prints what it measured, and what of it a release is compared by."""

    compares: str
    measure: Callable[[Bench, argparse.Namespace], dict]
    print_table: Callable[[dict], None]
    figures: Callable[[dict], Iterator[Figure]]


PARTS = {
    "preparation": Part(
        "the preparation job with a bare loop and with TensorFlow Datasets",
        lambda bench, options: preparation.measure(bench, options.images, options.large),
        preparation.print_table,
        preparation.figures,
    ),
    "input": Part(
        "the trainer's batches with bare loops and with records of plain floats",
        lambda bench, options: input_pipeline.measure(bench, options.images, 2 if options.quick else 4),
        input_pipeline.print_table,
        input_pipeline.figures,
    ),
    "evaluation": Part(
        "TFMA as in the pipeline with TFMA on logits and with the bare model",
        lambda bench, options: evaluation.measure(bench, options.images, 1 if options.quick else 2),
        evaluation.print_table,
        evaluation.figures,
    ),
}


def main() -> None:
    """Draws, measures, prints, writes."""
    options = _parser().parse_args()
    if unknown := [name for name in options.parts if name not in PARTS]:
        raise SystemExit(f"error: no part {unknown[0]!r}; there are: {', '.join(PARTS)}")
    if options.quick:
        options.images, options.large = QUICK_IMAGES, 0
    result: dict = {
        "image_size": IMAGE_SIZE,
        "taken": taken(),
        "sizes": {"images": options.images, "large": options.large, "quick": options.quick},
        "figures": {},
    }
    yardstick = Yardstick(tuple(sorted({1, 2, os.cpu_count() or 1})))
    with tempfile.TemporaryDirectory() as folder:
        bench = Bench(Path(folder))
        yardstick.read()
        for name in dict.fromkeys(options.parts or PARTS):
            result[name] = PARTS[name].measure(bench, options)
            yardstick.read()
            print(f"\n{name}: {PARTS[name].compares}\n")
            PARTS[name].print_table(result[name])
            result["figures"][name] = {one.name: one._asdict() for one in PARTS[name].figures(result[name])}
    result["yardstick"] = yardstick.summary()
    options.output.parent.mkdir(parents=True, exist_ok=True)
    options.output.write_text(json.dumps(result, indent=2) + "\n")
    print(f"\nThe same as JSON: {options.output}")


def taken() -> dict[str, str | int]:
    """When, of what, and where a run was taken, as far as it may change the figures."""
    commit = subprocess.run(["git", "describe", "--always", "--dirty", "--exclude=*"], capture_output=True, text=True)
    names = [line for line in _lines("/proc/cpuinfo") if line.startswith("model name")]
    return {
        "date": datetime.date.today().isoformat(),
        "commit": commit.stdout.strip() or "unknown",
        "python": platform.python_version(),
        "processor": names[0].partition(": ")[2] if names else platform.machine(),
        "cores": os.cpu_count() or 1,
    }


def _lines(path: str) -> list[str]:
    return Path(path).read_text().splitlines() if Path(path).exists() else []


def _parser() -> argparse.ArgumentParser:
    parts = "\n".join(f"  {name:<13} {part.compares}" for name, part in PARTS.items())
    parser = argparse.ArgumentParser(
        prog="python -m tests.bench",
        description=f"{__doc__}\nparts:\n{parts}",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("parts", nargs="*", metavar="PART", help="what to measure (default: every part)")
    parser.add_argument("--images", type=int, default=2_000, help="photos to compare on (default 2000)")
    parser.add_argument("--large", type=int, default=20_000, help="preparation again on, 0 for not (default 20000)")
    parser.add_argument("--quick", action="store_true", help="500 photos and half the turns: minutes, and more noise")
    parser.add_argument("--output", type=Path, default=Path("runs/bench.json"), help="JSON file to write")
    return parser


if __name__ == "__main__":
    run_and_exit(main)
