"""The steps of a preparation that gather what others have counted, fed without pixels: manifest and report."""

from __future__ import annotations

import hashlib
import io
from collections.abc import Iterator
from pathlib import Path

import apache_beam as beam
import numpy as np
import pyarrow as pa
from PIL import Image

from beam_jobs.prepare.contract import contract_of
from beam_jobs.prepare.decision import find_problems, make_manifest
from beam_jobs.prepare.options import PrepareOptions
from beam_jobs.prepare.records import Encoding, make_record
from beam_jobs.prepare.report.samples import LookOver
from beam_jobs.prepare.shard_writer import WrittenShard, to_record_batch
from beam_jobs.prepare.tally import Tally, add_tallies
from beam_jobs.records.sharding import SplitSize, expected_record_bytes, shard_count
from beam_jobs.statistics.validation import Validation
from beam_jobs.storage.files import write_atomically
from beam_jobs.storage.versions import read_manifest
from schemas.features import EVAL, IMAGE_ID, TRAIN
from schemas.manifest import Shard
from schemas.shipped import load_spec
from schemas.version_files import MANIFEST_FILE, shard_path
from tests.bench.graph_counts import Collection, run_and_count

IMAGE_SIZE = 128
PER_TALLY = 1 << 12  # ids of a bundle, at least: each partition of the join is one
PER_BATCH = 256  # records of a batch of statistics
LOOKED_AT = 100  # the report's step is fed with one of so many records
_SIDE = 16  # pixels of the one photo that all of these show


def decide(folder: Path, ids: int) -> list[Collection]:
    """Adds up the tallies of all bundles and shards, decides, writes the manifest and reads it again."""
    options = PrepareOptions(
        dataset="pets",
        input=str(folder),
        output=str(folder / "output"),
        version="1",
        image_size=IMAGE_SIZE,
        split="hash",
    )
    tally = add_tallies(_tallies(ids))
    shards = [one for split, size in tally.sizes.items() for one in _written(split, size, options)]
    manifest = make_manifest(options, contract_of(options), shards, tally, None)
    problems = list(find_problems(manifest, Validation({}, {}, ()), tally, None, 0.05, shards))
    if problems:
        raise AssertionError(f"there should be no problem: {problems[0]}")
    text = manifest.to_json().encode()
    write_atomically(f"{options.version_dir}/{MANIFEST_FILE}", text)
    if read_manifest(options.version_dir) != manifest:
        raise AssertionError("the manifest is read as another one")
    return [
        Collection("tallies", -(-ids // PER_TALLY), 0, 0, True),
        Collection("shards", len(shards), 0, 0, True),
        Collection("manifest.json", 1, len(text), len(text), False),
    ]


def _tallies(ids: int) -> Iterator[Tally]:
    for start in range(0, ids, PER_TALLY):
        found = min(PER_TALLY, ids - start)
        held_out = found // 10
        sizes = {TRAIN: SplitSize(found - held_out, found * 90_000), EVAL: SplitSize(held_out, found * 10_000)}
        yield Tally(found=found, sizes=sizes, weighed=found - held_out)


def _written(split: str, size: SplitSize, options: PrepareOptions) -> Iterator[WrittenShard]:
    each = expected_record_bytes(options.image_size, options.image_format, size)
    count = shard_count(size, each, options.shard_bytes)
    for index in range(count):
        records = size.records // count + (index < size.records % count)
        path = shard_path("pets", split, index, count)
        yield WrittenShard(
            split,
            Shard(
                path=path, bytes=records * int(each), records=records, sha256=hashlib.sha256(path.encode()).hexdigest()
            ),
            {},
            {},
            0,
            1,
        )


def look_over(_: Path, ids: int) -> list[Collection]:
    """Chooses what the report shows of the records, of which each hundredth is fed."""

    def build(pipeline: beam.Pipeline) -> None:
        spec, encoding = load_spec("pets"), Encoding(_SIDE, "jpeg", 92)
        values = make_record("Bengal_0", *_photo_and_mask(), spec, encoding).values
        batches = -(-ids // LOOKED_AT // PER_BATCH)

        def rows(batch: int) -> tuple[str, pa.RecordBatch]:
            names = (f"Bengal_{batch * PER_BATCH + row}".encode() for row in range(PER_BATCH))
            return TRAIN, to_record_batch([values | {IMAGE_ID: name} for name in names])

        made = pipeline | "NameBatches" >> beam.Create(range(batches)) | "MakeRows" >> beam.Map(rows)
        _ = made | "LookOver" >> LookOver(encoding.fit)

    return run_and_count(build)


def _photo_and_mask() -> tuple[bytes, bytes]:
    """A JPEG photo and a PNG mask with all three classes."""
    photo, mask = io.BytesIO(), io.BytesIO()
    pixels = np.random.default_rng(0).integers(0, 256, (_SIDE, _SIDE, 3), np.uint8)
    Image.fromarray(pixels).save(photo, "JPEG")
    Image.fromarray(np.tile(np.arange(_SIDE, dtype=np.uint8) * 3 // _SIDE + 1, (_SIDE, 1))).save(mask, "PNG")
    return photo.getvalue(), mask.getvalue()
