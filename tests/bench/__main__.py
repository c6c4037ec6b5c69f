"""`make bench`: what the parts cost, against the plainest thing that does the same. Trust ratios more than figures.

The things compared take turns in one run, so that a busy moment of the machine meets all of them, and the best of the
turns counts. Prints a table for each part and writes the same as JSON, one key for each part.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

from tests.bench import evaluation, input_pipeline, preparation
from tests.bench.commands import IMAGE_SIZE, Bench


class Part(NamedTuple):
    """One part: what it compares, how it measures, and how it prints what it measured."""

    compares: str
    measure: Callable[[Bench, argparse.Namespace], dict]
    print_table: Callable[[dict], None]


PARTS = {
    "preparation": Part(
        "the preparation job with a bare loop and with TensorFlow Datasets",
        lambda bench, options: preparation.measure(bench, options.images, options.large),
        preparation.print_table,
    ),
    "input": Part(
        "the trainer's batches with bare loops and with records of plain floats",
        lambda bench, options: input_pipeline.measure(bench, options.images),
        input_pipeline.print_table,
    ),
    "evaluation": Part(
        "TFMA as in the pipeline with TFMA on logits and with the bare model",
        lambda bench, options: evaluation.measure(bench, options.images),
        evaluation.print_table,
    ),
}


def main() -> None:
    """Draws, measures, prints, writes."""
    options = _parser().parse_args()
    if unknown := [name for name in options.parts if name not in PARTS]:
        raise SystemExit(f"error: no part {unknown[0]!r}; there are: {', '.join(PARTS)}")
    result: dict = {"image_size": IMAGE_SIZE, "machine": platform.machine(), "cores": os.cpu_count()}
    with tempfile.TemporaryDirectory() as folder:
        bench = Bench(Path(folder))
        for name in dict.fromkeys(options.parts or PARTS):
            result[name] = PARTS[name].measure(bench, options)
            print(f"\n{name}: {PARTS[name].compares}\n")
            PARTS[name].print_table(result[name])
    options.output.parent.mkdir(parents=True, exist_ok=True)
    options.output.write_text(json.dumps(result, indent=2) + "\n")
    print(f"\nThe same as JSON: {options.output}")


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
    parser.add_argument("--output", type=Path, default=Path("runs/bench.json"), help="JSON file to write")
    return parser


if __name__ == "__main__":
    main()
