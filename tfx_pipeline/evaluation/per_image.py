"""`per_image.csv`: the IoU of every evaluation image, to be sorted and filtered."""

from __future__ import annotations

import csv
import math
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from schemas.spec import DatasetSpec
from tfx_pipeline.evaluation.eval_predictions import Figures


@contextmanager
def written_per_image(path: Path, spec: DatasetSpec) -> Iterator[Callable[[Figures], None]]:
    """Yields what takes the figures of one image after the other; the file is there when the block ends without error.

    Its columns are `id`, the data set's slices, `mean_iou`, and `iou_CLASS` for each class; a cell without a value is
    empty.
    """
    temporary = path.with_name(f".{path.name}")
    with temporary.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(["id", *spec.slice_names, "mean_iou", *(f"iou_{name}" for name in spec.class_names)])

        def write(figures: Figures) -> None:
            values = [figures.mean_iou, *figures.class_iou]
            shown = ["" if math.isnan(value) else f"{value:.4f}" for value in values]
            writer.writerow([figures.image_id, *figures.slices, *shown])

        yield write
    os.replace(temporary, path)
