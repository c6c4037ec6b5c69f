"""The log of what is served as messages of Pub/Sub: each record a message, for `beam_jobs.dataflow.monitor_stream`.

A message's data is the serialized record, and its attribute ID names it: it stays the same where a record is published
again, because an answer of Pub/Sub got lost. Nothing of a photo is in a message, nor where one is kept.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from beam_jobs.records.tf_example import to_example
from beam_jobs.served.log_files import Keeping
from beam_jobs.served.outbox import FLUSH_RECORDS, Answer, Delivery
from schemas.errors import UserError
from schemas.served import MESSAGE_ID

if TYPE_CHECKING:
    from google.pubsub_v1 import PublisherClient
    from google.pubsub_v1.types import PubsubMessage

PUBLISH = "pubsub.topics.publish"  # the permission
EMULATOR = "PUBSUB_EMULATOR_HOST"  # as Google's clients name it: HOST:PORT of a server without credentials
_MAX_REQUEST_BYTES = 5_000_000  # Pub/Sub takes 10 MB and 1,000 messages a request
_TIMEOUT_SECONDS = 10


class TopicLog:
    """A `Destination` of messages.

    Args:
      topic: `projects/PROJECT/topics/NAME`.
    """

    seconds, keeps_photos = 10.0, False

    def __init__(self, topic: str):
        self.name = topic
        self._writer = ""
        self._client: PublisherClient

    def open(self, writer: str, source: str, keeping: Keeping) -> None:
        """Connects, and asks whether this account may publish; where Pub/Sub does not answer, that is only said."""
        self._writer = writer
        self._client = _publisher(self.name)
        self._check()

    def deliver(self, answers: Sequence[Answer]) -> Delivery:
        """Publishes; the first request that fails leaves its answers and the later ones."""
        published = 0
        for messages in _requests(self._message(one) for one in answers):
            try:
                self._client.publish(topic=self.name, messages=messages, retry=None, timeout=_TIMEOUT_SECONDS)
            except Exception as error:
                return Delivery(answers[published:], error)
            published += len(messages)
        return Delivery()

    def close(self) -> None:
        """Ends the connection."""
        self._client.transport.close()

    def _message(self, one: Answer) -> PubsubMessage:
        from google.pubsub_v1.types import PubsubMessage

        return PubsubMessage(data=to_example(one.values), attributes={MESSAGE_ID: f"{self._writer}-{one.number:06d}"})

    def _check(self) -> None:
        """Raises UserError where Pub/Sub says that nothing can be published.

        It is asked for the permission, because an account that may publish need not be allowed to see the topic.
        """
        from google.api_core.exceptions import (
            BadRequest,
            Forbidden,
            GoogleAPICallError,
            MethodNotImplemented,
            NotFound,
            Unauthorized,
        )
        from google.iam.v1.iam_policy_pb2 import TestIamPermissionsRequest

        request = TestIamPermissionsRequest(resource=self.name, permissions=[PUBLISH])
        try:
            held = self._client.test_iam_permissions(request, retry=None, timeout=_TIMEOUT_SECONDS).permissions
        except MethodNotImplemented:  # of an emulator
            return
        except (BadRequest, Forbidden, NotFound, Unauthorized) as error:
            raise UserError(f"log {self.name}: can't be published to ({error.message})") from None
        except GoogleAPICallError as error:
            print(f"log {self.name}: does not answer yet ({error}); answers go on", file=sys.stderr, flush=True)
            return
        if PUBLISH not in held:
            raise UserError(
                f"log {self.name}: there is no such topic, or this account may not publish to it; make it, or grant"
                " the account roles/pubsub.publisher on it"
            )


def _publisher(topic: str) -> PublisherClient:
    """Google's client; UserError without credentials."""
    from google.auth.exceptions import DefaultCredentialsError
    from google.pubsub_v1 import PublisherClient

    if host := os.environ.get(EMULATOR):
        import grpc
        from google.pubsub_v1.services.publisher.transports import PublisherGrpcTransport

        channel = grpc.insecure_channel(host, options=[("grpc.enable_http_proxy", 0)])
        return PublisherClient(transport=PublisherGrpcTransport(channel=channel))
    try:
        return PublisherClient()
    except DefaultCredentialsError:
        raise UserError(f"log {topic}: no Google credentials; an account that may publish to it must serve") from None


def _requests(messages: Iterator[PubsubMessage]) -> Iterator[list[PubsubMessage]]:
    """Messages, as many together as a request takes."""
    some: list[PubsubMessage] = []
    size = 0
    for message in messages:
        if some and (len(some) == FLUSH_RECORDS or size + len(message.data) > _MAX_REQUEST_BYTES):
            yield some
            some, size = [], 0
        some.append(message)
        size += len(message.data)
    if some:
        yield some
