"""Google's Pub/Sub on loopback, as far as a publisher sees it: the real client reaches it by PUBSUB_EMULATOR_HOST.

The requests and answers are those of `google.pubsub.v1.Publisher` and `google.iam.v1.IAMPolicy`.
"""

from __future__ import annotations

import sys
import threading
from collections.abc import Iterator
from concurrent import futures
from contextlib import contextmanager
from datetime import datetime, timezone

import grpc
from google.iam.v1.iam_policy_pb2 import TestIamPermissionsRequest, TestIamPermissionsResponse
from google.pubsub_v1.types import PublishRequest, PublishResponse, PubsubMessage

TOPIC = "projects/my-project-1/topics/served"
PUBLISH = "pubsub.topics.publish"
_MOST_MESSAGES, _MOST_BYTES = 1000, 10_000_000  # of a request: cloud.google.com/pubsub/quotas
_PATIENCE = 60  # seconds


class PubsubService(grpc.GenericRpcHandler):
    """Takes what is published.

    Attributes:
      topics: Those that exist.
      may_publish: Whether the caller has `roles/pubsub.publisher` on them.
      fails: The status of every request; None while there is no outage.
      loses_answers: Whether messages are taken, and the answer gets lost.
      messages: What was published, as subscribers get it: with id and time of publication.
      requests: How many there were to publish.
    """

    def __init__(self):
        self.topics = {TOPIC}
        self.may_publish, self.loses_answers = True, False
        self.fails: grpc.StatusCode | None = None
        self.messages: list[PubsubMessage] = []
        self.requests = 0
        self._changed = threading.Condition()

    def service(self, handler_call_details: grpc.HandlerCallDetails):
        """The handler of a method."""
        method = handler_call_details.method
        if method == "/google.pubsub.v1.Publisher/Publish":
            return grpc.unary_unary_rpc_method_handler(
                self._publish, PublishRequest.deserialize, PublishResponse.serialize
            )
        if method == "/google.iam.v1.IAMPolicy/TestIamPermissions":
            return grpc.unary_unary_rpc_method_handler(
                self._held, TestIamPermissionsRequest.FromString, lambda answer: answer.SerializeToString()
            )
        return None

    def wait(self, messages: int = 0, requests: int = 0) -> None:
        """Waits until there were so many."""
        with self._changed:
            arrived = self._changed.wait_for(
                lambda: len(self.messages) >= messages and self.requests >= requests, _PATIENCE
            )
        assert arrived, (len(self.messages), self.requests)

    def _publish(self, request: PublishRequest, context: grpc.ServicerContext) -> PublishResponse:
        with self._changed:
            self.requests += 1
            self._changed.notify_all()
            if self.fails:
                context.abort(self.fails, "The service was unable to fulfill your request.")
            if request.topic not in self.topics:
                context.abort(grpc.StatusCode.NOT_FOUND, f"Resource not found (resource={request.topic}).")
            if not self.may_publish:
                context.abort(grpc.StatusCode.PERMISSION_DENIED, "User not authorized to perform this action.")
            size = PublishRequest.pb(request).ByteSize()
            if len(request.messages) > _MOST_MESSAGES or size > _MOST_BYTES:
                context.abort(grpc.StatusCode.INVALID_ARGUMENT, "The value for message_count or size is too large.")
            for message in request.messages:
                message.message_id = str(len(self.messages) + 1)
                message.publish_time = datetime.now(timezone.utc)
                self.messages.append(message)
            self._changed.notify_all()
            if self.loses_answers:
                context.abort(grpc.StatusCode.UNAVAILABLE, "Connection reset by peer")
            some = self.messages[len(self.messages) - len(request.messages) :]
            return PublishResponse(message_ids=[message.message_id for message in some])

    def _held(self, request: TestIamPermissionsRequest, context: grpc.ServicerContext) -> TestIamPermissionsResponse:
        if self.fails:
            context.abort(self.fails, "The service was unable to fulfill your request.")
        is_there = request.resource in self.topics and self.may_publish
        return TestIamPermissionsResponse(permissions=request.permissions if is_there else [])


@contextmanager
def running_pubsub(service: PubsubService) -> Iterator[str]:
    """Runs until the block ends; yields HOST:PORT."""
    server = grpc.server(futures.ThreadPoolExecutor(4), handlers=[service])
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    try:
        yield f"127.0.0.1:{port}"
    finally:
        server.stop(grace=None).wait()


def main() -> None:
    """Prints HOST:PORT, and runs until the input ends: a process of its own, whose work nobody else is charged with."""
    with running_pubsub(PubsubService()) as address:
        print(address, flush=True)
        sys.stdin.read()


if __name__ == "__main__":
    main()
