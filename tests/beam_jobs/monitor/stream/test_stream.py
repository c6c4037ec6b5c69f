"""The monitor as a stream, with Beam's TestStream: which messages count, and what is written for each hour."""

from pathlib import Path

import numpy as np
import pytest
from apache_beam.io.gcp.pubsub import PubsubMessage
from apache_beam.transforms.window import TimestampedValue

from beam_jobs.monitor.stream.request import make_stream_request
from beam_jobs.records.tf_example import to_example
from beam_jobs.records.tfrecord import TFRecordReader
from schemas.errors import UserError
from schemas.served import HOUR
from tests.beam_jobs.monitor.served_logs import MODEL, NOON, TRAINED_ON, draw, monitor, write_log
from tests.beam_jobs.monitor.stream.streams import MINUTE, SUBSCRIPTION, at, drift, run

pytestmark = pytest.mark.proof
RANDOM = np.random.default_rng(3)


def record(time, **changes):
    names = {"model": MODEL.encode(), "trained_on": TRAINED_ON.encode(), "source": b"app", "client": b"shop"}
    return {**draw(RANDOM), **names, "time": time, **changes}


def message(one, published=None, name=None):
    data = one if isinstance(one, bytes) else to_example(one)
    attributes = {"id": name} if name else {}
    return TimestampedValue(PubsubMessage(data, attributes), at(published if published is not None else one["time"]))


def aside(output: Path, kind: str) -> list[bytes]:
    (path,) = output.glob(f"set_aside/*/*/{kind}.tfrecord")
    with path.open("rb") as file:
        return [*TFRecordReader(file)]


def test_each_hour_has_one_result_of_what_came_in_time_and_the_rest_is_kept_aside(reference, tmp_path):
    dark = [record(NOON + number * MINUTE, brightness=0.02) for number in range(40)]
    within = record(NOON + 30 * MINUTE)
    late = record(NOON + 31 * MINUTE)
    third = record(NOON + 2 * HOUR + MINUTE)
    malformed = b"\xff no record, and never in a line of the log"
    steps = [
        (NOON, [message(one) for one in dark]),
        (NOON + 50 * MINUTE, [message(dark[0]), message(malformed, NOON + 50 * MINUTE)]),  # the first: delivered again
        (NOON + HOUR + 5 * MINUTE, [message(within, NOON + HOUR + 5 * MINUTE)]),
        (NOON + HOUR + 20 * MINUTE, [message(late, NOON + HOUR + 20 * MINUTE)]),
        (NOON + 2 * HOUR + MINUTE, [message(third)]),
    ]
    run(reference, tmp_path, steps, NOON + 3 * HOUR)
    first, empty, last = (drift(tmp_path / f"2026-11-29/{hour}") for hour in (12, 13, 14))
    assert first["records"]["judged"] == first["records"]["read"] == 41
    assert first["window"]["from"] == "2026-11-29T12:00Z"
    assert {one["kind"] for one in first["alarms"]} == {"light"}
    assert (empty["records"]["judged"], empty["alarms"]) == (0, [])
    assert last["records"]["judged"] == 1
    assert (tmp_path / "2026-11-29/12/monitor.html").exists()
    assert drift(tmp_path) == last  # the newest
    assert aside(tmp_path, "malformed") == [malformed]
    assert aside(tmp_path, "late") == [to_example(late)]


def test_a_window_has_the_figures_that_the_batch_job_gives(reference, tmp_path):
    records = [record(NOON + number * 10_000, client=b"shop_%d" % (number % 2)) for number in range(90)]
    run(reference, tmp_path / "stream", [(NOON, [message(one) for one in records])], NOON + MINUTE)
    assert monitor(write_log(tmp_path / "log", iter(records)), reference, tmp_path / "batch") == 0
    streamed, batch = drift(tmp_path / "stream/2026-11-29/12"), drift(tmp_path / "batch")
    for name in ("alarms", "notes", "reference", "limits"):
        assert streamed[name] == batch[name]
    for name in ("served", "reference", "client shop_0", "client shop_1"):
        assert streamed["slices"][name] == batch["slices"][name]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"subscription": "served"}, "--subscription=served: write it as projects/PROJECT/subscriptions/NAME"),
        ({"hours": 5}, "--window_hours=5: must be 1, 2, 3"),
        ({"lateness": -1}, "--lateness=-1: must be from 0 to 1,440 minutes"),
    ],
)
def test_what_cannot_be_watched_is_named(tmp_path, options, message):
    given = {"subscription": SUBSCRIPTION, "reference": f"{tmp_path}/none", "output": f"{tmp_path}/out"} | options
    with pytest.raises(UserError, match=message):
        make_stream_request(**given)
