"""Records a second through the streaming monitor, and what publishing one takes: `python -m tests.bench.stream`.

The messages are drawn at random: four hours, 100 clients, three sources. They go through the transforms of
`beam_jobs.dataflow.monitor_stream` from a bounded source, with Beam's runner on this machine, against a reference of
20,000 photos of train and 4,000 of eval: each photo is compared with as many hashes as it ever is. The rate is that of
the additional records of a larger run, so that what a job takes once does not count. Processor time of one process.

Publishing goes to a Pub/Sub on loopback, in another process, with Google's client; it happens in a thread of its own.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import apache_beam as beam
import numpy as np
from apache_beam.io.gcp.pubsub import PubsubMessage
from apache_beam.transforms.window import TimestampedValue

from beam_jobs.monitor.stream.pipeline import watch
from beam_jobs.monitor.stream.request import make_stream_request
from beam_jobs.records.tf_example import to_example
from beam_jobs.records.tfrecord import TFRecordReader
from beam_jobs.served.log_files import KEEPS_NONE, framed
from beam_jobs.served.outbox import Answer
from beam_jobs.served.topic_log import EMULATOR, TopicLog
from schemas.served import ENDPOINT, HOUR, SOURCES
from tests.beam_jobs.monitor.served_logs import NOON, Record, draw, make_reference
from tests.beam_jobs.monitor.stream.streams import SUBSCRIPTION, at
from tests.beam_jobs.served.pubsub_service import TOPIC
from tests.bench.console import run_and_exit

HOURS, CLIENTS = 4, 100
_DRAWN = 2000  # photos, whose measures all records have
_WARM_UP = 500  # records
_PUBLISHED = 1000  # records


def main() -> None:
    """Prints the rate of the stream, then the milliseconds of publishing."""
    parser = argparse.ArgumentParser(prog="python -m tests.bench.stream")
    parser.add_argument("--records", type=int, default=12_000)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        make_reference(folder / "reference", 20_000, 4_000)
        taken = {records: _watched(folder, records) for records in (_WARM_UP, options.records // 8, options.records)}
    few, many = options.records // 8, options.records
    rate = (many - few) / (taken[many] - taken[few])
    print(f"{many:,} records: {taken[many]:.0f} s of processor time, of which {taken[_WARM_UP]:.0f} for any job")
    print(f"{rate:,.0f} more records/s per core")
    for together in (1, 10, 100):
        print(f"published {together} a request: {_published(together):.3f} ms of processor time a record")


def _watched(folder: Path, records: int) -> float:
    """Seconds of processor time of one job."""
    messages = folder / f"messages-{records}.tfrecord"
    messages.write_bytes(framed(to_example(record) for record in _records(records)))
    request = make_stream_request(SUBSCRIPTION, str(folder / "reference"), str(folder / f"output-{records}"))
    began = time.process_time()
    with beam.Pipeline("FnApiRunner") as pipeline:
        read = pipeline | "Name" >> beam.Create([str(messages)]) | "Read" >> beam.FlatMap(_messages)
        ticks = [TimestampedValue(None, at(NOON + hour * HOUR)) for hour in range(HOURS)]
        named = pipeline | "Ticks" >> beam.Create(range(HOURS)) | "Tick" >> beam.Map(ticks.__getitem__)
        watch(pipeline, read, named, request)
    return time.process_time() - began


def _messages(path: str) -> Iterator[TimestampedValue]:
    """Each at the time of its record."""
    with open(path, "rb") as file:
        for number, data in enumerate(TFRecordReader(file)):
            time = NOON + number % HOURS * HOUR + number // HOURS
            yield TimestampedValue(PubsubMessage(data, {"id": f"{number}"}), at(time))


def _records(count: int) -> Iterator[Record]:
    random = np.random.default_rng(1)
    drawn = [draw(random) for _ in range(_DRAWN)]
    for number in range(count):
        place = {
            "time": NOON + number % HOURS * HOUR + number // HOURS,
            "model": b"1700000000",
            "trained_on": b"f" * 64,
            "source": SOURCES[number % len(SOURCES)].encode(),
            "client": f"client_{int(random.integers(CLIENTS))}".encode(),
        }
        yield drawn[int(random.integers(_DRAWN))] | place | {"photo_hash": random.bytes(32)}


def _published(together: int) -> float:
    """Milliseconds of processor time a record, with so many in a request."""
    command = [sys.executable, "-m", "tests.beam_jobs.served.pubsub_service"]
    process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    if process.stdin is None or process.stdout is None:
        raise RuntimeError("the loopback server has no pipes")
    os.environ[EMULATOR] = process.stdout.readline().strip()
    log = TopicLog(TOPIC)
    log.open("0123456789ab", ENDPOINT, KEEPS_NONE)
    answers = [Answer(NOON, number, values) for number, values in enumerate(_records(together))]
    log.deliver(answers)  # warms up
    began = time.process_time()
    for _ in range(_PUBLISHED // together):
        if (error := log.deliver(answers).error) is not None:
            raise error
    used = time.process_time() - began
    log.close()
    process.stdin.close()
    process.wait()
    return 1000 * used / _PUBLISHED


if __name__ == "__main__":
    run_and_exit(main)
