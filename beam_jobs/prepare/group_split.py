"""The group split: keeps near-duplicates in the same split, decided in a first pass over the photos, before shards.

Photos that are near each other, directly or through others, form a cluster, and a cluster goes to the split of its
first id. On average this keeps the shares of the splits, but a whole video becomes one cluster, in one split. Records
copied from a published version keep their splits, even different ones, and photos near them go to the split of the
first. With official lists, the published splits then differ from the official ones by the photos that moved, and
results are no longer strictly comparable with others'.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import NamedTuple

import apache_beam as beam
from apache_beam.pvalue import AsIter, AsList, AsSingleton, DoOutputsTuple, TaggedOutput

from beam_jobs.coders import declare
from beam_jobs.elements import PlannedRecord, read_source
from beam_jobs.monitoring.metrics import NAMESPACE
from beam_jobs.near_duplicates import PHOTOS_MOVED
from beam_jobs.near_duplicates.batches import Batch, to_batch
from beam_jobs.near_duplicates.clusters import NO_CLUSTER, Clusters, find_clusters, join_clusters
from beam_jobs.near_duplicates.hashing import HashedPhoto
from beam_jobs.near_duplicates.links import FindLinks
from beam_jobs.once import FlatMapOnce, MapOnce
from beam_jobs.packing import pack_plans, unpack_plans
from beam_jobs.prepare.records import Encoding, copied_photo_hash, new_photo_hash
from beam_jobs.prepare.tally import add_sizes
from beam_jobs.records.published_records import parse_record, read_photo
from beam_jobs.records.sharding import SplitSize
from beam_jobs.rejections import InputRejected
from beam_jobs.sources.input_files import naming_input
from schemas.features import SPLITS

KEPT, REASSIGNED = "kept", "reassigned"

Hashed = tuple[bytes, list[bytes | None]]  # packed PlannedRecords, and the hash of each


class SplitByGroup(beam.PTransform):
    """Packed PlannedRecords -> the same, near-duplicates in the same split; other output: a Reassigned per element.

    Reads, decodes and resizes every photo once more than the pass that publishes it, in the same way: the hashes are
    the same, so that pass finds no other pairs. Photos that cannot be decoded keep their split; that pass rejects
    them.

    Args:
      encoding: Of the records.
    """

    def __init__(self, encoding: Encoding):
        super().__init__()
        self._encoding = encoding

    def expand(self, planned: beam.PCollection) -> DoOutputsTuple:
        return (
            planned
            | "SpreadPhotos" >> beam.Reshuffle()
            | "HashPhotos" >> beam.Map(_hash, self._encoding).with_output_types(Hashed)
            | "SplitHashed" >> SplitHashed()
        )


class SplitHashed(beam.PTransform):
    """Hashed -> packed PlannedRecords, near-duplicates in the same split; other output: a Reassigned per element.

    The result depends neither on the runner nor on the order of the records. Memory grows with the number of hashes
    that are near another one: one worker joins them to clusters, and each process holds 37 bytes of every one.
    """

    def expand(self, hashed: beam.PCollection) -> DoOutputsTuple:
        batches = hashed | "TakePhotos" >> beam.Map(_take_photos).with_output_types(Batch)
        links = batches | "FindLinks" >> FindLinks()
        clusters = hashed.pipeline | "JoinClusters" >> FlatMapOnce(join_clusters, AsIter(links))
        # (cluster, split)
        splits = (
            hashed
            | "KeyByCluster"
            >> beam.FlatMap(_key_by_cluster, AsList(clusters)).with_output_types(tuple[int, _FirstOfCluster])
            | "TakeFirst" >> beam.CombinePerKey(min)
            | "TakeSplit"
            >> beam.MapTuple(lambda cluster, first: (cluster, first.split)).with_output_types(tuple[int, str])
        )
        split_of = hashed.pipeline | "GatherSplits" >> MapOnce(_gather_splits, AsIter(splits))
        return hashed | "ChooseSplits" >> beam.ParDo(
            _ChooseSplit(), AsList(clusters), AsSingleton(split_of)
        ).with_output_types(bytes).with_outputs(REASSIGNED, main=KEPT)


def _hash(packed: bytes, encoding: Encoding) -> Hashed:
    return packed, [_hash_photo(plan, encoding) for plan in unpack_plans(packed)]


def _hash_photo(plan: PlannedRecord, encoding: Encoding) -> bytes | None:
    try:
        with naming_input(plan.image_id, *plan.sources):
            if plan.record:
                return copied_photo_hash(parse_record(read_source(plan.record)), encoding.fit)
            return new_photo_hash(read_photo(plan.photo_source), encoding)
    except InputRejected:
        return None


def _each(hashed: Hashed) -> Iterator[tuple[PlannedRecord, bytes | None]]:
    packed, hashes = hashed
    return zip(unpack_plans(packed), hashes)


def _take_photos(hashed: Hashed) -> Batch:
    return to_batch(HashedPhoto(plan.image_id, plan.split, photo_hash) for plan, photo_hash in _each(hashed))


class _FirstOfCluster(NamedTuple):
    """A record of a cluster; the smallest decides its split, so published records come before new ones."""

    is_new: bool
    image_id: str
    split: str


declare(_FirstOfCluster)


def _key_by_cluster(hashed: Hashed, clusters: list[Clusters]) -> Iterator[tuple[int, _FirstOfCluster]]:
    packed, hashes = hashed
    for plan, cluster in zip(unpack_plans(packed), find_clusters(hashes, clusters).tolist()):
        if cluster != NO_CLUSTER:
            yield cluster, _FirstOfCluster(plan.record is None, plan.image_id, plan.split)


def _gather_splits(splits: Iterable[tuple[int, str]]) -> bytes:
    """The split of each cluster, as its place in SPLITS, at the cluster's number."""
    places = bytearray()
    for cluster, split in splits:
        if cluster >= len(places):
            places += bytes(cluster + 1 - len(places))
        places[cluster] = SPLITS.index(split)
    return bytes(places)


class Reassigned(NamedTuple):
    """How many photos of an element changed their split, and the size of each split now."""

    photos: int
    sizes: dict[str, SplitSize]


class _ChooseSplit(beam.DoFn):
    """Hashed -> packed PlannedRecords with the splits of their clusters; other output: a Reassigned."""

    def __init__(self):
        self._reassigned = beam.metrics.Metrics.counter(NAMESPACE, PHOTOS_MOVED)

    def process(self, hashed: Hashed, clusters: list[Clusters], split_of: bytes) -> Iterator:
        packed, hashes = hashed
        plans = []
        photos = 0
        for plan, cluster in zip(unpack_plans(packed), find_clusters(hashes, clusters).tolist()):
            split = plan.split
            if cluster != NO_CLUSTER and plan.record is None:
                split = SPLITS[split_of[cluster]]
            photos += split != plan.split
            plans.append(plan._replace(split=split))
        self._reassigned.inc(photos)
        yield pack_plans(plans)
        sizes = add_sizes({plan.split: SplitSize(1, plan.source_bytes)} for plan in plans)
        yield TaggedOutput(REASSIGNED, Reassigned(photos, sizes))
