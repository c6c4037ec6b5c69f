"""The steps of a preparation that see every id, fed with ids that have no pixels: `tests.bench.scale` runs them.

Each is the transform or the function that the job runs. What it is fed with is made of numbers and fixed seeds: names
of some 12 letters, 10 % of the photos in eval, 5 % near another one.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple

import apache_beam as beam
import numpy as np
from apache_beam.pvalue import AsIter

from beam_jobs.elements import PLANNED, TALLIES, PhotoSource, PlannedRecord, SourceFile
from beam_jobs.line_files import WriteFolders
from beam_jobs.near_duplicates import pairs_of
from beam_jobs.near_duplicates.batches import to_batch
from beam_jobs.near_duplicates.hashing import HashedPhoto
from beam_jobs.near_duplicates.pairs import FindLeaks, write_leaks
from beam_jobs.near_duplicates.perceptual_hash import HASH_BYTES
from beam_jobs.once import MapOnce
from beam_jobs.packing import Pack, pack_plans, unpack_plans
from beam_jobs.prepare.group_split import Hashed, SplitHashed
from beam_jobs.prepare.options import PrepareOptions
from beam_jobs.prepare.pipeline import GroupByShard
from beam_jobs.prepare.planning import plan_records
from beam_jobs.prepare.report.samples import SampleRejections
from beam_jobs.records.sharding import ShardKey, split_by_hash
from beam_jobs.rejections import Rejection
from beam_jobs.sources.split_lists import read_split_list
from schemas.features import EVAL, TRAIN
from schemas.shipped import load_spec
from tests.bench import scale_manifest
from tests.bench.empty_archives import write_archives
from tests.bench.graph_counts import OWN, Collection, run_and_count

IMAGE_SIZE = 128
ROWS = 1 << 12  # photos of a batch, about as many as a shard has
EVAL_SHARE = 0.1
NEAR = 0.05  # share of the photos that are copies of another one
FLIPPED = 6  # bits of a copy's hash that differ
REJECTED = 10  # one of so many is rejected
BREEDS = ("Bengal", "pug", "Ragdoll", "beagle")


class Step(NamedTuple):
    """One step: what must be on disk before, and how it runs; `run` returns what Beam has counted, if it runs it."""

    run: Callable[[Path, int], list[Collection]]
    prepare: Callable[[Path, int], None] = lambda folder, ids: None


def image_id(number: int) -> str:
    """The id of a photo."""
    return f"{BREEDS[number % len(BREEDS)]}_{number}"


def options(folder: Path) -> PrepareOptions:
    """Of the job whose steps run."""
    return PrepareOptions(
        dataset="pets",
        input=str(folder / "input"),
        output=str(folder / "output"),
        version="1",
        image_size=IMAGE_SIZE,
        split="hash",
        eval_fraction=EVAL_SHARE,
    )


def write_input(folder: Path, ids: int) -> None:
    """The data set's two archives, of empty photos and masks; written once for each number of ids."""
    if not (folder / "input").exists():
        write_archives(folder / "input", map(image_id, range(ids)))


def plan_and_split(folder: Path, ids: int) -> list[Collection]:
    """Lists the archives, pairs by id, splits, and brings each shard's records together."""
    job = options(folder)

    def build(pipeline: beam.Pipeline) -> None:
        plan = pipeline | "PlanRecords" >> plan_records(job)
        packed = plan[PLANNED] | "PackPlans" >> beam.ParDo(Pack()).with_output_types(bytes)
        sizes = plan[TALLIES] | "TakeSizes" >> beam.Map(lambda tally: tally.sizes)
        planned = packed | "GroupByShard" >> GroupByShard(sizes, plan[TALLIES], job)
        counted = planned | f"{OWN}CountRecords" >> beam.MapTuple(_records_of)
        _ = pipeline | f"{OWN}Check" >> MapOnce(_expect, ids, AsIter(counted))

    found = run_and_count(build)
    shutil.rmtree(job.staging_dir, ignore_errors=True)
    return found


def _records_of(_: ShardKey, packed: list[bytes]) -> int:
    return sum(len(unpack_plans(one)) for one in packed)


def _expect(ids: int, counts: list[int]) -> int:
    """Ends the run where records were lost: figures of a part of them would look good."""
    if (found := sum(counts)) != ids:
        raise AssertionError(f"{found:,} records of {ids:,} came out")
    return found


