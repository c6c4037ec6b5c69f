"""Records that wait to be written: bounded, with a thread of their own, so that no answer waits for a log."""

from __future__ import annotations

import sys
import threading
import time
from collections.abc import Sequence
from typing import NamedTuple, Protocol

from beam_jobs.records.tf_example import Value
from beam_jobs.served.log_files import Keeping

FLUSH_RECORDS = 1000  # 300 kB; what is not yet written is lost if the process is killed
MOST_WAITING = 10 * FLUSH_RECORDS
_PHOTOS_WAITING = 16  # at once, so that large photos never fill the memory; those above it are not kept
_SAY_SECONDS = 60.0


class Answer(NamedTuple):
    """The record of an answer.

    Attributes:
      time: Milliseconds since 1970 in UTC.
      number: Of the answer among those of its writer.
      values: Features, as `schemas.served` names them.
      photo: The encoded photo that is kept with it; None for none.
    """

    time: int
    number: int
    values: dict[str, Value]
    photo: bytes | None = None


class Delivery(NamedTuple):
    """What became of some answers.

    Attributes:
      left: Those that are to be tried again, in their order.
      error: What went wrong; None where nothing did.
    """

    left: Sequence[Answer] = ()
    error: Exception | None = None


class Destination(Protocol):
    """Where records go: `FolderLog` or `TopicLog`.

    Attributes:
      name: For messages.
      seconds: How long a record waits at most, while nothing goes wrong.
      keeps_photos: Whether it may get photos.
    """

    name: str
    seconds: float
    keeps_photos: bool

    def open(self, writer: str, source: str, keeping: Keeping) -> None:
        """Checks that it can be written to, for a writer (12 hexadecimal digits); UserError where it can't."""

    def deliver(self, answers: Sequence[Answer]) -> Delivery:
        """Writes answers, in their order; called by one thread, and returns within seconds."""
        ...

    def close(self) -> None:
        """Lets go of what `open` took."""


class Outbox:
    """Answers that wait for one destination; threads may share it.

    A failure never fails an answer: it is said once on standard error, and tried again `seconds` later. As long as
    nothing can be written, the newest MOST_WAITING answers are remembered; the older ones are dropped and counted, and
    once a minute it is said how many.

    Args:
      destination: Is open; the outbox closes it.

    Attributes:
      dropped: Answers that were given up; after `close`, all that were never written.
    """

    def __init__(self, destination: Destination):
        self._destination = destination
        self._lock = threading.Lock()
        self._waiting: list[Answer] = []
        self._photos = self._said = self.dropped = 0
        self._has_failed, self._said_at = False, time.monotonic() - _SAY_SECONDS
        self._is_due, self._is_closed = threading.Event(), threading.Event()
        self._thread = threading.Thread(target=self._deliver_now_and_then, daemon=True)
        self._thread.start()

    @property
    def keeps_photos(self) -> bool:
        """Whether the destination may get photos."""
        return self._destination.keeps_photos

    def expects_photo(self) -> bool:
        """Whether there is room for another photo, which is then expected."""
        with self._lock:
            has_room = self._photos < _PHOTOS_WAITING
            self._photos += has_room
        return has_room

    def put(self, answer: Answer) -> None:
        """Adds an answer; returns at once."""
        with self._lock:
            self._waiting.append(answer)
            self._drop_oldest()
            is_due = len(self._waiting) >= FLUSH_RECORDS
        if is_due:
            self._is_due.set()

    def begin_closing(self) -> None:
        """Has the thread try once more to write what waits, and end; returns at once."""
        self._is_closed.set()
        self._is_due.set()

    def close(self) -> None:
        """The same, and waits for it."""
        self.begin_closing()
        self._thread.join()
        self._destination.close()

    def _deliver_now_and_then(self) -> None:
        while not self._is_closed.is_set():
            self._is_due.wait(self._destination.seconds)
            self._is_due.clear()
            if not self._deliver():
                self._is_closed.wait(self._destination.seconds)
        self._deliver()
        with self._lock:
            self.dropped += len(self._waiting)
            self._waiting.clear()
        self._say_dropped()

    def _deliver(self) -> bool:
        """Writes what waits; False where something went wrong, and waits again."""
        with self._lock:
            waiting, self._waiting, self._photos = self._waiting, [], 0
        try:
            delivery = self._destination.deliver(waiting)
        except Exception as error:  # of a disk, a bucket, the network: no answer must fail for its record
            delivery = Delivery(waiting, error)
        if delivery.error is not None and not self._has_failed:
            self._say(f"can't be written to ({delivery.error}); answers go on")
        self._has_failed = delivery.error is not None
        with self._lock:
            self._waiting[:0] = delivery.left
            self._drop_oldest()
        if time.monotonic() - self._said_at >= _SAY_SECONDS:
            self._say_dropped()
        return delivery.error is None

    def _drop_oldest(self) -> None:
        if (more := len(self._waiting) - MOST_WAITING) > 0:
            del self._waiting[:more]
            self.dropped += more

    def _say_dropped(self) -> None:
        if self.dropped > self._said:
            self._said_at, self._said = time.monotonic(), self.dropped
            self._say(f"records that were dropped so far: {self._said:,}")

    def _say(self, text: str) -> None:
        print(f"log {self._destination.name}: {text}", file=sys.stderr, flush=True)
