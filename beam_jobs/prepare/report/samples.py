"""The report's sample of a data set of any size: a few records, a few rejected inputs, and counts of sizes.

All of it is chosen by hashes of the ids or counted, so that the same inputs give the same report on every runner.
"""

from __future__ import annotations

import heapq
from collections import Counter
from collections.abc import Iterable, Iterator
from typing import NamedTuple

import apache_beam as beam
import numpy as np
import pyarrow as pa

from beam_jobs.html.plots import CELLS_PER_OCTAVE
from beam_jobs.prepare.report.mask_shapes import Extreme, MaskShapes, add_shapes, measure_masks
from beam_jobs.prepare.report.outliers import Outlier, Outliers, find_outliers, merge_outliers
from beam_jobs.prepare.report.thumbnails import Sample, Tile, make_sample, make_tile
from beam_jobs.records.sharding import id_hash
from beam_jobs.rejections import Rejection
from schemas import features
from schemas.fitting import STRETCH, Fit
from schemas.spec import DatasetSpec

RECORDS_PER_SPLIT = 12
REJECTIONS_PER_REASON = 12


class Candidate(NamedTuple):
    """A record that may be shown, the smallest ranks first; `source` is the photo's height and width."""

    rank: int
    image_id: str
    photo: bytes
    mask: bytes
    source: tuple[int, int] = (1, 1)


class SizeCell(NamedTuple):
    """One cell of the size map: sides of about `2 ** (column / CELLS_PER_OCTAVE)` by `2 ** (row / ...)` pixels."""

    split: str
    column: int
    row: int


class Overview(NamedTuple):
    """What the report shows of records.

    Attributes:
      candidates: Split to the records with the smallest hashes of their ids.
      sizes: Number of photos for each cell of the size map; at most 16,384 cells a split, for any data set.
      shapes: What is measured of the masks.
      outliers: The records at the ends of what was measured, by kind.
    """

    candidates: dict[str, list[Candidate]]
    sizes: dict[SizeCell, int]
    shapes: MaskShapes = MaskShapes()
    outliers: Outliers = {}  # noqa: RUF012  # never changed in place


class LookOver(beam.PTransform):
    """(split, RecordBatch) -> the one Overview of all records, or nothing where there are none.

    Args:
      fit: How photos were fitted into the records.
    """

    def __init__(self, fit: Fit):
        super().__init__()
        self._fit: Fit = fit

    def expand(self, rows: beam.PCollection) -> beam.PCollection:
        return (
            rows
            | "LookOverBatch" >> beam.MapTuple(_look_over, fit=self._fit)
            | "Merge" >> beam.CombineGlobally(_merge_overviews).without_defaults()
        )


def _look_over(split: str, batch: pa.RecordBatch, fit: Fit = STRETCH) -> Overview:
    shapes, outliers = measure_masks(list(_records(split, batch)), fit), find_outliers(list(_measured(split, batch)))
    return Overview({split: list(_candidates(batch))}, dict(_cells(split, batch)), shapes, outliers)


def _merge_overviews(overviews: Iterable[Overview]) -> Overview:
    candidates: dict[str, list[Candidate]] = {}
    sizes: Counter[SizeCell] = Counter()
    overviews = list(overviews)
    for one in overviews:
        for split, more in one.candidates.items():
            candidates[split] = heapq.nsmallest(RECORDS_PER_SPLIT, [*candidates.get(split, []), *more])
        sizes.update(one.sizes)
    shapes, outliers = add_shapes(one.shapes for one in overviews), merge_outliers([one.outliers for one in overviews])
    return Overview(candidates, dict(sizes), shapes, outliers)


def draw_samples(overview: Overview, spec: DatasetSpec, fit: Fit = STRETCH) -> dict[str, list[Sample]]:
    """Draws the candidates of each split."""
    return {
        split: [make_sample(one.image_id, one.photo, one.mask, spec, one.source, fit) for one in candidates]
        for split, candidates in overview.candidates.items()
    }


def _columns(batch: pa.RecordBatch) -> Iterator[pa.Array]:
    """Ids, photos and masks."""
    for name in (features.IMAGE_ID, features.IMAGE, features.MASK):
        yield batch.column(batch.schema.get_field_index(name)).flatten()


def _records(split: str, batch: pa.RecordBatch) -> Iterator[Extreme]:
    for image_id, photo, mask, source in zip(*_columns(batch), _sources(batch)):
        yield Extreme(0.0, image_id.as_py().decode(), split, photo.as_py(), mask.as_py(), source)


def _measured(split: str, batch: pa.RecordBatch) -> Iterator[Outlier]:
    place = batch.schema.get_field_index(features.BRIGHTNESS)
    brightness = batch.column(place).flatten().to_pylist() if place >= 0 else [None] * batch.num_rows
    for image_id, photo, mask, source, one in zip(*_columns(batch), _sources(batch), brightness):
        yield Outlier(0.0, 0, image_id.as_py().decode(), split, photo.as_py(), mask.as_py(), source, one)


def _sources(batch: pa.RecordBatch) -> list[tuple[int, int]]:
    """Height and width of each photo."""
    return [(height, width) for width, height in _source_sizes(batch).tolist()]


def _candidates(batch: pa.RecordBatch) -> Iterator[Candidate]:
    ids, photos, masks = _columns(batch)
    sources = _sources(batch)
    ranked = ((id_hash("report", image_id), row) for row, image_id in enumerate(map(bytes.decode, ids.to_pylist())))
    for rank, row in heapq.nsmallest(RECORDS_PER_SPLIT, ranked):
        # copies of the few that may stay, so that the batch is freed
        yield Candidate(rank, ids[row].as_py().decode(), photos[row].as_py(), masks[row].as_py(), sources[row])


class SampleRejections(beam.PTransform):
    """Rejections -> (reason, [Tile]), the inputs with the smallest hashes of their ids; only their files are read."""

    def __init__(self, spec: DatasetSpec):
        super().__init__()
        self._spec = spec

    def expand(self, rejections: beam.PCollection) -> beam.PCollection:
        return (
            rejections
            | "RankRejections" >> beam.Map(lambda one: (one.reason, (id_hash("report", one.image_id), one)))
            | "TakeFirst" >> beam.combiners.Top.SmallestPerKey(REJECTIONS_PER_REASON)
            | "DrawTiles" >> beam.Map(_draw_tiles, self._spec)
        )


def _draw_tiles(element: tuple[str, list[tuple[int, Rejection]]], spec: DatasetSpec) -> tuple[str, list[Tile]]:
    reason, ranked = element
    return reason, [make_tile(rejection, spec) for _, rejection in sorted(ranked)]


def _source_sizes(batch: pa.RecordBatch) -> np.ndarray:
    """Width and height of each photo, int64 [N, 2]."""
    names = features.SOURCE_WIDTH, features.SOURCE_HEIGHT
    columns = (batch.column(batch.schema.get_field_index(name)) for name in names)
    return np.stack([column.flatten().to_numpy() for column in columns], 1)


def _cells(split: str, batch: pa.RecordBatch) -> Iterator[tuple[SizeCell, int]]:
    cells = np.rint(CELLS_PER_OCTAVE * np.log2(_source_sizes(batch))).astype(int)
    for (column, row), count in zip(*np.unique(cells, axis=0, return_counts=True)):
        yield SizeCell(split, int(column), int(row)), int(count)
