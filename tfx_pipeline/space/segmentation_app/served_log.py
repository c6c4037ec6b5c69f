"""Logs what the app answers, where its owner asks for it: the records that `schemas/served.py` describes.

SERVING_LOG says so, in the words of the serving container; a Space has it among its variables:

    {"folder": "/data/served"}
    {"folder": "/data/served", "photos": 0.1, "retention_days": 30, "readers": "the labelling team"}

An answer never waits for the log, and never fails because of it: a thread measures and writes.
"""

from __future__ import annotations

import contextlib
import json
import os
import queue
import sys
import threading
import time
import uuid
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import numpy as np

from beam_jobs.served.class_file import write_classes
from beam_jobs.served.folder_log import FolderLog
from beam_jobs.served.log_files import Keeping
from beam_jobs.served.log_writer import LogWriter
from beam_jobs.served.measures import measured
from beam_jobs.served.retention import delete_old
from schemas.errors import UserError
from schemas.served import APP, LATENCY

from .classes import titles
from .model import Seen, Segmenter

VARIABLE = "SERVING_LOG"
_KINDS = {"folder": str, "photos": (int, float), "retention_days": int, "readers": str}
_WAITING = 4  # answers, of which each may hold a large photo; more than these leave no record
_DAY = 86_400  # seconds


class _Answer(NamedTuple):
    """An answer that is to be measured; `photo` is uint8 [H, W, 3], or None where none is kept."""

    seen: Seen
    size: tuple[int, int]
    photo: np.ndarray | None
    milliseconds: float


class AnswerLog:
    """Measures and writes answers, one after the other; use it in a `with` block.

    Args:
      segmenter: What answers.
      folder: On this machine.
      keeping: What is kept of the photos.

    Raises:
      UserError: The model is not known by its weights, nothing can be written to the folder, or `keeping` leaves
        something out.

    Attributes:
      dropped: Answers without a record, because too many were waiting.
    """

    def __init__(self, segmenter: Segmenter, folder: str, keeping: Keeping):
        if segmenter.digest is None:
            raise UserError("the model's repository has no variables.index, by which records name a model")
        trained_on = segmenter.info.get("manifest_sha256") or ""
        self._writer = LogWriter([FolderLog(folder, write_file)], segmenter.digest, trained_on, APP, keeping)
        info = segmenter.info
        write_classes(folder, segmenter.digest, info["classes"], titles(info), info["palette"], write_file)
        self._classes, self._keeping, self._folder = info["classes"], keeping, folder
        self._waiting: queue.Queue[_Answer | None] = queue.Queue(_WAITING)
        self._has_failed, self.dropped = False, 0
        self._thread = threading.Thread(target=self._work, daemon=True)
        self._thread.start()

    @property
    def notice(self) -> str:
        """What visitors should know."""
        share, days = self._keeping.share, self._keeping.retention_days
        gone = f" All of it is deleted after {days} days." if days else ""
        if not share:
            return f"Of each photo this app keeps figures, such as its size and the classes found, not the photo.{gone}"
        some = "all photos" if share == 1 else f"{share:.0%} of the photos, chosen at random,"
        return f"This app keeps {some} and figures of each. Who may see them: {self._keeping.readers}.{gone}"

    def add(self, photo: np.ndarray, seen: Seen, seconds: float) -> None:
        """Adds the record of an answer to a photo, uint8 [H, W, 3]; returns at once."""
        kept = photo if self._keeping.share else None
        try:
            self._waiting.put_nowait(_Answer(seen, (photo.shape[0], photo.shape[1]), kept, 1000 * seconds))
        except queue.Full:
            self.dropped += 1

    def close(self) -> None:
        """Writes what waits."""
        self._waiting.put(None)
        self._thread.join()
        self._writer.close()

    def __enter__(self) -> AnswerLog:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _work(self) -> None:
        cleaned = 0.0
        while True:
            if self._keeping.retention_days and time.time() - cleaned > _DAY:
                cleaned = time.time()
                self._safely(lambda: delete_old(self._folder, self._keeping.retention_days or 0))
            try:
                answer = self._waiting.get(timeout=_DAY)
            except queue.Empty:
                continue
            if answer is None:
                return
            self._safely(lambda answer=answer: self._record(answer))

    def _record(self, answer: _Answer) -> None:
        seen, photo = answer.seen, answer.photo
        values = measured(seen.pixels, seen.class_ids, self._classes, answer.size, seen.logits, seen.feature_hash)
        self._writer.add({**values, LATENCY: answer.milliseconds}, None if photo is None else lambda: photo)

    def _safely(self, work: Callable[[], object]) -> None:
        try:
            work()
        except Exception as error:  # a record that is missing must not end the log, nor the app
            if not self._has_failed:
                print(f"log: an answer could not be measured ({error!r})", file=sys.stderr, flush=True)
            self._has_failed = True


def open_log(segmenter: Segmenter, variables: Mapping[str, str]) -> contextlib.AbstractContextManager[AnswerLog | None]:
    """The log that SERVING_LOG asks for; None without it, and where it can't be used, which is said."""
    text = variables.get(VARIABLE)
    if text:
        try:
            return AnswerLog(segmenter, *_wanted(text))
        except UserError as error:
            print(f"log: {error}; nothing is logged", file=sys.stderr, flush=True)
    return contextlib.nullcontext()


def _wanted(text: str) -> tuple[str, Keeping]:
    """The folder, and what is kept; UserError where the variable can't be used."""
    try:
        values: Any = json.loads(text)
    except ValueError:
        raise UserError(f"{VARIABLE}: is not JSON") from None
    if not isinstance(values, dict) or not isinstance(values.get("folder"), str):
        raise UserError(f'{VARIABLE}: give {{"folder": "/data/served"}}')
    for name, value in values.items():
        if isinstance(value, bool) or not isinstance(value, _KINDS.get(name, ())):
            raise UserError(f"{VARIABLE}: {name}: is not known, or its value is of another kind")
    if not os.path.isabs(values["folder"]):
        raise UserError(f"{VARIABLE}: folder: must be an absolute path on this machine, such as /data/served")
    keeping = Keeping(values.get("photos", 0.0), values.get("retention_days"), values.get("readers", ""))
    return values["folder"].rstrip("/"), keeping


def write_file(path: str, data: bytes) -> None:
    """Writes a file under another name, and renames it, so that no reader meets half a file."""
    os.makedirs(os.path.dirname(path), exist_ok=True)
    temporary = f"{path}.{uuid.uuid4().hex}.tmp"
    try:
        with open(temporary, "xb") as file:
            file.write(data)
        os.replace(temporary, path)
    except OSError:
        with contextlib.suppress(OSError):
            os.unlink(temporary)
        raise
