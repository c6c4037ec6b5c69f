"""The TFRecord container, written and read without importing TensorFlow.

Format: per record a little-endian uint64 length, the masked CRC-32C of those 8 bytes, the data, the masked CRC-32C of
the data (tensorflow/core/lib/io/record_writer.h; masking in tensorflow/core/lib/hash/crc32c.h).
"""

from __future__ import annotations

import hashlib
import struct
from collections.abc import Iterator
from typing import BinaryIO

import google_crc32c

_MASK_DELTA = 0xA282EAD8
_HEADER_BYTES = 12  # length and its CRC
_PIECE_BYTES = 1 << 20  # 1 MiB


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


class DamagedTFRecord(Exception):
    """The file is not a sequence of whole records; the message names the record and the byte."""


class TFRecordReader:
    """Reads the records of an open binary file in order, checking both CRCs, counting and hashing what it reads.

    Holds one record at a time.

    Attributes:
      bytes: Bytes read so far.
      records: Whole records read so far.
    """

    def __init__(self, file: BinaryIO):
        self._file = file
        self._digest = hashlib.sha256()
        self.bytes = 0
        self.records = 0

    def __iter__(self) -> Iterator[bytes]:
        """The records' data.

        Raises:
          DamagedTFRecord: A CRC differs, or the file ends inside a record.
        """
        while header := self._read(_HEADER_BYTES):
            start = self.bytes - len(header)
            if len(header) < _HEADER_BYTES:
                raise self._damage(start, "the file ends inside its header")
            # checked before the length is trusted: a flipped bit must not request exabytes
            if struct.pack("<I", _masked_crc(header[:8])) != header[8:]:
                raise self._damage(start, "the CRC of its length differs")
            (length,) = struct.unpack("<Q", header[:8])
            body = self._read(length + 4)
            if len(body) < length + 4:
                raise self._damage(start, "the file ends inside it")
            data = body[:length]
            if struct.pack("<I", _masked_crc(data)) != body[length:]:
                raise self._damage(start, "the CRC of its data differs")
            self.records += 1
            yield data

    def read_rest(self) -> None:
        """Counts and hashes the rest of the file."""
        while self._read(_PIECE_BYTES):
            pass

    @property
    def sha256(self) -> str:
        """Hexadecimal SHA-256 of everything read so far."""
        return self._digest.hexdigest()

    def _read(self, size: int) -> bytes:
        data = self._file.read(size)
        self._digest.update(data)
        self.bytes += len(data)
        return data

    def _damage(self, start: int, what: str) -> DamagedTFRecord:
        return DamagedTFRecord(f"record {self.records + 1} at byte {start:,}: {what}")
