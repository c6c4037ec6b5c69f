"""`per_image.csv`: the IoU of every evaluation image, to be sorted and filtered."""

from __future__ import annotations

import csv
import math
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np

from schemas.metrics import IOU, MEAN_IOU, OWN_SIZE_IOU, OWN_SIZE_MEAN_IOU, Counts, Figure, figures
from schemas.spec import DatasetSpec
from tfx_pipeline.evaluation.eval_predictions import Figures

_SHOWN = (MEAN_IOU, IOU, OWN_SIZE_MEAN_IOU, OWN_SIZE_IOU)


@contextmanager
def written_per_image(path: Path, spec: DatasetSpec, at_own_size: bool = False) -> Iterator[Callable[[Figures], None]]:
    """Yields what takes the figures of one image after the other; the file is there when the block ends without error.

    Its columns are `id`, the data set's slices, `mean_iou`, and `iou_CLASS` for each class; with `at_own_size` each of
    these once more as `own_size_...`. A cell without a value is empty.
    """
    columns = [one for one in figures(spec.class_names, at_own_size=at_own_size) if one.metric in _SHOWN]
    columns.sort(key=lambda one: one.metric.at_own_size)
    temporary = path.with_name(f".{path.name}")
    with temporary.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(["id", *spec.slice_names, *(one.name for one in columns)])

        def write(found: Figures) -> None:
            values = [one.of(_counts(found, one)) for one in columns]
            shown = ["" if math.isnan(value) else f"{value:.4f}" for value in values]
            writer.writerow([found.image_id, *found.slices, *shown])

        yield write
    os.replace(temporary, path)


def _counts(found: Figures, figure: Figure) -> Counts:
    """What a figure is computed from; one of a size that was not counted has no value."""
    matrix = found.own_size_matrix if figure.metric.at_own_size else found.matrix
    return Counts(np.zeros_like(found.matrix) if matrix is None else matrix, np.zeros((len(found.matrix), 0)))
