"""What TFMA adds to the bare model: as the pipeline has it, with the mean IoU of matrices alone, or of full logits.

The pipeline's evaluation also counts boundaries, in the model, and has every metric's confidence interval.
"""

from __future__ import annotations

import json
from collections.abc import Iterator

from schemas.manifest import read_manifest
from schemas.version_files import EXAMPLES_FOLDER
from tests.bench.commands import IMAGE_SIZE, Bench, Run, run
from tests.bench.figures import LESS, PROCESSOR, WALL, Figure
from tests.bench.table import MIB, print_row

TURNS = 2
WAYS = {
    "light_tfma": "TFMA as in the pipeline",
    "matrix_tfma": "TFMA, mean IoU of matrices",
    "logits_tfma": "TFMA, mean IoU of logits",
    "light_model": "bare model, `evaluate`",
    "logits_model": "bare model, logits",
}
TOLERANCE = 1e-6  # of the mean IoU: a batch of another size may round a pixel's logits to the other side


def measure(bench: Bench, images: int, turns: int = TURNS) -> dict:
    """Seconds, peak memory and mean IoU of every way over the records of both splits."""
    version = bench.published(images)
    models = bench.folder("models")
    shards = str(version / EXAMPLES_FOLDER / "*" / "*")
    bench.tell("exporting a model")
    run(["tests.bench.evaluators", "export", str(models), shards, "", str(IMAGE_SIZE)])
    runs: dict[str, list[tuple[float, Run]]] = {name: [] for name in WAYS}
    found: dict[str, float] = {}
    for turn in range(turns):
        for name in WAYS:
            bench.tell(f"evaluation, turn {turn + 1} of {turns}: {WAYS[name]}")
            output = bench.folder("evaluation")
            ended, _ = run(["tests.bench.evaluators", name, str(models), shards, str(output), str(IMAGE_SIZE)])
            result = json.loads((output / "evaluation.json").read_text())
            runs[name].append((result["seconds"], ended))
            found[name] = result["mean_iou"]
    if max(found.values()) - min(found.values()) > TOLERANCE:
        raise SystemExit(f"error: the ways differ in the mean IoU: {found}")
    ways = {
        name: {
            "seconds": min(seconds for seconds, _ in some),
            "process_seconds": min(ended.seconds for _, ended in some),
            "processor_seconds": min(ended.processor_seconds for _, ended in some),
            "peak_bytes": min(ended.peak_bytes for _, ended in some),
            "mean_iou": found[name],
        }
        for name, some in runs.items()
    }
    bare = {"light_tfma": "light_model", "matrix_tfma": "logits_model", "logits_tfma": "logits_model"}
    return {
        "records": read_manifest(version).published,
        **ways,
        "added_by_tfma_seconds": {name: ways[name]["seconds"] - ways[model]["seconds"] for name, model in bare.items()},
    }


def figures(result: dict) -> Iterator[Figure]:
    """What a release is compared by: our evaluation, and the bare model, which is a graph that we export."""
    for name in ("light_tfma", "light_model"):
        one = result[name]
        yield Figure(f"{WAYS[name]}, records", one["seconds"], WALL)
        yield Figure(f"{WAYS[name]}, processor", one["processor_seconds"], PROCESSOR)
        yield Figure(f"{WAYS[name]}, peak memory", one["peak_bytes"], LESS)


def print_table(result: dict) -> None:
    """Prints one row for each way."""
    print_row(f"{result['records']:,} records", ["seconds", "process s", "peak MiB", "mean IoU"])
    for name, label in WAYS.items():
        one = result[name]
        seconds = [f"{one[key]:,.1f}" for key in ("seconds", "process_seconds")]
        print_row(label, [*seconds, f"{one['peak_bytes'] / MIB:,.0f}", f"{one['mean_iou']:.6f}"])
    print("\nWhat TFMA adds to the bare model")
    for name, seconds in result["added_by_tfma_seconds"].items():
        print_row(WAYS[name], [f"{seconds:,.1f}"], "s")
