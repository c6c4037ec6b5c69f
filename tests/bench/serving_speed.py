"""What an answer takes, by format, size and threads: `python -m tests.bench.serving_speed --encoder=FOLDER`.

A U-Net of each size is exported without trained weights, which do not change its speed. The formats answer in turn in
one process, so that a busy moment of the machine meets all of them, and the best of some rounds counts. All answer one
photo at a time. `answer` is what an endpoint does: a JPEG of 500x375 pixels to a PNG mask of that size; the others take
pixels of the model's size and give its logits and class ids.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np

from schemas.exported_model import EXTRA_FOLDER, INT8_TFLITE_FILE, PREDICT_PIXELS, TFLITE_FILE
from tests.bench.console import run_and_exit
from tests.bench.table import print_row

FORMATS = ("answer", "SavedModel", "TFLite", "TFLite int8")
ROUNDS, ROUND_SECONDS = 5, 0.7


def measure(folder: Path, size: int, threads: int) -> dict[str, float]:
    """Milliseconds of one answer by each format: of a process of its own, which holds TensorFlow to its threads."""
    import tensorflow as tf
    from ai_edge_litert.interpreter import Interpreter

    tf.config.threading.set_intra_op_parallelism_threads(threads)
    tf.config.threading.set_inter_op_parallelism_threads(1)
    random = np.random.default_rng(0)
    pixels = random.uniform(0, 255, (1, size, size, 3)).astype(np.float32)
    smooth = tf.image.resize(random.uniform(0, 255, (12, 16, 3)), (375, 500), "bicubic")
    photo = tf.io.encode_jpeg(tf.saturate_cast(smooth, tf.uint8))[tf.newaxis]
    model = tf.saved_model.load(str(folder))
    serve, predict = model.signatures["serving_default"], model.signatures[PREDICT_PIXELS]
    tensor = tf.constant(pixels)

    def runner(name: str) -> Callable[[], object]:
        interpreter = Interpreter(model_path=str(folder / EXTRA_FOLDER / name), num_threads=threads)
        run = interpreter.get_signature_runner(PREDICT_PIXELS)
        return lambda: (interpreter, run(pixels=pixels))

    calls = (
        lambda: serve(image_bytes=photo)["mask_bytes"].numpy(),
        lambda: predict(pixels=tensor)["class_ids"].numpy(),
        runner(TFLITE_FILE),
        runner(INT8_TFLITE_FILE),
    )
    best = dict.fromkeys(FORMATS, float("inf"))
    for call in calls:
        call()
    for _ in range(ROUNDS):
        for name, call in zip(FORMATS, calls):
            count, start = 0, time.perf_counter()
            while (seconds := time.perf_counter() - start) < ROUND_SECONDS:
                call()
                count += 1
            best[name] = min(best[name], 1000 * seconds / count)
    return best


def main() -> None:
    """Exports, measures and prints; with `--measure`, one size and one number of threads."""
    parser = argparse.ArgumentParser(prog="python -m tests.bench.serving_speed")
    parser.add_argument("--encoder", default="", help="folder of a KerasHub preset (default: MobileNetV2 0.35)")
    parser.add_argument("--sizes", type=int, nargs="+", default=[128, 256, 512], help="(default: 128 256 512)")
    parser.add_argument("--threads", type=int, nargs="+", default=[1, 2], help="(default: 1 2)")
    parser.add_argument("--measure", type=Path, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.measure:
        print(json.dumps(measure(options.measure, options.sizes[0], options.threads[0])))
        return
    from tests.bench.untrained import export_untrained

    print_row("", [*FORMATS, "of SavedModel"])
    for size in options.sizes:
        with tempfile.TemporaryDirectory() as folder:
            export_untrained(Path(folder), size, options.encoder)
            for threads in options.threads:
                command = [sys.executable, "-m", "tests.bench.serving_speed", f"--measure={folder}"]
                command += ["--sizes", str(size), "--threads", str(threads)]
                answered = subprocess.run(command, capture_output=True, text=True, check=True)
                took = json.loads(answered.stdout.splitlines()[-1])
                shown = [f"{took[name]:.1f} ms" for name in FORMATS]
                ratio = f"{took['TFLite int8'] / took['SavedModel']:.2f}"
                print_row(f"{size} px, {threads} thread{'s' * (threads > 1)}", [*shown, ratio])


if __name__ == "__main__":
    run_and_exit(main)
