"""What `beam_jobs.predict` adds to a bare loop of the model: `python -m tests.bench.prediction [--encoder=FOLDER]`.

A U-Net of 128 pixels, without trained weights, and drawn JPEG photos of 500x500 pixels; processor time for each photo,
in one process and on one core. Both are run with few and with many photos, and the difference counts, so that imports
and start-up do not; all of them in turn, some times, and the least of each counts, because a busy neighbour makes
everything slower. The bare loop opens, resizes, predicts one photo at a time, enlarges the logits and writes a PNG
file.
"""

from __future__ import annotations

import argparse
import os
import resource
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np
from PIL import Image

from schemas.enlarging import enlarged_class_ids
from schemas.exported_model import EXTRA_FOLDER, INFO_PATH, LOGITS, PREDICT_PIXELS, TFLITE_FILE, parse_model_info
from tests.bench.console import run_and_exit
from tests.bench.photos import drawn_photo
from tests.bench.table import print_row

FEW = 20
SIZE = 128
SIDE = 500  # of the photos
RUNTIMES = ("saved_model", "litert")


def draw(folder: Path, count: int) -> None:
    """Writes photos; the same for the same count."""
    folder.mkdir()
    for number in range(count):
        (folder / f"{number}.jpg").write_bytes(drawn_photo(number, (SIDE, SIDE)))


def bare_loop(runtime: str, model: Path, photos: Path, output: Path) -> None:
    """Predicts a folder without anything around it."""
    import tensorflow as tf
    from ai_edge_litert.interpreter import Interpreter

    size = parse_model_info((model / INFO_PATH).read_bytes(), INFO_PATH).image_size
    output.mkdir()
    if runtime == "litert":
        interpreter = Interpreter(model_path=str(model / EXTRA_FOLDER / TFLITE_FILE), num_threads=1)
        run = interpreter.get_signature_runner(PREDICT_PIXELS)
    else:
        loaded = tf.saved_model.load(str(model))
        run = loaded.signatures[PREDICT_PIXELS]
    for path in sorted(photos.iterdir()):
        photo = Image.open(path).convert("RGB")
        pixels = np.asarray(photo.resize((size, size), Image.Resampling.BILINEAR), np.float32)[np.newaxis]
        logits = np.asarray(run(pixels=pixels if runtime == "litert" else tf.constant(pixels))[LOGITS])[0]
        ids = enlarged_class_ids(logits, photo.height, photo.width)
        Image.fromarray(ids).save(output / f"{path.stem}.png")


def seconds(command: list[str]) -> float:
    """Processor seconds of a command and its children."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run(command, check=True, capture_output=True)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def main() -> None:
    """Draws, measures and prints; with `--bare`, runs the loop once."""
    parser = argparse.ArgumentParser(prog="python -m tests.bench.prediction")
    parser.add_argument("--encoder", default="", help="folder of a KerasHub preset (default: MobileNetV2 0.35)")
    parser.add_argument("--photos", type=int, default=300, help="(default: 300)")
    parser.add_argument("--rounds", type=int, default=3, help="of which the least counts (default: 3)")
    parser.add_argument("--bare", nargs=4, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.bare:
        runtime, *folders = options.bare
        bare_loop(runtime, *map(Path, folders))
        return
    from tests.bench.untrained import export_untrained

    os.sched_setaffinity(0, {max(os.sched_getaffinity(0))})
    print_row("processor time for each photo", ["bare loop", "the job", "share"])
    with tempfile.TemporaryDirectory() as root:
        model = Path(root, "model")
        export_untrained(model, SIZE, options.encoder)
        folders = {count: Path(root, f"photos-{count}") for count in (FEW, FEW + options.photos)}
        for count, folder in folders.items():
            draw(folder, count)
        python = [sys.executable, "-m"]
        for runtime in RUNTIMES:
            took = {name: dict.fromkeys(folders, float("inf")) for name in ("loop", "job")}
            for turn in range(options.rounds):
                for count, folder in folders.items():
                    output = f"{root}/{runtime}-{count}-{turn}"
                    loop = ["tests.bench.prediction", "--bare", runtime, str(model), str(folder), f"{output}-loop"]
                    job = ["beam_jobs.predict", f"--model={model}", f"--photos={folder}", f"--output={output}"]
                    job.append(f"--runtime={runtime}")
                    for name, command in (("loop", loop), ("job", job)):
                        took[name][count] = min(took[name][count], seconds([*python, *command]))
            each = {name: 1000 * (one[FEW + options.photos] - one[FEW]) / options.photos for name, one in took.items()}
            shown = [f"{each['loop']:.1f} ms", f"{each['job']:.1f} ms", f"{each['loop'] / each['job']:.2f}"]
            print_row(runtime, shown)


if __name__ == "__main__":
    run_and_exit(main)
