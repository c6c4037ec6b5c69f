"""What the evaluation page says of each value of a slice: how good the model is there, and how sure that is."""

from __future__ import annotations

from collections.abc import Mapping

from beam_jobs.html.markup import Markup, element, join
from beam_jobs.html.plots import interval_bar
from beam_jobs.html.tables import Cell, Row, sortable_table
from schemas.metrics import MEAN_IOU, Figure
from tfx_pipeline.evaluation.class_sections import change_cell, interval_text
from tfx_pipeline.evaluation.results import FEW_EXAMPLES, Evaluation, SliceMetrics

SHOWN_VALUES = 200  # of one slice; the rest are only counted
_FIGURE = Figure(MEAN_IOU)


def slice_sections(evaluation: Evaluation) -> list[tuple[str, str, Markup]]:
    """(anchor, heading, content) of each slice."""
    return [
        (f"slice-{name}", f"By {name}", _slice(name, values, evaluation.slice_baselines.get(name, {})))
        for name, values in evaluation.slices.items()
    ]


def _slice(name: str, values: Mapping[str, SliceMetrics], before: Mapping[str, SliceMetrics]) -> Markup:
    """A row for each value: the worst first, those with few images last."""
    ordered = sorted(values.items(), key=_rank)
    heads = [name, "mean IoU", "95 % interval", "", *(["change"] if before else []), "images"]
    rows = [_row(value, metrics, before) for value, metrics in ordered[:SHOWN_VALUES]]
    hidden = len(ordered) - len(rows)
    more = [element("p", f"{hidden:,} more are in summary.json.")] if hidden else []
    note = f"The worst first; the line in a bar is the interval. Grey: fewer than {FEW_EXAMPLES} images say little."
    if before:
        note += " Change: against the last blessed model on the same images"
        note += ", with its 95 % interval." if any(one.change_interval for one in values.values()) else "."
    return join(element("p", note), sortable_table(f"Mean IoU by {name}", heads, rows), *more)


def _rank(item: tuple[str, SliceMetrics]) -> tuple[bool, bool, float, str]:
    value, metrics = item
    return metrics.examples < FEW_EXAMPLES, metrics.mean_iou is None, metrics.mean_iou or 0.0, value


def _row(value: str, metrics: SliceMetrics, before: Mapping[str, SliceMetrics]) -> Row:
    few, mean_iou = metrics.examples < FEW_EXAMPLES, metrics.mean_iou
    interval = metrics.intervals.get(_FIGURE.name)
    text = interval_text(metrics, _FIGURE)
    spoken = f"mean IoU of {value} {MEAN_IOU.text(mean_iou)}, {text}"
    color = "var(--left-out)" if few else "var(--eval)"
    cells: list[Cell | Markup | str] = [
        Cell(MEAN_IOU.text(mean_iou), mean_iou),
        Cell(text, interval[1] - interval[0] if interval else None),
        "" if mean_iou is None else interval_bar(mean_iou, interval, color, spoken),
    ]
    if before:
        then = before[value].mean_iou if value in before else None
        cells.append(change_cell(mean_iou, then, _FIGURE, metrics.change_interval))
    cells.append(Cell(f"{metrics.examples:,}", metrics.examples))
    return Row(value, cells, "few" if few else "")
