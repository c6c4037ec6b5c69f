"""Writes the log of what is served: records by the hour, whole files at a time, and a sample of the photos."""

from __future__ import annotations

import sys
import threading
import time
import uuid
from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from beam_jobs.records.tf_example import Value, to_example
from beam_jobs.served.log_files import KEEPS_NONE, Keeping, WriteFile, answered_by, encode_photo, framed, write_about
from schemas.served import (
    CLIENT,
    HOUR,
    MAX_CLIENT,
    PHOTO,
    TIME,
    photo_path,
    records_path,
)

FLUSH_RECORDS = 1000  # 300 kB; what is not yet written is lost if the process is killed
FLUSH_SECONDS = 60
MOST_WAITING = 10 * FLUSH_RECORDS
_PHOTOS_WAITING = 16  # at once, so that large photos never fill the memory; those above it are not kept


class _Waiting(NamedTuple):
    """A record that is to be written, and perhaps the encoded photo that is kept with it."""

    time: int
    number: int
    values: dict[str, Value]
    photo: bytes | None


class LogWriter:
    """Writes records of one model's answers; threads may share it. Use it in a `with` block, or call `close`.

    `add` only remembers; a thread writes, every FLUSH_SECONDS or FLUSH_RECORDS. A failure to write never fails an
    answer: it is said once on standard error, and tried again a minute later. As long as nothing can be written, the
    newest MOST_WAITING records are remembered, and the older ones dropped and counted.

    Args:
      folder: The log, local or `gs://`.
      model: The model that answers, as `beam_jobs.storage.models.model_digest` names it.
      trained_on: manifest_sha256 of the version that it was trained on.
      source: What answers, one of `schemas.served.SOURCES`.
      write: Writes a file; such as `beam_jobs.storage.files.write_atomically`.
      keeping: Which photos are kept.
      clock: Milliseconds since 1970; another clock is for tests.

    Raises:
      UserError: The folder can't be written to, or `keeping` leaves something out.

    Attributes:
      dropped: Records that were given up; after `close`, all that were never written.
    """

    def __init__(
        self,
        folder: str,
        model: str,
        trained_on: str,
        source: str,
        write: WriteFile,
        keeping: Keeping = KEEPS_NONE,
        clock: Callable[[], int] = lambda: time.time_ns() // 1_000_000,
    ):
        keeping.check()
        self._folder, self._keeping, self._clock = folder.rstrip("/"), keeping, clock
        self._write_file = write
        self._common = answered_by(model, trained_on, source)
        self._writer = uuid.uuid4().hex[:12]
        self._lock = threading.Lock()
        self._waiting: list[_Waiting] = []
        self._answers = self._photos_waiting = self._files = self.dropped = 0
        self._has_failed = False
        write_about(self._folder, source, keeping, write)
        self._is_due, self._is_closed = threading.Event(), threading.Event()
        self._thread = threading.Thread(target=self._write_now_and_then, daemon=True)
        self._thread.start()

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
            keeps = photo is not None and self._photos_waiting < _PHOTOS_WAITING and self._takes(number)
            self._photos_waiting += keeps
        encoded = encode_photo(photo()) if keeps and photo is not None else None
        with self._lock:
            self._waiting.append(_Waiting(now, number, values, encoded))
            self._drop_oldest()
            is_due = len(self._waiting) >= FLUSH_RECORDS
        if is_due:
            self._is_due.set()

    def close(self) -> None:
        """Writes what waits, and ends."""
        if not self._is_closed.is_set():
            self._is_closed.set()
            self._is_due.set()
            self._thread.join()

    def __enter__(self) -> LogWriter:
        return self

    def __exit__(self, *_) -> None:
        self.close()

    def _takes(self, number: int) -> bool:
        """Whether the sample takes a photo: by a hash, which needs no generator that threads would share."""
        return self._keeping.takes(f"{self._writer}-{number}")

    def _write_now_and_then(self) -> None:
        while not self._is_closed.is_set():
            self._is_due.wait(FLUSH_SECONDS)
            self._is_due.clear()
            if not self._write_waiting():
                self._is_closed.wait(FLUSH_SECONDS)
        self._write_waiting()
        with self._lock:
            self.dropped += len(self._waiting)
            self._waiting.clear()

    def _write_waiting(self) -> bool:
        """Writes what waits, a file for each hour; False where something could not be written, and waits again."""
        with self._lock:
            waiting, self._waiting = self._waiting, []
            self._photos_waiting = 0
        failed: list[_Waiting] = []
        for hour in sorted({one.time // HOUR for one in waiting}):
            answers = [one for one in waiting if one.time // HOUR == hour]
            path = records_path(hour * HOUR, self._writer, self._files)
            if self._write(path, framed(to_example(self._with_photo(one)) for one in answers)):
                self._files += 1
            else:
                failed += answers
        with self._lock:
            # written or not: a photo that can't be written leaves its record
            self._waiting[:0] = [one._replace(photo=None) for one in failed]
            self._drop_oldest()
        return not failed

    def _with_photo(self, one: _Waiting) -> dict[str, Value]:
        """The values of a record, after its photo was written."""
        if one.photo is None:
            return one.values
        path = photo_path(one.time, self._writer, one.number, "jpg")
        if self._write(path, one.photo):
            one.values[PHOTO] = path.encode()
        return one.values

    def _drop_oldest(self) -> None:
        if (more := len(self._waiting) - MOST_WAITING) > 0:
            del self._waiting[:more]
            self.dropped += more

    def _write(self, path: str, data: bytes) -> bool:
        try:
            self._write_file(f"{self._folder}/{path}", data)
        except Exception as error:  # of a disk, a bucket, the network: no answer must fail for its record
            if not self._has_failed:
                print(f"log {self._folder}: can't be written to ({error}); answers go on", file=sys.stderr, flush=True)
            self._has_failed = True
            return False
        self._has_failed = False
        return True
