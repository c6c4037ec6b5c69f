"""Pairs the records of two versions: by id, and those that are left by the bytes of their photos."""

from __future__ import annotations

from collections import defaultdict, deque
from collections.abc import Iterable, Iterator
from typing import NamedTuple

import apache_beam as beam
from apache_beam.pvalue import TaggedOutput

from beam_jobs.coders import declare
from beam_jobs.compare.entries import ENTRY, PATH, REJECTED, Entry
from beam_jobs.compare.request import Request
from beam_jobs.packing import unpack
from schemas.errors import UserError
from schemas.version import REMEDY

_UNPAIRED = "unpaired"


class Pair(NamedTuple):
    """A record before and after; None on the side that does not have it.

    Attributes:
      image_id: Its id: the later one, where there are two.
      id_before: The earlier id of a renamed record; empty for all others.
      before, after: What is known of it.
      path_before, path_after: Path of its photo, where the version's lists name it.
      rejected: Why the version that lacks it rejected it; empty where it did not.
    """

    image_id: str
    id_before: str
    before: Entry | None
    after: Entry | None
    path_before: str = ""
    path_after: str = ""
    rejected: str = ""


declare(Pair)


class PairRecords(beam.PTransform):
    """Partitions -> Pairs that may differ; those whose digests, splits and slices are equal are left out."""

    def __init__(self, request: Request):
        super().__init__()
        self._folders = [one.folder for one in request.versions]
        self._decode_all = request.masks and not request.classes.same_ids

    def expand(self, partitions: beam.PCollection) -> beam.PCollection:
        by_id = (
            partitions
            | "GroupPartitions" >> beam.GroupByKey()
            | "PairById"
            >> beam.FlatMap(_pair_by_id, self._folders, self._decode_all).with_outputs(_UNPAIRED, main="paired")
        )
        by_photo = (
            by_id[_UNPAIRED]
            | "NamePhoto" >> beam.Map(_name_photo).with_output_types(tuple[str, Pair])
            | "GroupByPhoto" >> beam.GroupByKey()
            | "PairByPhoto" >> beam.FlatMapTuple(_pair_by_photo).with_output_types(Pair)
        )
        paired = by_id.paired | "PairsOfIds" >> beam.Map(lambda pair: pair).with_output_types(Pair)
        return (paired, by_photo) | "GatherPairs" >> beam.Flatten()


def _pair_by_id(
    partition: tuple[int, Iterable[bytes]], folders: list[str], decode_all: bool
) -> Iterator[Pair | TaggedOutput]:
    known: dict[tuple[str, str], list] = defaultdict(lambda: [None, None])
    for packed in partition[1]:
        for kind, image_id, version, value in unpack(packed):
            both = known[kind, image_id]
            if kind == ENTRY and both[version] is not None:
                splits = " and ".join(sorted({both[version][0], value[0]}))
                raise UserError(f"{folders[version]}: has {image_id!r} twice, in {splits}; {REMEDY}")
            both[version] = value
    for kind, image_id in sorted(known):
        if kind != ENTRY:
            continue
        before, after = (Entry(*row) if row else None for row in known[ENTRY, image_id])
        old_path, new_path = (one or "" for one in known.get((PATH, image_id), ("", "")))
        if before and after:
            if decode_all or before._replace(uri="", offset=0, bytes=0) != after._replace(uri="", offset=0, bytes=0):
                yield Pair(image_id, "", before, after, old_path, new_path)
        else:
            reason = known.get((REJECTED, image_id), ("", ""))[bool(before)] or ""
            yield TaggedOutput(_UNPAIRED, Pair(image_id, "", before, after, old_path, new_path, reason))


def _name_photo(pair: Pair) -> tuple[str, Pair]:
    """Keys a record that one version lacks by its photo, or, where photos are not compared, by itself."""
    entry = pair.before or pair.after
    return (entry and entry.photo) or f"{'after' if pair.after else 'before'}/{pair.image_id}", pair


def _pair_by_photo(photo: str, pairs: Iterable[Pair]) -> Iterator[Pair]:
    """Renamed records: of several with the same photo, first those with the same mask, then in order of their ids."""
    pairs = sorted(pairs, key=lambda pair: pair.image_id)
    by_mask: dict[str, deque[Pair]] = defaultdict(deque)
    for one in pairs:
        if one.after:
            by_mask[_mask(one)].append(one)
    removed = []
    for one in pairs:
        if one.before and by_mask[_mask(one)]:
            yield _renamed(one, by_mask[_mask(one)].popleft())
        elif one.before:
            removed.append(one)
    added = sorted((one for rest in by_mask.values() for one in rest), key=lambda pair: pair.image_id)
    common = min(len(removed), len(added))
    yield from map(_renamed, removed[:common], added)
    yield from removed[common:]
    yield from added[common:]


def _renamed(removed: Pair, added: Pair) -> Pair:
    paths = removed.path_before, added.path_after
    return Pair(added.image_id, removed.image_id, removed.before, added.after, *paths)


def _mask(pair: Pair) -> str:
    entry = pair.before or pair.after
    return entry.mask if entry else ""
