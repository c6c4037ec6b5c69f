"""Sorts the messages of a stream: records by their window, and what comes too late or is no record.

A message belongs to the window of its record's time. It is late by the time at which Pub/Sub took it, which never
changes, whoever reads it how often: the same messages are late in every run. That time is also what the watermark
follows, so that a window is complete when it closes.
"""

from __future__ import annotations

import hashlib
import zlib
from collections.abc import Iterable, Iterator
from typing import Any

import apache_beam as beam
from apache_beam.metrics import Metrics
from apache_beam.pvalue import TaggedOutput
from apache_beam.transforms.window import TimestampedValue
from apache_beam.utils.timestamp import Timestamp

from beam_jobs.monitor.pipeline import CLIENTS
from beam_jobs.monitor.request import Part
from beam_jobs.monitor.stream.request import StreamRequest
from beam_jobs.monitor.summary import NAMESPACE
from beam_jobs.records.published_records import bytes_of, parse_record
from beam_jobs.served.window import Window
from schemas.served import CLIENT, MESSAGE_ID, PHOTO_HASH, TIME

RECORDS, SURVEYED, ASIDE = "records", "surveyed", "aside"  # tags of outputs
LATE, MALFORMED = "late", "malformed"  # kinds of what is set aside
SHARDS = 16  # of a window, each measured by one worker
MAX_RECORD_BYTES = 64 << 10  # 64 KiB: a record of 1,000 classes has 40 kB; a photo is no record
_FUTURE = 10 * 60_000  # milliseconds that the clock of what answers may be ahead

Record = tuple[int, tuple[str, bytes]]  # shard; id and bytes


class SortMessages(beam.DoFn):
    """PubsubMessage -> by tag: Record and (Surveyed, 1), at a time in their window; (kind, bytes) to set aside."""

    def __init__(self, request: StreamRequest):
        self._request = request

    def process(self, message: Any, published: Any = beam.DoFn.TimestampParam) -> Iterator[TaggedOutput]:
        now = published.micros // 1000
        try:
            values = parse_record(message.data) if len(message.data) <= MAX_RECORD_BYTES else {}
            time = values.get(TIME)
            is_record = isinstance(time, int) and 0 < time <= now + _FUTURE
            client, photo = (bytes_of(values, name) for name in (CLIENT, PHOTO_HASH))
        except (ValueError, KeyError, TypeError):
            is_record, time, client, photo = False, 0, b"", b""
        if not is_record or not isinstance(time, int):
            yield TaggedOutput(ASIDE, (MALFORMED, message.data))
            return
        moment = moment_in_window(self._request, time, published)
        if moment is None:
            yield TaggedOutput(ASIDE, (LATE, message.data))
            return
        given = (message.attributes or {}).get(MESSAGE_ID) or message.message_id
        name = given or hashlib.sha256(message.data).hexdigest()
        # the same photo of a client comes to one shard, where it is recognized
        record = zlib.crc32(photo or name.encode()) % SHARDS, (name, message.data)
        yield TaggedOutput(RECORDS, TimestampedValue(record, moment))
        if client:
            key = (CLIENTS, client.decode(errors="replace"))
            yield TaggedOutput(SURVEYED, TimestampedValue((key, 1), moment))


def moment_in_window(request: StreamRequest, time: int, published: Timestamp) -> Timestamp | None:
    """The time of publication, or the first moment of a record's window; None where the window has closed.

    A window of a stream begins and ends `lateness` after the window of the records in it.
    """
    begins = (time // request.step * request.step + request.lateness) * 1000
    if published.micros >= begins + request.step * 1000:
        return None
    return Timestamp(micros=max(begins, published.micros))


def start_of(request: StreamRequest, window: Any) -> int:
    """Milliseconds at which the records of a window of the stream begin."""
    return window.start.micros // 1000 - request.lateness


class GatherShard(beam.DoFn):
    """(shard, ids and bytes of a window) -> a Part with each record once."""

    def __init__(self, request: StreamRequest):
        self._request = request

    def process(
        self, shard: tuple[int, Iterable[tuple[str, bytes]]], window: Any = beam.DoFn.WindowParam
    ) -> Iterator[Part]:
        records = sorted(shard[1])
        once = dict(reversed(records))
        Metrics.counter(NAMESPACE, "redelivered").inc(len(records) - len(once))
        start = start_of(self._request, window)
        own = Window(start, start + self._request.step)
        yield Part(self._request.request.log, (), False, tuple(sorted(once.items())), own)
