"""How good a training's settings are, over several seeds: `python -m tests.bench.accuracy VERSION --set recipe=good`.

Choose settings with `--holdout`, which trains on four fifths of the train split and evaluates on the rest; the figures
that a document quotes come from the eval split, once, without it. The masks at the photos' own sizes that records of
eval hold judge the answers there, with logits enlarged as the exported model enlarges them; what is held out of train
has none, and takes them from `--own_size`, a version of the same photos with `--image_size=0`. `--also` evaluates on
all records of another version, too, such as other breeds. `--scales` judges each model once more with other
`average_scales`, which change no weights.
"""

from __future__ import annotations

import argparse
import json
import tempfile
from pathlib import Path

import numpy as np

from schemas.documents import parse_yaml
from schemas.errors import UserError
from schemas.frozen_model import parse_model
from tests.bench.console import run_and_exit
from tests.bench.table import print_row
from trainer.config import TrainingConfig


def read_settings(settings: list[str], seed: int) -> TrainingConfig:
    """The training of `KEY=VALUE` settings."""
    values = {}
    for one in settings:
        key, equals, text = one.partition("=")
        if not equals:
            raise UserError(f"--set {one}: give KEY=VALUE, such as recipe=good")
        values[key] = parse_yaml(text, f"--set {key}")
    return parse_model(TrainingConfig, {"export_tflite": False, **values, "seed": seed}, "--set")


def other_scales(settings: list[str], scales: list[str], seed: int) -> dict[str, TrainingConfig]:
    """The same training with each of some `average_scales`, by what its figures are called."""
    return {f"average_scales {one}, ": read_settings([*settings, f"average_scales={one}"], seed) for one in scales}


def print_runs(runs: dict[int, dict]) -> None:
    """Prints one column for each seed, and their mean and spread."""
    first, *_ = runs.values()
    print_row("seed", [*map(str, runs), "mean"], "min to max")
    for place, names in first.items():
        if not isinstance(names, dict):
            continue
        print(place)
        for name in names:
            values = [run[place][name] for run in runs.values()]
            digits = 0 if name == "photos" else 3
            shown = [f"{one:.{digits}f}" for one in (*values, np.mean(values), min(values), max(values))]
            print_row(f"  {name}", shown[:-2], " to ".join(shown[-2:]))


def main() -> None:
    """Trains once for each seed, prints, writes."""
    parser = argparse.ArgumentParser(prog="python -m tests.bench.accuracy", description=__doc__.partition("\n")[0])
    parser.add_argument("version", type=Path, metavar="VERSION", help="folder of a published version")
    parser.add_argument(
        "--set", action="append", default=[], metavar="KEY=VALUE", help="a training setting; repeatable"
    )
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2], help="(default: 0 1 2)")
    parser.add_argument("--holdout", action="store_true", help="evaluate on a fifth of the train split")
    version = {"type": Path, "action": "append", "default": [], "metavar": "VERSION"}
    parser.add_argument("--own_size", **version, help="the same photos with --image_size=0, for --holdout")
    parser.add_argument("--also", **version, help="another version to evaluate on, all of it")
    parser.add_argument(
        "--scales", action="append", default=[], metavar="[1.5]", help="other average_scales to judge by; repeatable"
    )
    parser.add_argument("--json", type=Path, default=Path("runs/bench-accuracy.json"), help="file to write")
    options = parser.parse_args()
    from tests.bench.accuracy_runs import measure, read_data

    configs = {seed: read_settings(options.set, seed) for seed in options.seeds}
    others = {seed: other_scales(options.set, options.scales, seed) for seed in options.seeds}
    runs: dict[int, dict] = {}
    options.json.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as folder:
        data = read_data(options, Path(folder))
        for seed, config in configs.items():
            print(f"seed {seed}", flush=True)
            runs[seed] = measure(config, data, others[seed])
            result = {
                "settings": configs[options.seeds[0]].model_dump(mode="json"),
                "holdout": options.holdout,
                "runs": runs,
            }
            options.json.write_text(json.dumps(result, indent=2) + "\n")
    print_runs(runs)
    print(f"The same as JSON: {options.json}")


if __name__ == "__main__":
    run_and_exit(main)
