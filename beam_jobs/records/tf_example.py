"""Serializes a `tf.train.Example` without importing TensorFlow, which takes a worker seconds and 700 MB.

Messages: tensorflow/core/example/example.proto and feature.proto. Bytes: the protocol buffers wire format
(protobuf.dev/programming-guides/encoding): every field used here is a tag, a length and a payload.
"""

from __future__ import annotations

import struct
from functools import lru_cache

Value = bytes | int | float

_FEATURE_MAP = _FEATURES = 1  # Features.feature and Example.features
_KEY, _VALUE = 1, 2  # the fields of any map entry
_BYTES_LIST, _FLOAT_LIST, _INT64_LIST = 1, 2, 3  # the kinds of Feature
_LIST_VALUE = 1  # BytesList.value, FloatList.value and Int64List.value
_LENGTH_DELIMITED = 2  # wire type
_TAGS = tuple(bytes([number << 3 | _LENGTH_DELIMITED]) for number in range(4))  # by the number of the field
_SHORT = tuple(bytes([number]) for number in range(0x80))  # the varints of one byte


def to_example(values: dict[str, Value]) -> bytes:
    """Serializes feature values, each a list of one value.

    The bytes are those of TensorFlow's own deterministic serialization, so equal values give equal bytes, in any
    order.
    """
    entries = [_field(_FEATURE_MAP, _key(name) + _field(_VALUE, _feature(values[name]))) for name in sorted(values)]
    return _field(_FEATURES, b"".join(entries))


@lru_cache(maxsize=1 << 10)  # each record of a job has the same names
def _key(name: str) -> bytes:
    return _field(_KEY, name.encode())


def _feature(value: Value) -> bytes:
    if isinstance(value, bytes):
        return _field(_BYTES_LIST, _field(_LIST_VALUE, value))
    if isinstance(value, int):
        return _field(_INT64_LIST, _field(_LIST_VALUE, _varint(value % (1 << 64))))  # negative: two's complement
    return _field(_FLOAT_LIST, _field(_LIST_VALUE, struct.pack("<f", value)))


def _field(number: int, payload: bytes) -> bytes:
    return _TAGS[number] + _varint(len(payload)) + payload


def _varint(number: int) -> bytes:
    """Seven bits a byte, the lowest first; the top bit says that more follow."""
    if number < 0x80:
        return _SHORT[number]
    parts = bytearray()
    while number > 0x7F:
        parts.append(number & 0x7F | 0x80)
        number >>= 7
    parts.append(number)
    return bytes(parts)
