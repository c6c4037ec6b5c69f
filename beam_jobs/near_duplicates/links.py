"""Links between hashes that are near each other: just enough to connect all of them, directly or through others."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator

import apache_beam as beam
import numpy as np

from beam_jobs.near_duplicates import bands
from beam_jobs.near_duplicates.bands import Bucketed, Partition, PartitionByBand, PlainPartition
from beam_jobs.near_duplicates.batches import Rows
from beam_jobs.near_duplicates.perceptual_hash import HASH_BYTES, MAX_DISTANCE

Links = bytes  # of uint8 [N, 64]: two hashes each


class FindLinks(beam.PTransform):
    """Batches -> Links of hashes that are near each other, or that photos of several splits share.

    The output grows with the number of hashes: hashes that are already connected are not compared again, so a video
    costs little more than as many different photos.
    """

    def expand(self, batches: beam.PCollection) -> beam.PCollection:
        return batches | "ByBand" >> PartitionByBand() | "Connect" >> beam.FlatMap(_connect).with_output_types(Links)


def _connect(element: tuple[PlainPartition, Iterable[Rows]]) -> Iterator[Links]:
    partition, batches = Partition(*element[0]), element[1]
    links = find_links(bands.gather(batches), range(partition.first, partition.end))
    if links:
        yield links


def find_links(bucketed: Bucketed, of_bands: Collection[int]) -> Links:
    """Connects the hashes of a partition that agree in one of some bands; copies of one hash, with itself."""
    rows = bucketed.rows
    groups = _Groups(len(rows))
    for band in of_bands:
        order = bands.band_order(rows, band)
        values = bands.band_values(rows[order], band)
        for step in range(1, bands.NEIGHBOURS + 1):
            left = np.flatnonzero(values[step:] == values[:-step])
            if not len(left):
                break
            _link_near(rows, order[left], order[left + step], groups)
        starts = np.flatnonzero(np.concatenate([[True], values[1:] != values[:-1]])) if len(values) else values
        for start, end in zip(starts, np.append(starts[1:], len(values))):
            if end - start > bands.NEIGHBOURS + 1:
                _link_bucket(rows, order[start:end], groups)
    links = np.array(groups.links, np.int64).reshape(-1, 2)
    if 0 in of_bands:  # in whose partitions each hash is once
        links = np.concatenate([links, np.repeat(_in_several_splits(rows), 2).reshape(-1, 2)])
    return rows[links, :HASH_BYTES].tobytes()


def _in_several_splits(rows: np.ndarray) -> np.ndarray:
    """int64 [N]: the rows whose hash photos of more than one split have."""
    splits = rows[:, HASH_BYTES]
    return np.flatnonzero(splits & (splits - 1))  # more than one bit


def _link_near(rows: np.ndarray, first: np.ndarray, second: np.ndarray, groups: _Groups) -> None:
    """Connects the rows at two lists of indices, one by one, where they are near."""
    apart = groups.of[first] != groups.of[second]
    first, second = first[apart], second[apart]
    near = bands.distances(rows[first], rows[second]) <= MAX_DISTANCE
    groups.connect(first[near], second[near])


def _link_bucket(rows: np.ndarray, members: np.ndarray, groups: _Groups) -> None:
    """Compares what is not in the largest group of a crowded bucket with all of the bucket."""
    names, counts = np.unique(groups.of[members], return_counts=True)
    others = members[groups.of[members] != names[np.argmax(counts)]][: bands.COMPARISONS]
    for left, right in bands.near_in_blocks(rows[others], rows[members], MAX_DISTANCE):
        groups.connect(others[left], members[right])


class _Groups:
    """Connected rows (union-find).

    Attributes:
      of: int64 [N], the group of each row.
      links: The pairs of rows that have connected two groups.
    """

    def __init__(self, count: int):
        self.of = np.arange(count)
        self.links: list[tuple[int, int]] = []

    def connect(self, first: np.ndarray, second: np.ndarray) -> None:
        """Connects pairs of rows."""
        sides = np.sort(np.stack([self.of[first], self.of[second]], axis=1), axis=1)
        # of many pairs that connect the same two groups one will do
        _, index = np.unique(sides[:, 0] * len(self.of) + sides[:, 1], return_index=True)
        parents: dict[int, int] = {}

        def root(one: int) -> int:
            while one in parents:
                parents[one], one = parents.get(parents[one], parents[one]), parents[one]
            return one

        for pair in index:
            small, large = sorted((root(int(sides[pair, 0])), root(int(sides[pair, 1]))))
            if small != large:
                parents[large] = small
                self.links.append((int(first[pair]), int(second[pair])))
        if parents:
            renamed = np.arange(len(self.of))
            renamed[list(parents)] = [root(one) for one in list(parents)]
            self.of = renamed[self.of]
