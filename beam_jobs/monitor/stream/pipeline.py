"""The monitoring job as a stream: the transforms of the batch job, by window, and one result for each window."""

from __future__ import annotations

import json
import logging
import time
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import apache_beam as beam
from apache_beam.pvalue import AsDict, AsIter
from apache_beam.transforms.periodicsequence import PeriodicImpulse
from apache_beam.transforms.trigger import AccumulationMode
from apache_beam.transforms.window import FixedWindows, GlobalWindows, TimestampedValue
from apache_beam.utils.timestamp import Timestamp
from tensorflow_metadata.proto.v0.statistics_pb2 import DatasetFeatureStatisticsList as Statistics

from beam_jobs.monitor.alarms import judge
from beam_jobs.monitor.novelty import NONE_LEARNT, Learnt
from beam_jobs.monitor.pipeline import (
    ACCOUNTS,
    CANDIDATES,
    CLIENTS,
    ROWS,
    TALLIES,
    MeasurePart,
    Plan,
    learnt_of,
    summed,
    take_largest,
)
from beam_jobs.monitor.reading import Account
from beam_jobs.monitor.request import parts
from beam_jobs.monitor.slices import Tally
from beam_jobs.monitor.stream.messages import (
    ASIDE,
    RECORDS,
    SURVEYED,
    GatherShard,
    SortMessages,
    moment_in_window,
    start_of,
)
from beam_jobs.monitor.stream.request import StreamRequest
from beam_jobs.monitor.stream.set_aside import SetAside
from beam_jobs.monitor.summary import DRIFT_FILE, DRIFT_LINE, LOGGER, Measured, write_drift, write_outcome
from beam_jobs.served.window import parse_time
from beam_jobs.storage.files import read_file
from schemas.documents import MAX_JSON_BYTES
from schemas.served import FEATURE_HASH, PHOTO_HASH

_TICK_SECONDS = 60  # a window closes at most so long after its lateness
_LOG = logging.getLogger(LOGGER)
_TAGS = (ROWS, TALLIES, CANDIDATES, ACCOUNTS)


def watch_subscription(pipeline: beam.Pipeline, request: StreamRequest) -> beam.PCollection:
    """Adds the whole job to a pipeline that reads Pub/Sub; windows without a message have a result, too."""
    read = beam.io.ReadFromPubSub(subscription=request.request.log, with_attributes=True)
    start = time.time() // _TICK_SECONDS * _TICK_SECONDS
    ticks = pipeline | "Tick" >> PeriodicImpulse(start, fire_interval=_TICK_SECONDS)
    return watch(pipeline, pipeline | "ReadMessages" >> read, ticks, request)


