"""The table of predictions: one line for each photo."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from typing import NamedTuple

import numpy as np

from schemas.metrics import METRICS, Counts


class Row(NamedTuple):
    """One line of the table.

    Attributes:
      image_id, uri, width, height: Of the photo.
      shares: Of the classes, of its pixels.
      matrix: Confusion matrix of the classes, row after row; empty where there is no truth.
      classes: Their names.
      file_name: Of its mask, without the extension.
    """

    image_id: str
    uri: str
    width: int
    height: int
    shares: tuple[float, ...]
    matrix: tuple[int, ...]
    classes: tuple[str, ...]
    file_name: str

    def to_json(self) -> str:
        """One JSON object with sorted keys: shares of pixels per class and, where there is truth, IoU.

        `mask` is the name of the mask's file, where that is not the id.
        """
        values: dict[str, object] = {"id": self.image_id, "uri": self.uri, "width": self.width, "height": self.height}
        values["share"] = {name: round(share, 6) for name, share in zip(self.classes, self.shares, strict=True)}
        if self.file_name != self.image_id:
            values["mask"] = f"{self.file_name}.png"
        if self.matrix:
            values |= judged(self.matrix, self.classes)
        return json.dumps(values, sort_keys=True, allow_nan=False)


def judged(matrix: tuple[int, ...], classes: tuple[str, ...]) -> dict[str, object]:
    """Metric to its value, or to a value per class; None where there is none.

    Args:
      matrix: Confusion matrix of the classes, row after row.
      classes: Names, in the order of class ids.
    """
    counts = Counts(np.reshape(matrix, (len(classes), len(classes))), np.zeros((len(classes), 0)))
    values: dict[str, object] = {}
    for metric in (one for one in METRICS if not one.needs_boundaries and not one.at_own_size):
        found = list(_finite(np.atleast_1d(metric.compute(counts))))
        values[metric.name] = dict(zip(classes, found, strict=True)) if metric.per_class else found[0]
    return values


def _finite(values: Iterable[float]) -> Iterator[float | None]:
    """Converts numbers for JSON: NaN becomes None."""
    for value in values:
        yield None if np.isnan(value) else float(value)
