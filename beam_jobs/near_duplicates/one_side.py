"""Keeps near-duplicates on one side of the split: decided before any shard is planned, from a first look at the photos.

Photos that are near each other, directly or over others, make a cluster, and all of a cluster go to the split of its
first id. That leaves the share of the splits as it is on average. Records that are copied from a published version stay
where they are, and draw what is near them to their side. With official lists both published splits then differ from
the official ones by the photos that moved, and results are no longer comparable with others' to the last digit.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import NamedTuple

import apache_beam as beam
from apache_beam.pvalue import AsDict, AsIter

from beam_jobs.monitoring.metrics import NAMESPACE
from beam_jobs.near_duplicates import PHOTOS_MOVED
from beam_jobs.near_duplicates.batches import Batch, to_batch
from beam_jobs.near_duplicates.candidates import FindNearHashes, NearHashes
from beam_jobs.near_duplicates.hashing import HashedPhoto, encoded_photo_hash
from beam_jobs.rejections import InputRejected
from beam_jobs.shards.published_records import read_photo
from beam_jobs.shards.sharding import SplitSize
from beam_jobs.sources.input_files import naming_input
from beam_jobs.sources.packing import pack_plans, unpack_plans
from beam_jobs.sources.source_files import PlannedRecord
from beam_jobs.sources.tally import add_sizes

KEPT, MOVES = "kept", "moves"

Hashed = tuple[bytes, list["bytes | None"]]  # packed PlannedRecords, and the hash of each


class KeepOnOneSide(beam.PTransform):
    """Packed PlannedRecords -> the same, those of near-duplicates with one split; other output: Moves of each.

    Reads and decodes every photo once, at a small scale, besides the pass that publishes it. Photos that cannot be
    decoded stay where they are: that pass rejects them. The result depends neither on the runner nor on the order of
    the records. Memory grows with the number of near-duplicates, all of which one worker joins to clusters. Hashes of
    this small scale differ in some bits from those of the records, so a pair at the edge of what is near may be left.

    Args:
      max_missing_fraction: As photos are decoded with when they are published.
    """

    def __init__(self, max_missing_fraction: float):
        super().__init__()
        self._max_missing_fraction = max_missing_fraction

    def expand(self, planned: beam.PCollection) -> beam.pvalue.DoOutputsTuple:
        hashed = (
            planned | "SpreadPhotos" >> beam.Reshuffle() | "HashPhotos" >> beam.Map(_hash, self._max_missing_fraction)
        )
        batches = hashed | "TakePhotos" >> beam.Map(_take_photos)
        near = batches | "FindNearHashes" >> FindNearHashes(across_splits=False)
        # (hash, cluster)
        clusters = (
            planned.pipeline
            | "StartClusters" >> beam.Impulse()
            | "JoinClusters" >> beam.FlatMap(lambda _, near: join_clusters(near), AsIter(near))
        )
        # (cluster, split)
        sides = (
            hashed
            | "KeyByCluster" >> beam.FlatMap(_key_by_cluster, AsDict(clusters))
            | "TakeFirst" >> beam.CombinePerKey(min)
            | "TakeSplit" >> beam.MapTuple(lambda cluster, first: (cluster, first.split))
        )
        return hashed | "ChooseSides" >> beam.ParDo(_ChooseSide(), AsDict(clusters), AsDict(sides)).with_outputs(
            MOVES, main=KEPT
        )


def _hash(packed: bytes, max_missing_fraction: float) -> Hashed:
    return packed, [_hash_photo(plan, max_missing_fraction) for plan in unpack_plans(packed)]


def _hash_photo(plan: PlannedRecord, max_missing_fraction: float) -> bytes | None:
    try:
        with naming_input(plan.image_id, *plan.sources):
            return encoded_photo_hash(read_photo(plan.photo_source), max_missing_fraction)
    except InputRejected:
        return None


def _each(hashed: Hashed) -> Iterator[tuple[PlannedRecord, bytes | None]]:
    packed, hashes = hashed
    return zip(unpack_plans(packed), hashes)


def _take_photos(hashed: Hashed) -> Batch:
    return to_batch(HashedPhoto(plan.image_id, plan.split, photo_hash) for plan, photo_hash in _each(hashed))


def join_clusters(near: Iterable[NearHashes]) -> Iterator[tuple[bytes, bytes]]:
    """Each hash that is near another, with the smallest hash that it is connected to (union-find)."""
    parents: dict[bytes, bytes] = {}

    def root(one: bytes) -> bytes:
        parents.setdefault(one, one)
        while parents[one] != one:
            parents[one] = one = parents[parents[one]]  # halves the path for the next search
        return one

    for first, second, _ in near:
        small, large = sorted((root(first), root(second)))
        parents[large] = small
    for one in list(parents):
        yield one, root(one)


class _Side(NamedTuple):
    """What decides the split of a cluster; the smallest one does, so a published record before any other."""

    is_new: bool
    image_id: str
    split: str


def _key_by_cluster(hashed: Hashed, clusters: dict[bytes, bytes]) -> Iterator[tuple[bytes, _Side]]:
    for plan, photo_hash in _each(hashed):
        if photo_hash in clusters:
            yield clusters[photo_hash], _Side(plan.record is None, plan.image_id, plan.split)


class Moves(NamedTuple):
    """What packed records have come to: how many changed their split, and what is planned for each split now."""

    moved: int
    sizes: dict[str, SplitSize]


class _ChooseSide(beam.DoFn):
    """Hashed -> packed PlannedRecords with the splits of their clusters; other output: Moves."""

    def __init__(self):
        self._moved = beam.metrics.Metrics.counter(NAMESPACE, PHOTOS_MOVED)

    def process(self, hashed: Hashed, clusters: dict[bytes, bytes], sides: dict[bytes, str]) -> Iterator:
        plans = []
        moved = 0
        for plan, photo_hash in _each(hashed):
            is_movable = photo_hash in clusters and plan.record is None
            split = sides[clusters[photo_hash]] if is_movable else plan.split
            moved += split != plan.split
            plans.append(plan._replace(split=split))
        self._moved.inc(moved)
        yield pack_plans(plans)
        sizes = add_sizes({plan.split: SplitSize(1, plan.source_bytes)} for plan in plans)
        yield beam.pvalue.TaggedOutput(MOVES, Moves(moved, sizes))
