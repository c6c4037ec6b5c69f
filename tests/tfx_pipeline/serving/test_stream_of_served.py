"""The loop closes: what the server publishes gives the stream the drift that its files give the batch monitor."""

import shutil
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from apache_beam.io.gcp.pubsub import PubsubMessage
from apache_beam.transforms.window import TimestampedValue

from beam_jobs.records.published_records import parse_record
from beam_jobs.records.tfrecord import TFRecordReader
from beam_jobs.served.topic_log import EMULATOR
from beam_jobs.served.window import in_iso
from schemas.fitting import STRETCH
from schemas.served import HOUR, PREDICT, RECORDS_FOLDER, hour_folder
from tests.beam_jobs.monitor.served_logs import monitor, write_log
from tests.beam_jobs.monitor.stream.streams import at, drift, run
from tests.beam_jobs.served.pubsub_service import TOPIC, PubsubService, running_pubsub
from tests.tfx_pipeline.conftest import png_bytes
from tests.tfx_pipeline.observed_model import SIZE
from tests.tfx_pipeline.serving.servers import answering, ask, running_container
from tests.tfx_pipeline.serving.test_serving import encoded
from tfx_pipeline.config.serving_log import ServingLog
from tfx_pipeline.serving.observer import Observer
from tfx_pipeline.serving.prediction import load_signature
from tfx_pipeline.serving.service import Served

PHOTOS = 80  # enough to be judged, even where the clock strikes an hour among them


def serve(model: str, log: ServingLog, requests: list[dict]) -> None:
    """Has the server answer requests, and ends it, as a container ends."""
    with answering(lambda: Served(load_signature(model, observed=True), Observer(model, log))) as address:
        assert {ask(f"{address}predict", request)[0] for request in requests} == {200}


def photos(seed: int, brightest: int) -> Iterator[np.ndarray]:
    """Noise of any light up to a level."""
    random = np.random.default_rng(seed)
    for _ in range(PHOTOS):
        yield random.integers(0, random.integers(brightest // 4, brightest), (SIZE, SIZE, 3), dtype=np.uint8)


def requests(seed: int, brightest: int, *clients: str) -> list[dict]:
    """One for each photo, from the clients in turn."""
    return [
        {"instances": [encoded(png_bytes(photo))], "parameters": {"client": clients[number % len(clients)]}}
        for number, photo in enumerate(photos(seed, brightest))
    ]


def records_of(log: Path) -> list[dict]:
    return [parse_record(data) for path in log.rglob("*.tfrecord") for data in TFRecordReader(path.open("rb"))]


@pytest.mark.proof
def test_the_container_publishes_what_waits_when_it_is_stopped(observed_model):
    pubsub, model = PubsubService(), observed_model(STRETCH)
    with running_pubsub(pubsub) as broker:
        variables = {EMULATOR: broker, **ServingLog(topic=TOPIC).variables()}
        with running_container(f"--model={model}", variables=variables) as (address, process):
            assert ask(f"{address}/predict", requests(3, 256, "shop")[0])[0] == 200
            process.terminate()
            process.wait(60)
    (message,) = pubsub.messages
    assert parse_record(message.data)["client"] == b"shop"


@pytest.mark.proof
def test_the_stream_judges_what_the_server_publishes_as_the_batch_monitor_judges_its_files(
    observed_model, tmp_path, monkeypatch
):
    model, pubsub, log = str(observed_model(STRETCH)), PubsubService(), tmp_path / "log"
    serve(model, ServingLog(folder=str(tmp_path / "answered")), requests(1, 256, "train", "eval"))
    answered = [one | {"source": PREDICT.encode()} for one in records_of(tmp_path / "answered")]
    reference = shutil.copytree(tmp_path / "answered", tmp_path / "reference", ignore=lambda *_: [RECORDS_FOLDER])
    write_log(reference, iter(answered))
    with running_pubsub(pubsub) as address:
        monkeypatch.setenv(EMULATOR, address)
        serve(model, ServingLog(folder=str(log), topic=TOPIC), requests(2, 40, "shop", "kiosk"))

    times = sorted(one["time"] for one in records_of(log))
    hours = range(times[0] // HOUR * HOUR, times[-1] + 1, HOUR)
    messages = [
        TimestampedValue(one, at(round(1000 * one.publish_time.timestamp())))
        for one in map(PubsubMessage._from_message, pubsub.messages)  # as Beam's own reader makes them
    ]
    assert len(messages) == len(times) == PHOTOS
    again = messages[:5]  # are delivered twice
    run(reference, tmp_path / "stream", [(hours[0], [*messages, *again])], hours[-1] + 2 * HOUR, start=hours[0])

    kinds = set()
    for hour in hours:
        batch = tmp_path / "batch" / str(hour)
        monitor(log, reference, batch, f"--from={in_iso(hour)}", f"--to={in_iso(hour + HOUR)}")
        judged, streamed = drift(batch), drift(tmp_path / "stream" / hour_folder(hour))
        for name in ("model", "classes", "alarms", "notes", "reference", "slices", "limits"):
            assert streamed[name] == judged[name], name
        assert streamed["records"]["judged"] == judged["records"]["judged"] > 0
        kinds |= {alarm["kind"] for alarm in judged["alarms"]}
    assert "light" in kinds
