"""What goes into the files of the log of what is served, and what is kept of the photos.

This module and `log_writer`, `folder_log`, `measures`, and what they import, are copied into a Space, where there is no
Apache Beam: whoever writes a log says how a file is written.
"""

from __future__ import annotations

import hashlib
import io
import json
from collections.abc import Callable, Iterable
from typing import NamedTuple

import numpy as np
from PIL import Image

from beam_jobs.records.tf_example import Value
from beam_jobs.records.tfrecord import TFRecordWriter
from schemas.errors import UserError
from schemas.served import MODEL, SOURCE, TOPIC, TRAINED_ON, about_path

WriteFile = Callable[[str, bytes], None]  # a path and all bytes; OSError where the file can't be written whole

_QUALITY = 90  # of kept photos
_FULL_CHROMA = 0  # JPEG subsampling 4:4:4


class Keeping(NamedTuple):
    """What of the photos themselves is kept, and the rules that people were told.

    Attributes:
      share: Of the photos that are kept, in [0, 1], chosen at random; 0 keeps none.
      retention_days: After how many days records and photos are to be deleted; a bucket's rule does it.
      readers: Who may read them, in words.
    """

    share: float = 0.0
    retention_days: int | None = None
    readers: str = ""

    def takes(self, name: str) -> bool:
        """Whether the sample takes the photo of this name: by a hash, so that no generator is shared or repeated."""
        digest = hashlib.sha256(name.encode()).digest()
        return int.from_bytes(digest[:8], "big") < self.share * 2**64

    def check(self) -> None:
        """Raises UserError where photos would be kept without a word on who reads them, and for how long."""
        if not 0 <= self.share <= 1:
            raise UserError(f"share of photos to keep: must be from 0 to 1, got {self.share:g}")
        if self.share and not (self.retention_days and self.readers):
            raise UserError("photos are kept only where it is said for how many days, and who may read them")


KEEPS_NONE = Keeping()


def write_about(folder: str, source: str, keeping: Keeping, write: WriteFile) -> None:
    """Writes what one of `schemas.served.SOURCES` keeps in the log; UserError where nothing can be written there."""
    about = {
        "records": "one for each photo that was answered, never with the photo in it",
        "photos_kept": keeping.share,
        "retention_days": keeping.retention_days,
        "readers": keeping.readers,
    }
    try:
        write(f"{folder}/{about_path(source)}", (json.dumps(about, indent=2) + "\n").encode())
    except (OSError, ValueError) as error:  # ValueError: no file system for the scheme
        raise unwritable(folder, error) from None


def refuse_topic(option: str, place: str) -> None:
    """Raises UserError where a topic of Pub/Sub is given to what logs in folders alone, and would make one."""
    if TOPIC.fullmatch(place):
        raise UserError(f"{option} {place}: is a topic of Pub/Sub, which only an endpoint publishes to; give a folder")


def unwritable(folder: str, error: Exception) -> UserError:
    """The error of a log in which nothing can be written."""
    reason = getattr(error, "strerror", None) or error
    return UserError(f"log {folder}: can't be written to ({reason}); give another folder")


def answered_by(model: str, trained_on: str | None, source: str) -> dict[str, Value]:
    """The features of a record that say what answered; `trained_on` None stands for unknown."""
    return {MODEL: model.encode(), TRAINED_ON: (trained_on or "").encode(), SOURCE: source.encode()}


def framed(records: Iterable[bytes]) -> bytes:
    """The content of a TFRecord file."""
    buffer = io.BytesIO()
    writer = TFRecordWriter(buffer)
    for record in records:
        writer.write(record)
    return buffer.getvalue()


def encode_photo(pixels: np.ndarray) -> bytes:
    """A kept photo, uint8 [H, W, 3], as a JPEG without what a camera wrote beside the pixels, such as a place."""
    buffer = io.BytesIO()
    Image.fromarray(np.ascontiguousarray(pixels)).save(buffer, "JPEG", quality=_QUALITY, subsampling=_FULL_CHROMA)
    return buffer.getvalue()
