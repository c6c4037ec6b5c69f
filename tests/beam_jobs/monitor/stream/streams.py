"""Runs the monitor over a stream that a test draws up: messages, ticks and watermarks, with Beam's TestStream."""

from __future__ import annotations

import json
from pathlib import Path

import apache_beam as beam
from apache_beam.options.pipeline_options import PipelineOptions
from apache_beam.testing.test_stream import TestStream
from apache_beam.transforms.window import TimestampedValue
from apache_beam.utils.timestamp import Timestamp

from beam_jobs.monitor.stream.pipeline import watch
from beam_jobs.monitor.stream.request import make_stream_request
from tests.beam_jobs.monitor.served_logs import NOON

SUBSCRIPTION = "projects/my-project/subscriptions/served"
MINUTE = 60_000

Steps = list[tuple[int, list[TimestampedValue]]]  # time to which the watermark moves first; messages


def at(time: int) -> Timestamp:
    """A time in milliseconds."""
    return Timestamp(micros=time * 1000)


def run(reference: Path, output: Path, steps: Steps, until: int, start: int = NOON) -> None:
    """Watches from `start`, the beginning of a window, until a time in milliseconds, with a tick each half hour."""
    stream = TestStream(output_tags={"messages", "ticks"})
    begins = at(start - 1)
    stream = stream.advance_watermark_to(begins, tag="messages").advance_watermark_to(begins, tag="ticks")
    every = [(time, []) for time in range(start, until, 30 * MINUTE) if time not in dict(steps)]
    for time, messages in sorted([*steps, *every], key=lambda step: step[0]):
        stream = stream.advance_watermark_to(at(time), tag="messages").advance_watermark_to(at(time), tag="ticks")
        stream = stream.add_elements([TimestampedValue(None, at(time))], tag="ticks")
        if messages:
            stream = stream.add_elements(messages, tag="messages")
    stream = stream.advance_watermark_to_infinity(tag="messages").advance_watermark_to_infinity(tag="ticks")
    request = make_stream_request(SUBSCRIPTION, str(reference), str(output))
    options = PipelineOptions(["--streaming", "--allow_unsafe_triggers"])
    with beam.Pipeline("BundleBasedDirectRunner", options) as pipeline:
        read = pipeline | stream
        watch(pipeline, read["messages"], read["ticks"], request)


def drift(folder: Path) -> dict:
    """`drift.json` of a folder."""
    return json.loads((folder / "drift.json").read_text())
