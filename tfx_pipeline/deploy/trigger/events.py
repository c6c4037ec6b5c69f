"""Reads CloudEvents: which object was finalized in which bucket.

The formats are those of the CloudEvents specification 1.0, "HTTP protocol binding", binary and structured mode, with
Cloud Storage's event `google.cloud.storage.object.v1.finalized`, whose data is the object's resource; and what a
Pub/Sub push subscription sends for a bucket's notification, whose attributes name event, bucket and object ("Push
subscriptions" and "Pub/Sub notifications for Cloud Storage" of Google Cloud). Terraform sets up the latter.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import NamedTuple

from schemas.documents import parse_json
from schemas.errors import UserError
from schemas.version_files import MANIFEST_FILE, VERSION

FINALIZED = "google.cloud.storage.object.v1.finalized"
NOTIFIED = "OBJECT_FINALIZE"  # the same in a notification
STRUCTURED = "application/cloudevents+json"


class BadEvent(ValueError):
    """The request is not a CloudEvent about an object."""


class FinishedObject(NamedTuple):
    """An object that was completely written."""

    bucket: str
    name: str


def read_event(headers: Mapping[str, str], body: bytes) -> FinishedObject | None:
    """Returns the object that an event is about; None for an event of another type.

    Args:
      headers: Of the HTTP request, names in lower case.
      body: Of the HTTP request.

    Raises:
      BadEvent: The request is not a CloudEvent, or names no object.
    """
    try:
        content = parse_json(body or b"null", "the body")
    except UserError as error:
        raise BadEvent(str(error)) from None
    if isinstance(content, dict) and "message" in content and "subscription" in content:
        return _notified(content["message"])
    if headers.get("content-type", "").startswith(STRUCTURED):
        if not isinstance(content, dict):
            raise BadEvent("a structured CloudEvent is a JSON object")
        kind, data = content.get("type"), content.get("data")
    else:
        kind, data = headers.get("ce-type"), content
    if not isinstance(kind, str):
        raise BadEvent("not a CloudEvent: it has no type")
    if kind != FINALIZED:
        return None
    finished = _finished(data.get("bucket"), data.get("name")) if isinstance(data, dict) else None
    if finished is None:
        raise BadEvent("the event names no bucket and object")
    return finished


def _notified(message: object) -> FinishedObject | None:
    """The object that a notification is about."""
    attributes = message.get("attributes") if isinstance(message, dict) else None
    if not isinstance(attributes, dict) or not isinstance(attributes.get("eventType"), str):
        raise BadEvent("the message is not a bucket's notification: it has no eventType")
    if attributes["eventType"] != NOTIFIED:
        return None
    finished = _finished(attributes.get("bucketId"), attributes.get("objectId"))
    if finished is None:
        raise BadEvent("the notification names no bucket and object")
    return finished


def _finished(bucket: object, name: object) -> FinishedObject | None:
    """The object; None where bucket or name is empty, or not a text."""
    return (
        FinishedObject(bucket, name) if isinstance(bucket, str) and isinstance(name, str) and bucket and name else None
    )


def published_version(finished: FinishedObject, configured: str) -> str | None:
    """Returns the version that an object publishes; None if it is not a manifest of the pipeline's data set.

    Args:
      finished: The object.
      configured: Any version of that data set, as `gs://BUCKET/.../DATASET/VERSION`; only its folder matters.

    Returns:
      `gs://BUCKET/.../DATASET/VERSION`.
    """
    root = configured.rstrip("/").rpartition("/")[0]
    uri = f"gs://{finished.bucket}/{finished.name}"
    match = re.fullmatch(rf"({re.escape(root)}/{VERSION})/{re.escape(MANIFEST_FILE)}", uri)
    return match[1] if match else None
