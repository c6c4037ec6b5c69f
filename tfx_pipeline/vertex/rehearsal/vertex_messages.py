"""What the stand-in of Vertex AI shares between its parts: resources by name, and Google's forms of an answer."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import grpc
from google.longrunning import operations_pb2
from google.protobuf import any_pb2
from google.protobuf.message import Message
from google.protobuf.timestamp_pb2 import Timestamp

from tfx_pipeline.vertex.rehearsal.storage import PROJECT_NUMBER

Json = dict[str, Any]


@dataclass(frozen=True)
class Call:
    """One call to Vertex AI.

    Attributes:
      step: The rehearsed step at that time.
      method: Such as `UploadModel`.
      request: The message as JSON.
    """

    step: str
    method: str
    request: Json


def plain(message) -> Message:
    """The protobuf message, which Google's newer classes wrap."""
    return message if isinstance(message, Message) else type(message).pb(message)


def done(response) -> operations_pb2.Operation:
    """A long-running operation that has ended with a response."""
    packed = any_pb2.Any()
    packed.Pack(plain(response))
    return operations_pb2.Operation(name=f"projects/{PROJECT_NUMBER}/operations/1", done=True, response=packed)


def now() -> Timestamp:
    """The time, as resources carry it."""
    time = Timestamp()
    time.GetCurrentTime()
    return time


def find(known: dict[str, Any], name: str, context) -> Any:
    """The resource of that name; aborts the call where there is none."""
    # Clients name resources by the project's id or number; the service uses the name of the first request.
    for one, value in known.items():
        if one.split("/")[2:] == name.split("/")[2:]:
            return value
    return context.abort(grpc.StatusCode.NOT_FOUND, f"{name} is not found")


def with_display_name(resources: Iterable[Any], wanted: str) -> list[Any]:
    """Resources that match a filter such as `display_name="pets"`."""
    match = re.search(r'display_name="([^"]*)"', wanted)
    return [one for one in resources if match is None or one.display_name == match[1]]
