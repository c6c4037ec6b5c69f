"""The log of what is served, published: Google's client is real, its Pub/Sub is on loopback."""

import threading

import grpc
import pytest

from beam_jobs.records.published_records import parse_record
from beam_jobs.served.log_files import Keeping
from beam_jobs.served.log_writer import LogWriter
from beam_jobs.served.outbox import FLUSH_RECORDS, MOST_WAITING
from beam_jobs.served.topic_log import EMULATOR, TopicLog
from schemas.errors import UserError
from schemas.served import ENDPOINT
from tests.beam_jobs.served.pubsub_service import TOPIC, PubsubService, running_pubsub


@pytest.fixture
def pubsub(monkeypatch):
    service = PubsubService()
    with running_pubsub(service) as address:
        monkeypatch.setenv(EMULATOR, address)
        yield service


def open_log(seconds=0.05, topic=TOPIC, **options):
    """A log that publishes after `seconds` at most, and tries again as often."""
    destination = TopicLog(topic)
    destination.seconds = seconds
    return LogWriter([destination], "0123456789ab", "f" * 64, ENDPOINT, **options)


def latencies(service):
    return [parse_record(message.data)["latency_ms"] for message in service.messages]


def test_each_record_is_a_message_with_an_id_of_its_own(pubsub):
    with open_log() as log:
        log.add({"latency_ms": 1.0}, client="shop")
        pubsub.wait(messages=1)  # long before the log is closed
        log.add({"latency_ms": 2.0})
    assert latencies(pubsub) == [1.0, 2.0]
    record = parse_record(pubsub.messages[0].data)
    assert (record["client"], record["source"], record["model"]) == (b"shop", b"endpoint", b"0123456789ab")
    ids = [message.attributes["id"] for message in pubsub.messages]
    assert len(set(ids)) == 2
    assert all(set(message.attributes) == {"id"} for message in pubsub.messages)


def test_no_photo_is_published_however_many_are_kept(pubsub):
    def photo():
        raise AssertionError("nobody may look at the photo")

    with open_log(keeping=Keeping(1.0, 30, "the labelling team")) as log:
        log.add({"latency_ms": 1.0}, photo)
    (message,) = pubsub.messages
    assert "photo" not in parse_record(message.data)


def test_threads_lose_no_record_and_no_request_is_larger_than_pubsub_takes(pubsub):
    with open_log(60) as log:
        threads = [threading.Thread(target=lambda: [log.add({"x": 1.0}) for _ in range(800)]) for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert len({message.attributes["id"] for message in pubsub.messages}) == len(pubsub.messages) == 3200
    assert pubsub.requests >= 4


def test_what_waits_is_published_at_the_end(pubsub):
    with open_log(3600) as log:
        log.add({"latency_ms": 1.0})
    assert latencies(pubsub) == [1.0]
    assert log.dropped == 0


def test_an_outage_is_said_once_and_nothing_is_lost_when_it_is_over(pubsub, capfd):
    with open_log() as log:
        pubsub.fails = grpc.StatusCode.UNAVAILABLE
        log.add({"latency_ms": 1.0})
        pubsub.wait(requests=3)
        log.add({"latency_ms": 2.0})
        pubsub.fails = None
        pubsub.wait(messages=2)
    assert latencies(pubsub) == [1.0, 2.0]
    assert log.dropped == 0
    assert capfd.readouterr().err.count("can't be written to (503") == 1


def test_a_record_whose_answer_got_lost_is_published_again_with_the_same_id(pubsub):
    with open_log() as log:
        pubsub.loses_answers = True
        log.add({"latency_ms": 1.0})
        pubsub.wait(messages=2)
        pubsub.loses_answers = False
    assert len({message.attributes["id"] for message in pubsub.messages}) == 1
    assert len({message.message_id for message in pubsub.messages}) == len(pubsub.messages) >= 2


def test_a_role_that_is_taken_away_fails_no_answer(pubsub, capfd):
    with open_log() as log:
        pubsub.may_publish = False
        log.add({"latency_ms": 1.0})
        pubsub.wait(requests=1)
    assert (log.dropped, pubsub.messages) == (1, [])
    said = capfd.readouterr().err
    assert said.count("User not authorized") == 1
    assert f"log {TOPIC}: records that were dropped so far: 1" in said


def test_a_long_outage_drops_the_oldest_records_which_is_counted_and_said(pubsub, capfd):
    with open_log(3600) as log:
        pubsub.fails = grpc.StatusCode.UNAVAILABLE
        for number in range(MOST_WAITING + 6):
            log.add({"latency_ms": float(number)})
            if number == FLUSH_RECORDS:
                pubsub.wait(requests=1)
        pubsub.fails = None
    assert log.dropped == 6
    assert parse_record(pubsub.messages[0].data)["latency_ms"] == 6.0
    assert len(pubsub.messages) == MOST_WAITING
    assert "dropped so far: 6" in capfd.readouterr().err


def test_a_log_ends_where_pubsub_is_gone(monkeypatch, capfd):
    with running_pubsub(PubsubService()) as address:
        monkeypatch.setenv(EMULATOR, address)
        log = open_log(3600)
        for _ in range(FLUSH_RECORDS // 2):
            log.add({"latency_ms": 1.0})
    log.close()
    assert log.dropped == FLUSH_RECORDS // 2
    assert "can't be written to (503" in capfd.readouterr().err


@pytest.mark.parametrize(("topics", "may_publish"), [(set(), True), ({TOPIC}, False)])
def test_a_topic_that_is_not_there_or_that_refuses_is_found_at_the_start(pubsub, topics, may_publish):
    pubsub.topics, pubsub.may_publish = topics, may_publish
    with pytest.raises(UserError, match=f"log {TOPIC}: there is no such topic, or this account may not publish"):
        open_log()


def test_an_outage_at_the_start_keeps_nothing_from_being_served(pubsub, capfd):
    pubsub.fails = grpc.StatusCode.UNAVAILABLE
    with open_log() as log:
        log.add({"latency_ms": 1.0})
        pubsub.fails = None
    assert latencies(pubsub) == [1.0]
    assert "does not answer yet" in capfd.readouterr().err


def test_a_machine_without_credentials_is_named(monkeypatch, tmp_path):
    monkeypatch.delenv(EMULATOR, raising=False)
    monkeypatch.setenv("GOOGLE_APPLICATION_CREDENTIALS", str(tmp_path / "none.json"))
    with pytest.raises(UserError, match=f"log {TOPIC}: no Google credentials"):
        open_log()
