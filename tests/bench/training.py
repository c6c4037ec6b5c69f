"""What a training step costs, against a bare one: `python -m tests.bench.training VERSION --set recipe=good`.

In one process, processor time for each photo of the train split: the network's forward pass alone; Keras' own `fit` of
it, with AdamW and the plain cross-entropy, on batches that lie decoded in memory; our training in its second phase,
which also decodes, augments, smooths labels and averages weights; and in its first phase, with a frozen encoder. An
encoder with weights keeps the statistics of its batch normalization in all of them, as our training does.
"""

from __future__ import annotations

import argparse
import tempfile
from pathlib import Path

from schemas.version import read_version
from tests.bench.accuracy import read_settings
from tests.bench.console import run_and_exit
from tests.bench.table import print_row

MILLI = 1e3


def main() -> None:
    """Measures and prints."""
    parser = argparse.ArgumentParser(prog="python -m tests.bench.training", description=__doc__.partition("\n")[0])
    parser.add_argument("version", type=Path, metavar="VERSION", help="folder of a published version")
    parser.add_argument(
        "--set", action="append", default=[], metavar="KEY=VALUE", help="a training setting; repeatable"
    )
    parser.add_argument("--photos", type=int, default=64, help="to measure with (default: 64)")
    options = parser.parse_args()
    from tests.bench.training_steps import first_records, measure

    config = read_settings(options.set, 0)
    manifest, spec = read_version(options.version)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "train.tfrecord"
        first_records(options.version, options.photos, path)
        took = measure(config, [str(path)], options.photos, manifest.image_size, len(spec.class_names))
    bare = took["Keras' fit"]
    print_row("", ["ms of a photo", "photos/s", "of fit's speed"])
    for name, value in took.items():
        print_row(name, [f"{value:.1f}", f"{MILLI / value:.1f}", f"{bare / value:.2f}"])


if __name__ == "__main__":
    run_and_exit(main)
