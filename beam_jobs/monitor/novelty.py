"""How far served photos lie from those that the model has learnt, as hashes of the same length measure it.

A distance is the number of bits in which two hashes differ. The photos of train are compared by a sample, in the order
of a hash of their hashes: the same sample on every runner.
"""

from __future__ import annotations

import hashlib
import heapq
from collections.abc import Iterable
from typing import NamedTuple

import apache_beam as beam
import numpy as np

from beam_jobs.near_duplicates.perceptual_hash import HASH_BYTES

BITS = 8 * HASH_BYTES
MAX_LEARNT = 1 << 14  # hashes of train that each photo is compared with: 16 MiB as numbers
_BLOCK = 1 << 10  # photos that are compared at once: a matrix of 64 MiB


class Learnt(NamedTuple):
    """Hashes of train.

    Attributes:
      hashes: Of uint8 [N, 32], sorted, each once, N at most MAX_LEARNT.
      photos: How many photos with a hash there were.
    """

    hashes: bytes
    photos: int

    @property
    def array(self) -> np.ndarray:
        """uint8 [N, 32]."""
        return np.frombuffer(self.hashes, np.uint8).reshape(-1, HASH_BYTES)


NONE_LEARNT = Learnt(b"", 0)


class SampleHashes(beam.CombineFn):
    """Arrays of hashes, uint8 [N, 32] -> Learnt."""

    def create_accumulator(self) -> tuple[set[bytes], int]:
        return set(), 0

    def add_input(self, accumulator: tuple[set[bytes], int], hashes: np.ndarray) -> tuple[set[bytes], int]:
        return self.merge_accumulators([accumulator, ({one.tobytes() for one in hashes}, len(hashes))])

    def merge_accumulators(self, accumulators: Iterable[tuple[set[bytes], int]]) -> tuple[set[bytes], int]:
        kept, photos = set(), 0
        for hashes, count in accumulators:
            kept, photos = kept | hashes, photos + count
            if len(kept) > 2 * MAX_LEARNT:
                kept = _sample(kept)
        return kept, photos

    def extract_output(self, accumulator: tuple[set[bytes], int]) -> Learnt:
        return Learnt(b"".join(sorted(_sample(accumulator[0]))), accumulator[1])


def _sample(hashes: set[bytes]) -> set[bytes]:
    return set(heapq.nsmallest(MAX_LEARNT, hashes, key=lambda one: hashlib.sha256(one).digest()))


def as_signs(hashes: np.ndarray) -> np.ndarray:
    """float32 [N, 256] of uint8 [N, 32]: 1 for each bit that is set, else -1."""
    return 2 * np.unpackbits(hashes, axis=1).astype(np.float32) - 1


def nearest_distances(hashes: np.ndarray, others: np.ndarray) -> np.ndarray:
    """How far each hash is from the nearest of others.

    Args:
      hashes: uint8 [N, 32].
      others: float32 [M, 256], as `as_signs` gives them; M is 1 or more.

    Returns:
      int64 [N], in [0, 256].
    """
    found = [np.empty(0, np.int64)]
    for start in range(0, len(hashes), _BLOCK):
        agreement = (as_signs(hashes[start : start + _BLOCK]) @ others.T).max(axis=1)  # bits that agree less the others
        found.append((BITS - agreement.astype(np.int64)) // 2)
    return np.concatenate(found)
