"""The summary of all predictions, `summary.json`."""

from __future__ import annotations

import json
from collections.abc import Iterable

import apache_beam as beam
import numpy as np

from beam_jobs.predict.finding import LEFT_OUT
from beam_jobs.predict.request import Request
from beam_jobs.predict.table import Row, judged
from beam_jobs.storage.files import write_atomically
from schemas.metrics import mean_iou

SUMMARY_FILE = "summary.json"
WORST = 5  # photos named in it


class SumUp(beam.CombineFn):
    """Rows -> {"photos", "matrix", "worst"}: how many, their summed matrix, and those with the lowest mean IoU."""

    def __init__(self, classes: tuple[str, ...]):
        self._size = len(classes) ** 2

    def create_accumulator(self) -> dict:
        return {"photos": 0, "matrix": np.zeros(self._size, np.int64), "worst": []}

    def add_input(self, total: dict, row: Row) -> dict:
        if row.matrix:
            side = len(row.classes)
            value = mean_iou(np.reshape(row.matrix, (side, side)))
            one = {"photos": 1, "matrix": np.array(row.matrix, np.int64), "worst": [(value, row.image_id)]}
        else:
            one = {"photos": 1, "matrix": np.zeros(self._size, np.int64), "worst": []}
        return self.merge_accumulators([total, one])

    def merge_accumulators(self, totals: Iterable[dict]) -> dict:
        totals = list(totals)
        return {
            "photos": sum(one["photos"] for one in totals),
            "matrix": sum((one["matrix"] for one in totals), np.zeros(self._size, np.int64)),
            "worst": sorted(pair for one in totals for pair in one["worst"])[:WORST],
        }

    def extract_output(self, total: dict) -> dict:
        return total


def summarize(request: Request, totals: Iterable[dict], files: Iterable[str]) -> str:
    """Writes the summary, and returns its path.

    Args:
      request: What was predicted.
      totals: Of `SumUp`; `rejected`, their number; and, of a folder, `left_out`.
      files: Of the table and of the rejections.
    """
    merged: dict = {}
    for one in totals:
        merged |= one
    matrix = tuple(merged["matrix"].tolist())
    values: dict[str, object] = {
        "model": request.model_dir,
        "input": request.version_dir or request.photos,
        "photos": merged["photos"],
        "rejected": merged["rejected"],
        "files": sorted(files),
    }
    if left_out := merged.get(LEFT_OUT):
        values[LEFT_OUT] = {kind: one._asdict() for kind, one in left_out.items()}
    if any(matrix):
        values |= judged(matrix, request.info.classes)
        values["worst"] = [{"id": image_id, "mean_iou": value} for value, image_id in merged["worst"]]
    path = f"{request.output}/{SUMMARY_FILE}"
    write_atomically(path, (json.dumps(values, indent=2, sort_keys=True, allow_nan=False) + "\n").encode())
    return path
