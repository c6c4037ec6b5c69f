"""Counts a job's inputs, and measures on a sample how fast one core of this machine makes records."""

from __future__ import annotations

import heapq
import time
from collections import defaultdict
from collections.abc import Callable
from itertools import islice
from typing import NamedTuple

from beam_jobs.elements import SourceFile
from beam_jobs.prepare.annotations import masks_of, read_annotations
from beam_jobs.prepare.listing import ANNOTATIONS, IMAGES, MASKS, NAMED, PAIRS, list_files, plan_listings
from beam_jobs.prepare.options import PrepareOptions
from beam_jobs.prepare.records import make_record
from beam_jobs.records.sharding import id_hash
from beam_jobs.records.tf_example import to_example
from beam_jobs.rejections import InputRejected
from beam_jobs.sources.input_files import naming_input, read_input
from beam_jobs.sources.pair_tables import read_pairs
from schemas.errors import UserError
from schemas.merge_spec import merged_id

SAMPLE = 150  # pairs, some seconds of work
WARM_UP = 10
REPORT_EVERY = 20_000  # files


class Found(NamedTuple):
    """The contents of an input folder.

    Attributes:
      images: Number of photos.
      bytes: Of photos and masks.
      sample: Up to SAMPLE pairs of photo and mask by id, chosen by a hash of the id.
    """

    images: int
    bytes: int
    sample: dict[str, tuple[SourceFile, SourceFile]]


def count_inputs(options: PrepareOptions, report: Callable[[int], None] | None = None) -> Found:
    """Lists an input folder, a bucket or the official archives, keeping no more than the sample.

    Args:
      options: With input and layout.
      report: Called with the number of files seen so far.

    Raises:
      UserError: No file matches the layout, or a file of annotations can't be read.
      OSError: It can't be listed.
    """
    if options.description.merge is not None:
        return _merged({name: count_inputs(own, report) for name, own in options.of_sources().items()})
    images = total = seen = 0
    kept: dict[str, list[tuple[int, str, SourceFile]]] = {IMAGES: [], MASKS: []}
    annotations = []
    photos_of: dict[str, list[str]] = defaultdict(list)  # of a mask, where a table says it: that comes first
    for listing in sorted(plan_listings(options), key=lambda one: one.wanted[0].kind != PAIRS):
        for wanted, image_id, source in list_files(listing):
            if wanted.kind in NAMED:
                continue
            if wanted.kind == ANNOTATIONS:
                total += source.bytes
                annotations.append((wanted.split, source))
                continue
            if wanted.kind == PAIRS:
                for mask_id, photo_id in read_pairs((wanted.split, source), options.input, options.spec):
                    photos_of[mask_id].append(photo_id)
                continue
            seen += 1
            images += wanted.kind == IMAGES
            total += source.bytes
            # The photos and masks with the smallest hashes: these form pairs, without a list of all ids.
            heap = kept[wanted.kind]
            is_paired = wanted.kind == MASKS and options.spec.pairs is not None
            for own_id in photos_of[image_id] if is_paired else (image_id,):
                add = heapq.heappush if len(heap) < SAMPLE else heapq.heappushpop
                add(heap, (-id_hash("sample", own_id), own_id, source))
            if report and seen % REPORT_EVERY == 0:
                report(seen)
    photos = {image_id: source for _, image_id, source in kept[IMAGES]}
    facts: dict[str, dict[str, list]] = defaultdict(lambda: defaultdict(list))
    for _, image_id, source in kept[MASKS]:
        facts[image_id][MASKS].append(source)
    for file in annotations:  # large ones take a while, and no memory
        for one in read_annotations(file, options.spec):
            if one.image_id in photos:
                facts[one.image_id][one.kind].append(one.value)
    masks = {image_id: found[0] for image_id, one in facts.items() if (found := masks_of(one, options.spec))}
    sample = {image_id: (photos[image_id], masks[image_id]) for image_id in sorted(photos.keys() & masks.keys())}
    return Found(images, total, sample)


def _merged(parts: dict[str, Found]) -> Found:
    """What several data sets hold together; each has its share of the sample."""
    images = sum(one.images for one in parts.values())
    sample = {}
    for name, one in parts.items():
        share = -(-SAMPLE * one.images // max(1, images))
        sample |= {merged_id(name, image_id): pair for image_id, pair in islice(one.sample.items(), share)}
    return Found(images, sum(one.bytes for one in parts.values()), sample)


def images_per_second(options: PrepareOptions, sample: dict[str, tuple[SourceFile, SourceFile]]) -> float:
    """Photos a second that one core checks, resizes, encodes and serializes, by processor time; reading is left out.

    Raises:
      UserError: The sample is empty, or nothing in it can be published.
      OSError: A file can't be read.
    """
    contents = _read_sample(sample)
    spec, encoding, hash_photo = options.spec, options.encoding, options.near_duplicates != "ignore"
    made, start = 0, time.process_time()
    for turn, (image_id, (photo, mask)) in enumerate(contents.items()):
        if turn == min(WARM_UP, len(contents) - 1):
            made, start = 0, time.process_time()
        try:
            with naming_input(image_id, *sample[image_id]):
                record = make_record(image_id, photo, mask, spec, encoding, hash_photo)
        except InputRejected:
            continue
        to_example(record.values)
        made += 1
    if not made:
        raise UserError(f"--input {options.input}: no photo of a sample of {len(sample)} can be published")
    return made / (time.process_time() - start)


def _read_sample(sample: dict[str, tuple[SourceFile, SourceFile]]) -> dict[str, tuple[bytes, bytes]]:
    """Photo and mask of each id, of those that can be read."""
    contents = {}
    for image_id, (photo, mask) in sample.items():
        try:
            contents[image_id] = read_input(photo), read_input(mask)
        except InputRejected:
            continue  # the job will say so
    return contents