def watch(
    pipeline: beam.Pipeline, messages: beam.PCollection, ticks: beam.PCollection, request: StreamRequest
) -> beam.PCollection:
    """Adds the graph; its output elements are the outcomes of windows, as `drift.json` has them.

    Args:
      pipeline: Of both.
      messages: `PubsubMessage`, at the time of their publication.
      ticks: Anything, at the present time, more often than a window ends.
      request: What is watched.
    """
    # accumulating: Beam's runner on this machine can't stream a combination in windows that have all the defaults
    whole = beam.WindowInto(GlobalWindows(), accumulation_mode=AccumulationMode.ACCUMULATING)
    reference = pipeline | "NameReference" >> beam.Create([*parts(request.request)]) | "Whole" >> whole
    learnt = learnt_of(reference, request.request)
    of_reference = reference | "Reference" >> _Measured(request, learnt)
    windows = FixedWindows(request.step // 1000, offset=request.lateness // 1000)
    sort = beam.ParDo(SortMessages(request)).with_outputs(RECORDS, SURVEYED, ASIDE)
    sorted_messages = messages | "SortMessages" >> sort
    _ = sorted_messages[ASIDE] | "SetAside" >> SetAside(request.output)
    most = sorted_messages[SURVEYED] | "SurveyWindows" >> beam.WindowInto(windows) | _TakeLargest()
    measured = (
        sorted_messages[RECORDS]  # Record
        | "RecordWindows" >> beam.WindowInto(windows)
        | "GatherShards" >> beam.GroupByKey()
        | "NameParts" >> beam.ParDo(GatherShard(request))
        | "Measure" >> beam.ParDo(_MeasureWindow(request.request), AsDict(most), AsDict(learnt)).with_outputs(*_TAGS)
    )
    begun = (
        ticks
        | "NameWindows" >> beam.ParDo(_NameWindow(request)).with_output_types(tuple[str, None])
        | "TickWindows" >> beam.WindowInto(windows)
        | "OncePerWindow" >> beam.CombinePerKey(lambda ticks: None)
    )
    found = zip(("statistics", "tallies", "accounts"), summed(measured, request.request))
    together = {name: one | f"Key{name.title()}" >> beam.Map(lambda value: ("", value)) for name, one in found}
    return (
        {**together, "begun": begun}
        | "GatherWindow" >> beam.CoGroupByKey()
        | "Conclude" >> beam.ParDo(_Conclude(request), AsDict(learnt), *of_reference)
    )


class _Measured(beam.PTransform):
    """Parts of the reference -> statistics, tallies and accounts of it, as side inputs."""

    def __init__(self, request: StreamRequest, learnt: beam.PCollection):
        super().__init__()
        self._request, self._learnt = request.request, learnt

    def expand(self, reference: beam.PCollection) -> Any:
        measure = beam.ParDo(MeasurePart(self._request), Plan(()), AsDict(self._learnt))
        measured = reference | "Measure" >> measure.with_outputs(*_TAGS)
        statistics, tallies, accounts = summed(measured, self._request)
        return AsIter(statistics), AsDict(tallies), AsDict(accounts)


class _TakeLargest(beam.PTransform):
    def expand(self, surveyed: beam.PCollection) -> beam.PCollection:
        return take_largest(surveyed)


class _MeasureWindow(MeasurePart):
    """The same of a window's Part; its plan is made of the survey."""

    def process(self, part, most: Mapping[str, list[tuple[int, str]]], learnt: Mapping[str, Learnt]):
        plan = Plan(tuple(client for _, client in most.get(CLIENTS, [])))
        return super().process(part, plan, learnt)


class _NameWindow(beam.DoFn):
    """A tick -> ("", None) in the window of the records of that time."""

    def __init__(self, request: StreamRequest):
        self._request = request

    def process(self, tick: Any, now: Any = beam.DoFn.TimestampParam) -> Iterator[TimestampedValue]:
        moment = moment_in_window(self._request, now.micros // 1000, Timestamp(micros=now.micros))
        if moment is not None:
            yield TimestampedValue(("", None), moment)


class _Conclude(beam.DoFn):
    """What was measured of a window -> its outcome, when everything is written; again, it writes the same files."""

    def __init__(self, request: StreamRequest):
        self._request = request

    def process(
        self,
        gathered: tuple[str, Mapping[str, Iterable[Any]]],
        learnt: Mapping[str, Learnt],
        statistics: Iterable[Statistics],
        tallies: Mapping[str, Tally],
        accounts: Mapping[str, Account],
        window: Any = beam.DoFn.WindowParam,
    ) -> Iterator[dict[str, Any]]:
        found = gathered[1]
        request = self._request.of_window(start_of(self._request, window))
        merged = Statistics()
        for one in (*statistics, *found["statistics"]):
            merged.MergeFrom(one)
        known = {name: learnt.get(name, NONE_LEARNT) for name in (FEATURE_HASH, PHOTO_HASH)}
        all_tallies = {**tallies, **dict(found["tallies"])}
        measured = Measured.of(merged, all_tallies, {**accounts, **dict(found["accounts"])}, known)
        judgement = judge(measured.summaries, all_tallies, request.classes, request.titles)
        outcome = write_outcome(request, measured, judgement, None)
        records = outcome["records"]
        if not records["judged"] and records["other_models"]:
            _LOG.warning("%sno record of %s is of the reference's model", DRIFT_LINE, request.window)
        elif not records["judged"]:
            _LOG.warning("nothing was served from %s", request.window)
        _keep_newest(self._request.output, outcome)
        yield outcome


def _keep_newest(output: str, outcome: dict[str, Any]) -> None:
    """Copies the outcome of the newest window to the output itself, where a configuration names it."""
    path = f"{output}/{DRIFT_FILE}"
    try:
        last = json.loads(read_file(path, MAX_JSON_BYTES))["window"]["to"]
    except (FileNotFoundError, ValueError, KeyError, TypeError):
        last = None
    end = outcome["window"]["to"]
    if last is None or parse_time(path, last) <= parse_time(path, end):
        write_drift(output, outcome)
