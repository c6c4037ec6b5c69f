"""What the log of what is served costs a request: `python -m tests.bench.serving_log MODEL [--photos=40]`.

The same drawn photos, one a request, are answered by both signatures of a SavedModel in turn: `serving_default`, and
`observe`, which also gives what is logged. Measuring and writing come after the answer was sent; they cost the machine,
not who asked. Processor time on one machine in one run, so that the shares count, not the milliseconds.
"""

from __future__ import annotations

import argparse
import statistics
import tempfile
import time
from pathlib import Path

from tests.bench.console import run_and_exit
from tests.bench.photos import drawn_photo
from tests.bench.table import print_row
from tests.sample_data.scenes import SCENES
from tfx_pipeline.config.serving_log import ServingLog
from tfx_pipeline.serving.observer import Observer
from tfx_pipeline.serving.prediction import answered, load_signature, rows_of


def main() -> None:
    """Prints the medians, and their shares of the answer without a log."""
    parser = argparse.ArgumentParser(prog="python -m tests.bench.serving_log")
    parser.add_argument("model", help="folder of an exported model")
    parser.add_argument("--photos", type=int, default=40)
    options = parser.parse_args()
    plain, observed = load_signature(options.model), load_signature(options.model, observed=True)
    photos = [drawn_photo(number, SCENES["pets"].sides) for number in range(options.photos)]
    seconds: dict[str, list[float]] = {"answer": [], "answer that is logged": [], "measure and log, afterwards": []}
    with tempfile.TemporaryDirectory() as folder:
        observer = Observer(options.model, ServingLog(folder=str(Path(folder, "log"))))
        for photo in photos[:3] + photos:  # the first ones warm up
            start = time.process_time()
            rows_of(answered(plain, [photo]))
            second = time.process_time()
            outputs = answered(observed, [photo])
            rows_of(outputs)
            third = time.process_time()
            observer.observe([photo], outputs, third - second, "")
            for name, took in zip(seconds, (second - start, third - second, time.process_time() - third)):
                seconds[name].append(took)
        observer.close()
    base = statistics.median(seconds["answer"][3:])
    print_row("", ["ms", "of the answer"])
    for name, took in seconds.items():
        median = statistics.median(took[3:])
        print_row(name, [f"{1000 * median:.2f}", f"{median / base:.3f}"])


if __name__ == "__main__":
    run_and_exit(main)
