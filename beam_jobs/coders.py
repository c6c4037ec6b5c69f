"""How the project's named tuples travel between steps: field by field, so that equal values have equal bytes.

Without a coder, Beam pickles them, and warns where one is the key of a group.
"""

from __future__ import annotations

import types
from typing import Any, Union, get_args, get_origin, get_type_hints

from apache_beam import coders

from beam_jobs.elements import PhotoSource, PlannedRecord, SourceFile
from beam_jobs.records.sharding import ShardKey, SplitSize
from beam_jobs.rejections import Rejection, Repaired

_PLAIN = {
    str: coders.StrUtf8Coder,
    int: coders.VarIntCoder,  # 64 bits
    float: coders.FloatCoder,
    bytes: coders.BytesCoder,
    bool: coders.BooleanCoder,
}


class NamedTupleCoder(coders.Coder):
    """Deterministic: encodes a named tuple as the tuple of its fields, by their declared types.

    Args:
      kind: A NamedTuple of str, int, float, bytes, bool, other such NamedTuples, `X | None` and `tuple[X, ...]`.
    """

    def __init__(self, kind: type):
        self._kind = kind
        self._fields = coders.TupleCoder([_coder_of(one) for one in get_type_hints(kind).values()])

    def encode(self, value: tuple) -> bytes:
        return self._fields.encode(tuple(value))

    def decode(self, encoded: bytes) -> Any:
        return self._kind(*self._fields.decode(encoded))

    def is_deterministic(self) -> bool:
        return True

    def to_type_hint(self) -> type:
        return self._kind

    @classmethod
    def from_type_hint(cls, typehint: type, registry: object) -> NamedTupleCoder:
        return cls(typehint)

    def __eq__(self, other: object) -> bool:
        return type(other) is NamedTupleCoder and other._kind is self._kind

    def __hash__(self) -> int:
        return hash(self._kind)


def _coder_of(declared: Any) -> coders.Coder:
    if declared in _PLAIN:
        return _PLAIN[declared]()
    arguments = get_args(declared)
    if get_origin(declared) in (Union, types.UnionType):
        (one,) = (argument for argument in arguments if argument is not type(None))
        return coders.NullableCoder(_coder_of(one))
    if get_origin(declared) is tuple and arguments[1:] == (...,):
        return coders.TupleSequenceCoder(_coder_of(arguments[0]))
    if issubclass(declared, tuple):
        return NamedTupleCoder(declared)
    raise TypeError(f"{declared}: has no coder")


def declare(kind: type) -> None:
    """Makes Beam encode a NamedTuple with a NamedTupleCoder, wherever a step declares it."""
    coders.registry.register_coder(kind, NamedTupleCoder)


for _kind in (SourceFile, PhotoSource, PlannedRecord, ShardKey, SplitSize, Rejection, Repaired):
    declare(_kind)
