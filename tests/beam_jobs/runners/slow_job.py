"""A job with an element that takes long to write: `python -m tests.beam_jobs.runners.slow_job FOLDER`."""

import sys
import time
from pathlib import Path

import apache_beam as beam

from beam_jobs.runners.beam_options import parse_beam_flags
from beam_jobs.runners.forked_workers import can_fork
from beam_jobs.runners.supervision import supervised_pipeline

BEAMS_FLUSH_PERIOD = 1.0  # seconds, after which a worker sends what it has of its output, by default


class SlowToWrite:
    """Takes longer to be written than a worker waits by default before it sends what it has."""

    def __init__(self, text: str):
        self.text = text

    def __reduce__(self):
        time.sleep(1.3 * BEAMS_FLUSH_PERIOD)
        return SlowToWrite, (self.text,)


def main(folder: Path) -> None:
    """Sends one element from a forked worker to another step, which leaves its text in the folder."""
    assert can_fork()
    options = parse_beam_flags(["--direct_running_mode=multi_processing", "--direct_num_workers=1"])
    with supervised_pipeline(options) as pipeline:
        (
            pipeline
            | beam.Create(["whole"])
            | "Make" >> beam.Map(SlowToWrite)
            | "Send" >> beam.Reshuffle()
            | "Write" >> beam.Map(lambda one: (folder / "text").write_text(one.text))
        )


if __name__ == "__main__":
    from tests.beam_jobs.runners import slow_job  # so that the class has a name that can be imported

    slow_job.main(Path(sys.argv[1]))
