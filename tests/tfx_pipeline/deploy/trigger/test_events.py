"""CloudEvents of a bucket: which of them publish a version of the pipeline's data set."""

import json

import pytest

from tfx_pipeline.deploy.trigger.events import FINALIZED, BadEvent, FinishedObject, published_version, read_event

BINARY = {"ce-type": FINALIZED, "ce-specversion": "1.0", "content-type": "application/json"}
STRUCTURED = {"content-type": "application/cloudevents+json; charset=utf-8"}
MANIFEST = {"bucket": "a-bucket", "name": "data/pets/1.1.0/manifest.json", "size": "812"}
CONFIGURED = "gs://a-bucket/data/pets/1.0.0"


def test_both_modes_of_http_tell_the_same_object():
    expected = FinishedObject("a-bucket", "data/pets/1.1.0/manifest.json")
    assert read_event(BINARY, json.dumps(MANIFEST).encode()) == expected
    whole = {"specversion": "1.0", "type": FINALIZED, "data": MANIFEST}
    assert read_event(STRUCTURED, json.dumps(whole).encode()) == expected


def pushed(**attributes):
    """The body of a push subscription's request."""
    return json.dumps({"message": {"attributes": attributes}, "subscription": "projects/p/subscriptions/s"}).encode()


def test_a_buckets_notification_tells_the_same_object():
    named = {"bucketId": "a-bucket", "objectId": "data/pets/1.1.0/manifest.json"}
    assert read_event({}, pushed(eventType="OBJECT_FINALIZE", **named)) == FinishedObject(*named.values())
    assert read_event({}, pushed(eventType="OBJECT_DELETE", **named)) is None


def test_events_of_other_types_are_no_concern():
    deleted = BINARY | {"ce-type": "google.cloud.storage.object.v1.deleted"}
    assert read_event(deleted, json.dumps(MANIFEST).encode()) is None


@pytest.mark.parametrize(
    ("headers", "body"),
    [
        ({}, b"{}"),
        (BINARY, b"not JSON"),
        (BINARY, b"\xff\xfe"),
        (BINARY, b"[]"),
        (BINARY, b"[" * 100_000),
        (BINARY, b'{"a": ' * 100_000),
        (BINARY, b'{"bucket": "a", "name": "b", "name": "c"}'),
        (BINARY, b'{"bucket": "a", "name": NaN}'),
        (BINARY, b'{"bucket": "a-bucket"}'),
        (BINARY, b'{"bucket": "a-bucket", "name": 7}'),
        ({}, b'{"message": 7, "subscription": "s"}'),
        ({}, b'{"message": {"attributes": {}}, "subscription": "s"}'),
        ({}, b'{"message": {"attributes": {"eventType": "OBJECT_FINALIZE", "bucketId": 7}}, "subscription": "s"}'),
        (STRUCTURED, b"[1]"),
        (STRUCTURED, json.dumps({"type": FINALIZED}).encode()),
    ],
)
def test_what_is_no_event_of_an_object_is_refused(headers, body):
    with pytest.raises(BadEvent):
        read_event(headers, body)


def test_a_manifest_of_the_data_set_publishes_its_version():
    finished = FinishedObject("a-bucket", "data/pets/1.1.0/manifest.json")
    assert published_version(finished, CONFIGURED) == "gs://a-bucket/data/pets/1.1.0"
    assert published_version(finished, CONFIGURED + "/") == "gs://a-bucket/data/pets/1.1.0"


@pytest.mark.parametrize(
    ("bucket", "name"),
    [
        ("a-bucket", "data/pets/1.1.0/examples/Split-train/pets-train.tfrecord-00000-of-00008"),
        ("a-bucket", "data/pets/1.1.0/manifest.json.1f.tmp"),
        ("a-bucket", "data/pets/_staging/1.1.0/manifest.json"),
        ("a-bucket", "data/pets/_rejected/1.1.0/manifest.json"),
        ("a-bucket", "data/pets/../birds/manifest.json"),
        ("a-bucket", "data/pets/..%2f/manifest.json"),
        ("a-bucket", "data/pets/manifest.json"),
        ("a-bucket", "data/birds/1.1.0/manifest.json"),
        ("a-bucket", "elsewhere/data/pets/1.1.0/manifest.json"),
        ("another-bucket", "data/pets/1.1.0/manifest.json"),
    ],
)
def test_nothing_else_publishes_a_version(bucket, name):
    assert published_version(FinishedObject(bucket, name), CONFIGURED) is None
