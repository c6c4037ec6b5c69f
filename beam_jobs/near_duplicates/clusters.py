"""Clusters: the hashes that links connect, directly or through others, as sorted arrays in which hashes are looked up.

Every worker process holds all of them, so no hash is a Python object: it takes its own 32 bytes and 4 for its cluster.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple

import numpy as np

from beam_jobs.coders import declare
from beam_jobs.near_duplicates.links import Links
from beam_jobs.near_duplicates.perceptual_hash import HASH_BYTES

HASHES_PER_PART = 1 << 17  # 4.5 MiB
NO_CLUSTER = -1

_HASH = np.dtype(f"S{HASH_BYTES}")  # sorts as its bytes do
_CLUSTER = np.dtype("<u4")
MOST_WAITING = 1 << 16  # hashes, or a quarter of those held, that wait to be sorted in


class Clusters(NamedTuple):
    """A part of all hashes that are near another one, or that photos of several splits share.

    Attributes:
      hashes: Of S32 [N], sorted, each once, and in no other part.
      clusters: Of little-endian uint32 [N]: the cluster of each, a number that hashes have in common just if they are
        connected. It is below the number of hashes of all parts.
    """

    hashes: bytes
    clusters: bytes


declare(Clusters)


def join_clusters(links: Iterable[Links]) -> Iterator[Clusters]:
    """Connects the hashes of all links, which are read twice; the order of the links does not matter.

    Holds some 55 bytes for each distinct hash, beside the largest of the links.
    """
    hashes = np.frombuffer(_distinct_hashes(links), _HASH)
    clusters = _connect(hashes, links)
    for start in range(0, len(hashes), HASHES_PER_PART):
        part = slice(start, start + HASHES_PER_PART)
        yield Clusters(hashes[part].tobytes(), clusters[part].astype(_CLUSTER).tobytes())


def find_clusters(hashes: Sequence[bytes | None], parts: Iterable[Clusters]) -> np.ndarray:
    """int64 [N]: the cluster of each of some hashes; NO_CLUSTER for those without one, and for None.

    Args:
      hashes: N of them, in any order.
      parts: All of them, in any order.
    """
    found = np.full(len(hashes), NO_CLUSTER, np.int64)
    index = np.array([place for place, one in enumerate(hashes) if one is not None], np.int64)
    asked = np.frombuffer(b"".join(one for one in hashes if one is not None), _HASH)
    order = np.argsort(asked)
    index, asked = index[order], asked[order]
    for part in parts:
        own = np.frombuffer(part.hashes, _HASH)
        (start,), (end,) = np.searchsorted(asked, own[:1]), np.searchsorted(asked, own[-1:], "right")
        some = slice(start, end)
        place = np.searchsorted(own, asked[some])
        is_there = own[place] == asked[some]
        found[index[some][is_there]] = np.frombuffer(part.clusters, _CLUSTER)[place[is_there]]
    return found


def _distinct_hashes(links: Iterable[Links]) -> bytearray:
    """Of S32 [N]: the hashes of all links, sorted, each once."""
    held, waiting = bytearray(), bytearray()
    for some in links:
        hashes = np.unique(np.frombuffer(some, _HASH))
        waiting += hashes[~_are_in(np.frombuffer(held, _HASH), hashes)].tobytes()
        if len(waiting) > max(MOST_WAITING * HASH_BYTES, len(held) // 4):
            held += waiting
            waiting.clear()
            _sort_distinct(held)
    held += waiting
    _sort_distinct(held)
    return held


def _are_in(ordered: np.ndarray, hashes: np.ndarray) -> np.ndarray:
    """bool [N]: which of some hashes are in a sorted array."""
    place = np.searchsorted(ordered, hashes)
    are_in = place < len(ordered)
    are_in[are_in] = ordered[place[are_in]] == hashes[are_in]
    return are_in


def _sort_distinct(held: bytearray) -> None:
    """Sorts hashes and drops those that are there again, without a copy of them all."""
    hashes = np.frombuffer(held, _HASH)
    hashes.sort()
    kept = 0
    for start in range(0, len(hashes), HASHES_PER_PART):
        some = np.unique(hashes[start : start + HASHES_PER_PART])
        if kept and some[0] == hashes[kept - 1]:
            some = some[1:]
        hashes[kept : kept + len(some)] = some
        kept += len(some)
    del hashes  # else the bytes can't be cut
    del held[kept * HASH_BYTES :]


def _connect(hashes: np.ndarray, links: Iterable[Links]) -> np.ndarray:
    """uint32 [N]: the place, among sorted hashes, of the smallest one that each is connected to."""
    of = np.arange(len(hashes), dtype=np.uint32)
    waiting: list[np.ndarray] = []  # uint32 [M, 2], places of linked hashes
    count = 0
    for some in links:
        linked, index = np.unique(np.frombuffer(some, _HASH), return_inverse=True)  # sorted, they are found sooner
        places = np.searchsorted(hashes, linked).astype(np.uint32)[index].reshape(-1, 2)
        apart = of[places[:, 0]] != of[places[:, 1]]
        waiting.append(places[apart])
        count += len(waiting[-1])
        if count > len(hashes) // 4:
            _join(of, np.concatenate(waiting))
            waiting, count = [], 0
    if waiting:
        _join(of, np.concatenate(waiting))
    return of


def _join(of: np.ndarray, places: np.ndarray) -> None:
    """Joins the groups of linked places, in the array of the first place of each one's group.

    Each group is hung below the smallest one that it is linked with, all at once, until no link has two groups: in
    two rounds their number halves at least.
    """
    first, second = places.T
    while len(first):
        first, second = of[first], of[second]
        apart = first != second
        first, second = first[apart], second[apart]
        np.minimum.at(of, np.maximum(first, second), np.minimum(first, second))
        while not np.array_equal(higher := of[of], of):
            of[:] = higher
