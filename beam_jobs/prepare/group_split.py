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
from apache_beam.pvalue import AsDict, AsIter, DoOutputsTuple, TaggedOutput

from beam_jobs.coders import declare
from beam_jobs.elements import PlannedRecord, read_source
from beam_jobs.monitoring.metrics import NAMESPACE
from beam_jobs.near_duplicates import PHOTOS_MOVED
from beam_jobs.near_duplicates.batches import Batch, to_batch
from beam_jobs.near_duplicates.hashing import HashedPhoto
from beam_jobs.near_duplicates.links import FindLinks, Links
from beam_jobs.near_duplicates.perceptual_hash import HASH_BYTES
from beam_jobs.once import FlatMapOnce
from beam_jobs.packing import pack_plans, unpack_plans
from beam_jobs.prepare.records import Encoding, copied_photo_hash, new_photo_hash
from beam_jobs.prepare.tally import add_sizes
from beam_jobs.records.published_records import parse_record, read_photo
from beam_jobs.records.sharding import SplitSize
from beam_jobs.rejections import InputRejected
from beam_jobs.sources.input_files import naming_input

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

    The result depends neither on the runner nor on the order of the records. Memory grows with the number of photos
    that have a near-duplicate, since one worker joins all of them to clusters.
    """

    def expand(self, hashed: beam.PCollection) -> DoOutputsTuple:
        batches = hashed | "TakePhotos" >> beam.Map(_take_photos).with_output_types(Batch)
        links = batches | "FindLinks" >> FindLinks()
        # (hash, cluster)
        clusters = hashed.pipeline | "JoinClusters" >> FlatMapOnce(join_clusters, AsIter(links))
        # (cluster, split)
        splits = (
            hashed
            | "KeyByCluster"
            >> beam.FlatMap(_key_by_cluster, AsDict(clusters)).with_output_types(tuple[bytes, _FirstOfCluster])
            | "TakeFirst" >> beam.CombinePerKey(min)
            | "TakeSplit"
            >> beam.MapTuple(lambda cluster, first: (cluster, first.split)).with_output_types(tuple[bytes, str])
        )
        return hashed | "ChooseSplits" >> beam.ParDo(
            _ChooseSplit(), AsDict(clusters), AsDict(splits)
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


def join_clusters(links: Iterable[Links]) -> Iterator[tuple[bytes, bytes]]:
    """Each hash that is near another, with the smallest hash that it is connected to (union-find)."""
    parents: dict[bytes, bytes] = {}

    def root(one: bytes) -> bytes:
        parents.setdefault(one, one)
        while parents[one] != one:
            parents[one] = one = parents[parents[one]]  # halves the path for the next search
        return one

    for some in links:
        for start in range(0, len(some), 2 * HASH_BYTES):
            middle = start + HASH_BYTES
            small, large = sorted((root(some[start:middle]), root(some[middle : middle + HASH_BYTES])))
            parents[large] = small
    for one in list(parents):
        yield one, root(one)


class _FirstOfCluster(NamedTuple):
    """A record of a cluster; the smallest decides its split, so published records come before new ones."""

    is_new: bool
    image_id: str
    split: str


declare(_FirstOfCluster)


def _key_by_cluster(hashed: Hashed, clusters: dict[bytes, bytes]) -> Iterator[tuple[bytes, _FirstOfCluster]]:
    for plan, photo_hash in _each(hashed):
        if photo_hash in clusters:
            yield clusters[photo_hash], _FirstOfCluster(plan.record is None, plan.image_id, plan.split)


class Reassigned(NamedTuple):
    """How many photos of an element changed their split, and the size of each split now."""

    photos: int
    sizes: dict[str, SplitSize]


class _ChooseSplit(beam.DoFn):
    """Hashed -> packed PlannedRecords with the splits of their clusters; other output: a Reassigned."""

    def __init__(self):
        self._reassigned = beam.metrics.Metrics.counter(NAMESPACE, PHOTOS_MOVED)

    def process(self, hashed: Hashed, clusters: dict[bytes, bytes], splits: dict[bytes, str]) -> Iterator:
        plans = []
        photos = 0
        for plan, photo_hash in _each(hashed):
            split = plan.split
            if photo_hash is not None and photo_hash in clusters and plan.record is None:
                split = splits[clusters[photo_hash]]
            photos += split != plan.split
            plans.append(plan._replace(split=split))
        self._reassigned.inc(photos)
        yield pack_plans(plans)
        sizes = add_sizes({plan.split: SplitSize(1, plan.source_bytes)} for plan in plans)
        yield TaggedOutput(REASSIGNED, Reassigned(photos, sizes))
