"""The TFRecord container, without importing TensorFlow to write it.

Format: per record a little-endian uint64 length, the masked CRC-32C of those 8 bytes, the data, the masked CRC-32C of
the data (tensorflow/core/lib/io/record_writer.h; masking in tensorflow/core/lib/hash/crc32c.h).
"""

from __future__ import annotations

import hashlib
import struct
from typing import BinaryIO

import google_crc32c

_MASK_DELTA = 0xA282EAD8


def _masked_crc(data: bytes) -> int:
    crc = google_crc32c.value(data)
    return ((crc >> 15 | crc << 17) + _MASK_DELTA) & 0xFFFFFFFF


class TFRecordWriter:
    """Writes records to an open binary file, counting and hashing what it writes.

    Attributes:
      bytes: Bytes written so far.
      records: Records written so far.
    """

    def __init__(self, file: BinaryIO):
        self._file = file
        self._digest = hashlib.sha256()
        self.bytes = 0
        self.records = 0

    def write(self, record: bytes) -> None:
        """Appends one record."""
        length = struct.pack("<Q", len(record))
        frame = b"".join(
            (length, struct.pack("<I", _masked_crc(length)), record, struct.pack("<I", _masked_crc(record)))
        )
        self._file.write(frame)
        self._digest.update(frame)
        self.bytes += len(frame)
        self.records += 1

    @property
    def sha256(self) -> str:
        """Hexadecimal SHA-256 of everything written so far."""
        return self._digest.hexdigest()
