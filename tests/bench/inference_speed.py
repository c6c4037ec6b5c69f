"""How many images a second one core predicts: `python -m tests.bench.inference_speed MODEL FORMAT`.

FORMAT is `saved_model`, or the name of a TFLite file in the model's `assets.extra`. Prints the best of some rounds.
"""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np

from schemas.exported_model import CLASS_IDS, EXTRA_FOLDER, PIXELS, PREDICT_PIXELS

SAVED_MODEL = "saved_model"
ROUNDS, ROUND_SECONDS = 5, 1.0


def images_per_second(predict: Callable[[], object]) -> float:
    """Of the best round; `predict` takes one image."""
    predict()
    best = 0.0
    for _ in range(ROUNDS):
        count, start = 0, time.perf_counter()
        while (seconds := time.perf_counter() - start) < ROUND_SECONDS:
            predict()
            count += 1
        best = max(best, count / seconds)
    return best


def main(folder: Path, file: str) -> None:
    """Loads the model and prints its speed."""
    os.sched_setaffinity(0, {max(os.sched_getaffinity(0))})  # before TensorFlow counts the cores
    import tensorflow as tf
    from ai_edge_litert.interpreter import Interpreter

    model = tf.saved_model.load(str(folder))
    signature = model.signatures[PREDICT_PIXELS]
    size = signature.structured_input_signature[1][PIXELS].shape[1]
    pixels = np.random.default_rng(0).uniform(0, 255, (1, size, size, 3)).astype(np.float32)
    if file == SAVED_MODEL:
        tensor = tf.constant(pixels)
        print(images_per_second(lambda: signature(pixels=tensor)[CLASS_IDS].numpy()))
    else:
        interpreter = Interpreter(model_path=str(folder / EXTRA_FOLDER / file), num_threads=1)
        run = interpreter.get_signature_runner(PREDICT_PIXELS)
        print(images_per_second(lambda: run(pixels=pixels)))


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2])