def hashes(block: int) -> np.ndarray:
    """uint8 [ROWS, 32] of one block of photos; some are near photos of the block before."""
    rows = np.random.default_rng(block).integers(0, 256, (ROWS, HASH_BYTES), np.uint8)
    near = int(NEAR * ROWS)
    if block:
        rows[:near] = np.random.default_rng(block - 1).integers(0, 256, (ROWS, HASH_BYTES), np.uint8)[-near:]
        for bit in np.random.default_rng(~block & 0xFFFF).integers(0, 8 * HASH_BYTES, FLIPPED):
            rows[:near, bit // 8] ^= np.uint8(1 << bit % 8)
    return rows


def hashed_photos(block: int, ids: int) -> Iterator[HashedPhoto]:
    """The photos of a block."""
    for number, one in enumerate(hashes(block), start=block * ROWS):
        if number < ids:
            name = image_id(number)
            photo = PhotoSource(SourceFile(f"gs://photos/images/{name}.jpg", 100_000), False)
            yield HashedPhoto(name, split_by_hash(name, EVAL_SHARE), one.tobytes(), photo)


def _blocks(pipeline: beam.Pipeline, ids: int) -> beam.PCollection:
    return pipeline | "NameBlocks" >> beam.Create(range(-(-ids // ROWS))) | "Spread" >> beam.Reshuffle()


def find_near_duplicates(folder: Path, ids: int) -> list[Collection]:
    """Finds the photos of eval that are near one of train, and names the nearest pairs."""
    staging = str(folder / "near")

    def build(pipeline: beam.Pipeline) -> None:
        batches = _blocks(pipeline, ids) | "Hash" >> beam.Map(lambda block: to_batch(hashed_photos(block, ids)))
        leaks = batches | "FindLeaks" >> FindLeaks(pairs_of((TRAIN, EVAL)))
        _ = leaks | "WriteLeaks" >> beam.Map(lambda leak: write_leaks([leak], staging))

    return run_and_count(build)


def _hashed(block: int, ids: int) -> Hashed:
    photos = list(hashed_photos(block, ids))
    masks = (SourceFile(f"gs://photos/annotations/trimaps/{one.image_id}.png", 4_000) for one in photos)
    plans = [
        PlannedRecord(one.image_id, one.source.source if one.source else None, mask, one.split)
        for one, mask in zip(photos, masks)
    ]
    return pack_plans(plans), [one.hash for one in photos]


def split_by_group(_: Path, ids: int) -> list[Collection]:
    """Keeps near-duplicates in one split, once their photos are hashed."""

    def build(pipeline: beam.Pipeline) -> None:
        hashed = _blocks(pipeline, ids) | "Hash" >> beam.Map(_hashed, ids).with_output_types(Hashed)
        _ = hashed | "SplitHashed" >> SplitHashed()

    return run_and_count(build)


def quarantine(folder: Path, ids: int) -> list[Collection]:
    """Lists the rejected ids, a tenth of all, and chooses those that the report shows."""
    spec = load_spec("pets")

    def reject(block: int) -> Iterator[tuple[str, Rejection]]:
        for number in range(block * ROWS, min(ids, (block + 1) * ROWS)):
            if number % REJECTED:
                continue
            name = image_id(number)
            files = SourceFile(f"{folder}/none/{name}.jpg", 1), SourceFile(f"{folder}/none/{name}.png", 1)
            reason = ("truncated_image", "mask_size", "unknown_mask_value")[number % 3]
            yield "quarantine", Rejection(name, *files, TRAIN, "record", reason, "row 12 of 375 is missing")

    def build(pipeline: beam.Pipeline) -> None:
        rejected = _blocks(pipeline, ids) | "Reject" >> beam.FlatMap(reject).with_output_types(tuple[str, Rejection])
        _ = rejected | "WriteQuarantine" >> WriteFolders(str(folder / "staging"), ["quarantine"])
        _ = rejected | "TakeRejections" >> beam.Values() | "SampleRejections" >> SampleRejections(spec)

    return run_and_count(build)


def write_list(folder: Path, ids: int) -> None:
    """A list of a split, one id a line."""
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / "list.txt").open("w") as file:
        file.writelines(f"{image_id(number)}\n" for number in range(ids))


def read_list(folder: Path, ids: int) -> list[Collection]:
    """Reads a list of a split, which one worker does."""
    path = folder / "list.txt"
    found = sum(1 for _ in read_split_list(SourceFile(str(path), path.stat().st_size)))
    _expect(ids, [found])
    return []


BY_NAME = {
    "plan and split": Step(plan_and_split, write_input),
    "near-duplicates": Step(find_near_duplicates),
    "group split": Step(split_by_group),
    "quarantine": Step(quarantine),
    "list of a split": Step(read_list, write_list),
    "manifest": Step(scale_manifest.decide),
    "report": Step(scale_manifest.look_over),
}
