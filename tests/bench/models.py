"""A table of trained models: `python -m tests.bench.models OUTPUT...`, outputs of `tfx_pipeline.local_runner`.

IoU with 95 % intervals and minutes are those of the runs; the images a second that one core predicts are measured now.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
from pathlib import Path

import tensorflow as tf

from schemas.exported_model import INFO_PATH, INT8_TFLITE_FILE, TFLITE_FILE, read_model_info
from tests.bench.console import run_and_exit
from tests.bench.inference_speed import SAVED_MODEL
from tests.bench.table import print_row


def describe(output: Path) -> dict:
    """What there is to say of a run's model."""
    summary = json.loads((output / "summary.json").read_text())
    model = Path(summary["model"])
    info = read_model_info(model / INFO_PATH)
    metrics = summary["metrics"]
    files = {"SavedModel": SAVED_MODEL, "TFLite": TFLITE_FILE, "TFLite int8": INT8_TFLITE_FILE}
    there = {SAVED_MODEL, *(info.tflite or ())}
    return {
        "model": info.training["model"],
        "image_size": info.image_size,
        "mean_iou": [metrics["mean_iou"], *metrics["intervals"]["mean_iou"]],
        "iou": {name: [value, *metrics["intervals"][f"iou_{name}"]] for name, value in metrics["iou"].items()},
        "boundary_f_score": metrics["boundary_f_score"],
        "parameters": sum(int(tf.size(one)) for one in tf.saved_model.load(str(model)).weights),
        "train_minutes": summary["step_seconds"]["Trainer"] / 60,
        "images_per_second_per_core": {
            name: speed(model, file) if file in there else None for name, file in files.items()
        },
        "tflite": {name: one.model_dump() for name, one in (info.tflite or {}).items()},
    }


def speed(model: Path, file: str) -> float:
    """Measured in a process of its own, on one core."""
    command = [sys.executable, "-m", "tests.bench.inference_speed", str(model), file]
    return float(subprocess.run(command, capture_output=True, text=True, check=True).stdout.splitlines()[-1])


def print_models(models: list[dict]) -> None:
    """Prints one column for each model."""
    print_row("model", [one["model"] for one in models])
    print_row("image size", [str(one["image_size"]) for one in models], "pixels")
    for name in ("mean_iou", *models[0]["iou"]):
        values = [one["iou"].get(name, one["mean_iou"]) for one in models]
        for label, index in ((name.replace("_iou", " IoU"), 0), ("  95 % from", 1), ("  to", 2)):
            print_row(label, [f"{value[index]:.3f}" for value in values])
    print_row("boundary F-score", [f"{one['boundary_f_score']:.3f}" for one in models])
    print_row("parameters", [f"{one['parameters']:,}" for one in models])
    print_row("training, evaluation, export", [f"{one['train_minutes']:.0f}" for one in models], "minutes")
    for name in models[0]["images_per_second_per_core"]:
        speeds = [one["images_per_second_per_core"][name] for one in models]
        print_row(f"{name} on one core", ["-" if one is None else f"{one:.1f}" for one in speeds], "images/s")


def main() -> None:
    """Measures, prints, writes."""
    parser = argparse.ArgumentParser(prog="python -m tests.bench.models", description=__doc__.partition("\n")[0])
    parser.add_argument("outputs", nargs="+", type=Path, metavar="OUTPUT", help="finished runs on the same data set")
    parser.add_argument("--json", type=Path, default=Path("runs/bench-models.json"), help="file to write")
    options = parser.parse_args()
    models = [describe(output) for output in options.outputs]
    options.json.parent.mkdir(parents=True, exist_ok=True)
    options.json.write_text(json.dumps(models, indent=2) + "\n")
    print_models(models)
    print(f"The same as JSON: {options.json}")


if __name__ == "__main__":
    run_and_exit(main)
