"""Keeps messages that no window has: too late, or no record; by the hour in which they came, and not all of many."""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Iterable
from typing import Any

import apache_beam as beam
from apache_beam.metrics import Metrics
from apache_beam.transforms.window import FixedWindows

from beam_jobs.monitor.stream.messages import MAX_RECORD_BYTES
from beam_jobs.monitor.summary import NAMESPACE
from beam_jobs.served.log_files import framed
from beam_jobs.storage.files import write_atomically
from schemas.served import HOUR, hour_folder

ASIDE_FOLDER = "set_aside"
MOST_KEPT = 1000  # of a kind and an hour; larger ones than a record are only counted
_HOUR_SECONDS = HOUR // 1000

Kept = tuple[int, dict[bytes, bytes]]  # how many there were; digest to bytes of some


class SetAside(beam.PTransform):
    """(kind, bytes) -> the path of each file that was written."""

    def __init__(self, output: str):
        super().__init__()
        self._output = output

    def expand(self, messages: beam.PCollection) -> beam.PCollection:
        return (
            messages
            | "ByHour" >> beam.WindowInto(FixedWindows(_HOUR_SECONDS))
            | "Keep" >> beam.CombinePerKey(_KeepSome())
            | "Write" >> beam.ParDo(_Write(self._output))
        )


class _KeepSome(beam.CombineFn):
    """Messages -> Kept: the same ones in any order."""

    def create_accumulator(self) -> Kept:
        return 0, {}

    def add_input(self, kept: Kept, message: bytes) -> Kept:
        some = dict(kept[1])
        if len(message) <= MAX_RECORD_BYTES:
            some[hashlib.sha256(message).digest()] = message
        return kept[0] + 1, _some(some)

    def merge_accumulators(self, accumulators: Iterable[Kept]) -> Kept:
        count, some = 0, {}
        for one in accumulators:
            count, some = count + one[0], _some(some | one[1])
        return count, some

    def extract_output(self, kept: Kept) -> tuple[int, list[bytes]]:
        return kept[0], [message for _, message in sorted(kept[1].items())]


def _some(messages: dict[bytes, bytes]) -> dict[bytes, bytes]:
    return messages if len(messages) <= MOST_KEPT else dict(sorted(messages.items())[:MOST_KEPT])


class _Write(beam.DoFn):
    def __init__(self, output: str):
        self._output = output

    def process(self, one: tuple[str, tuple[int, list[bytes]]], window: Any = beam.DoFn.WindowParam) -> Iterable[str]:
        kind, (count, messages) = one
        folder = f"{self._output}/{ASIDE_FOLDER}/{hour_folder(window.start.micros // 1000)}"
        path = f"{folder}/{kind}.tfrecord"
        write_atomically(path, framed(messages))
        Metrics.counter(NAMESPACE, kind).inc(count)
        # never with what is in a message
        logging.getLogger(__name__).warning("%s %s messages; %s has %s", count, kind, path, len(messages))
        yield path
