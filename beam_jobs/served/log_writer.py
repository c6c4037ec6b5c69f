"""Makes the records of what is served, and hands them to where they go: a folder, a topic of Pub/Sub, or both."""

from __future__ import annotations

import threading
import time
import uuid
from collections.abc import Callable, Sequence

import numpy as np

from beam_jobs.records.tf_example import Value
from beam_jobs.served.log_files import KEEPS_NONE, Keeping, answered_by, encode_photo
from beam_jobs.served.outbox import Answer, Destination, Outbox
from schemas.served import CLIENT, MAX_CLIENT, TIME


class LogWriter:
    """Writes records of one model's answers; threads may share it. Use it in a `with` block, or call `close`.

    `add` only remembers; a thread for each destination writes, as `beam_jobs.served.outbox` says.

    Args:
      destinations: Where each record goes.
      model: The model that answers, as `beam_jobs.storage.models.model_digest` names it.
      trained_on: manifest_sha256 of the version that it was trained on.
      source: What answers, one of `schemas.served.SOURCES`.
      keeping: Which photos are kept, by a destination that can.
      clock: Milliseconds since 1970; another clock is for tests.

    Raises:
      UserError: A destination can't be written to, or `keeping` leaves something out.
    """

    def __init__(
        self,
        destinations: Sequence[Destination],
        model: str,
        trained_on: str,
        source: str,
        keeping: Keeping = KEEPS_NONE,
        clock: Callable[[], int] = lambda: time.time_ns() // 1_000_000,
    ):
        keeping.check()
        self._keeping, self._clock = keeping, clock
        self._common = answered_by(model, trained_on, source)
        self._writer = uuid.uuid4().hex[:12]
        self._lock, self._answers = threading.Lock(), 0
        for destination in destinations:
            destination.open(self._writer, source, keeping)
        self._outboxes = [Outbox(destination) for destination in destinations]
        self._keeper = next((outbox for outbox in self._outboxes if outbox.keeps_photos), None)

    @property
    def dropped(self) -> int:
        """Records that a destination never got; after `close`, all of them."""
        return sum(outbox.dropped for outbox in self._outboxes)

    def add(self, values: dict[str, Value], photo: Callable[[], np.ndarray] | None = None, client: str = "") -> None:
        """Adds a record.

        Args:
          values: What `measured` gave, and the latency.
          photo: Gives the upright photo, uint8 [H, W, 3]; called and kept only if the sample takes it, and encoded
            again, so that nothing that a camera wrote beside the pixels, such as a place, stays with it.
          client: What the caller says it is; longer names are cut.
        """
        now = self._clock()
        values = {**values, **self._common, TIME: now}
        if client:
            values[CLIENT] = client[:MAX_CLIENT].encode("utf-8", "replace")
        with self._lock:
            number = self._answers
            self._answers += 1
        kept = None
        if photo is not None and self._keeper and self._takes(number) and self._keeper.expects_photo():
            kept = encode_photo(photo())
        for outbox in self._outboxes:
            outbox.put(Answer(now, number, values, kept if outbox is self._keeper else None))

    def close(self) -> None:
        """Writes what waits, and ends."""
        for outbox in self._outboxes:
            outbox.begin_closing()
        for outbox in self._outboxes:
            outbox.close()

    def __enter__(self) -> LogWriter:
        return self

    def __exit__(self, *_) -> None:
        self.close()

    def _takes(self, number: int) -> bool:
        """Whether the sample takes a photo: by a hash, which needs no generator that threads would share."""
        return self._keeping.takes(f"{self._writer}-{number}")
