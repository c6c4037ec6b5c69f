"""What the evaluation page says of each class, and which classes are taken for which; and `confusion.csv`."""

from __future__ import annotations

import csv
import os
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

from beam_jobs.html.labels import file_link, percent, swatch
from beam_jobs.html.markup import Markup, element, join
from beam_jobs.html.plots import bars, interval_bar
from beam_jobs.html.tables import Cell, Row, scrolled, sortable_table
from schemas.metrics import IOU, Figure, Metric
from schemas.spec import DatasetSpec
from tfx_pipeline.config.output_layout import CONFUSION_FILE
from tfx_pipeline.evaluation.results import Evaluation, SliceMetrics

SHOWN_CONFUSIONS = 30
SMALLER = " (smaller is better)"  # where a metric's label does not say it
WHOLE_MATRIX = 16  # classes up to which the page has all of it: more do not fit on a screen


class Confusion(NamedTuple):
    """Pixels of one class, class ids both, that were predicted as another one."""

    pixels: int
    true: int
    predicted: int


def confusions(matrix: Sequence[Sequence[int]]) -> list[Confusion]:
    """All of them, the largest first."""
    found = [
        Confusion(count, true, predicted)
        for true, row in enumerate(matrix)
        for predicted, count in enumerate(row)
        if count and true != predicted
    ]
    return sorted(found, key=lambda one: (-one.pixels, one.true, one.predicted))


def class_section(evaluation: Evaluation, spec: DatasetSpec) -> Markup:
    """A row for each class: how much of it there is, how well it is found, and what it is taken for."""
    matrix, before = evaluation.confusion_matrix, evaluation.baseline
    whole = max(1, sum(map(sum, matrix)))
    metrics = list(dict.fromkeys(one.metric for one in evaluation.figures if one.class_name))
    heads = ["class", "share", *(["photos"] if evaluation.class_photos else [])]
    for metric in metrics:
        heads += [_head(metric), "95 % interval"]
        heads += ["", *(["change"] if before else []), "most confused with"] if metric is IOU else []
    rows = []
    for class_id, one in enumerate(spec.classes):
        share = sum(matrix[class_id]) / whole
        cells: list[Cell | Markup | str] = [Cell(percent(share), share)]
        if evaluation.class_photos:
            cells.append(Cell(f"{evaluation.class_photos[class_id]:,}", evaluation.class_photos[class_id]))
        for metric in metrics:
            figure = Figure(metric, class_id, one.name)
            cells += _figure_cells(evaluation.overall, figure)
            if metric is IOU:
                cells.append(_bar(evaluation.overall, figure, one.shown))
                cells += [change_cell(evaluation.overall.value(figure), before.value(figure), figure)] if before else []
                cells.append(_most_confused(matrix[class_id], class_id, spec))
        rows.append(Row(join(swatch(one.color), one.shown), cells))
    note = (
        "Share: of the labelled pixels of the split. The line in a bar is the interval. "
        "Most confused with: what most of its pixels are taken for that are not found."
    ) + (" Own size: of the photos." if evaluation.at_own_size else "")
    return join(element("p", note), sortable_table("Classes", heads, rows))


def confusion_section(matrix: Sequence[Sequence[int]], spec: DatasetSpec) -> Markup:
    """The largest confusions, and the whole matrix where it fits; the file has it in any case."""
    found = confusions(matrix)
    shown = found[:SHOWN_CONFUSIONS]
    rows = [Row(_titled(one.true, spec), _confusion_cells(one, matrix, spec)) for one in shown]
    rest = f"Of {len(found):,} pairs of classes these are the largest. " if len(shown) < len(found) else ""
    words = "Pixels of one class that were predicted as another. ", rest, file_link(CONFUSION_FILE), " has all of them."
    note = element("p", *words)
    note = join(note, element("p", "No pixel is wrong.")) if not found else note
    table = [sortable_table("Largest confusions", ["true", "predicted", "pixels", "of the true class", ""], rows)]
    whole = [element("h3", "All of them"), _whole_matrix(matrix, spec)] if len(spec.classes) <= WHOLE_MATRIX else []
    return join(note, *(table if found else []), *whole)


def write_confusion(path: Path, evaluation: Evaluation) -> None:
    """Writes the confusion matrix atomically: a row for each true class, a column for each predicted one, in pixels."""
    temporary = path.with_name(f".{path.name}")
    with temporary.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(["true", *evaluation.class_names])
        writer.writerows([name, *row] for name, row in zip(evaluation.class_names, evaluation.confusion_matrix))
    os.replace(temporary, path)


def change_cell(now: float | None, then: float | None, figure: Figure, interval: Sequence[float] | None = None) -> Cell:
    """How a figure has changed since the last blessed model, with the interval of the change where it is known."""
    if now is None or then is None:
        return Cell("-", None)
    text = f"{now - then:+.{figure.metric.digits}f}"
    if interval:
        low, high = interval
        text += f" ({low:+.{figure.metric.digits}f} to {high:+.{figure.metric.digits}f})"
    return Cell(text, now - then)


def interval_text(metrics: SliceMetrics, figure: Figure) -> str:
    """The ends of a figure's confidence interval; a dash where it has none."""
    if figure.name not in metrics.intervals:
        return "-"
    low, high = map(figure.metric.text, metrics.intervals[figure.name])
    return f"{low} to {high}"


def _head(metric: Metric) -> str:
    size = ", own size" if metric.at_own_size else ""  # in full, it makes a narrow column five lines high
    return f"{metric.label}{size}{'' if metric.higher_is_better else SMALLER}"


def _figure_cells(metrics: SliceMetrics, figure: Figure) -> Iterator[Cell]:
    """Its value and its interval, which is sorted by its width."""
    value, interval = metrics.value(figure), metrics.intervals.get(figure.name)
    yield Cell(figure.metric.text(value), value)
    yield Cell(interval_text(metrics, figure), interval[1] - interval[0] if interval else None)


def _bar(metrics: SliceMetrics, figure: Figure, title: str) -> Markup | str:
    value = metrics.value(figure)
    if value is None:
        return ""
    spoken = f"IoU of {title} {figure.metric.text(value)}, {interval_text(metrics, figure)}"
    return interval_bar(value, metrics.intervals.get(figure.name), "var(--eval)", spoken)


def _most_confused(row: Sequence[int], class_id: int, spec: DatasetSpec) -> Markup | str:
    others = [(count, -other) for other, count in enumerate(row) if other != class_id and count]
    if not others:
        return "-"
    count, other = max(others)
    return join(_titled(-other, spec), f" {percent(count / sum(row))}")


def _confusion_cells(
    one: Confusion, matrix: Sequence[Sequence[int]], spec: DatasetSpec
) -> tuple[Markup, Cell, Cell, Markup]:
    share = one.pixels / max(1, sum(matrix[one.true]))
    return (
        _titled(one.predicted, spec),
        Cell(f"{one.pixels:,}", one.pixels),
        Cell(percent(share), share),
        bars([share], 1.0, ["var(--bad)"]),
    )


def _titled(class_id: int, spec: DatasetSpec) -> Markup:
    one = spec.classes[class_id]
    return element("span", swatch(one.color), one.shown, class_="class")


def _whole_matrix(matrix: Sequence[Sequence[int]], spec: DatasetSpec) -> Markup:
    """For each true class, the share of its pixels that was predicted as each class."""
    head = element(
        "tr",
        element("th", "true \\ predicted", scope="col"),
        *(element("th", swatch(one.color), one.shown, scope="col", class_="number") for one in spec.classes),
        element("th", "pixels", scope="col", class_="number"),
    )
    rows = []
    for true, counts in zip(spec.classes, matrix, strict=True):
        total = sum(counts)
        shares = (_share_cell(count / total if total else None) for count in counts)
        heading = element("th", swatch(true.color), true.shown, scope="row")
        rows.append(element("tr", heading, *shares, element("td", f"{total:,}", class_="number")))
    note = element("p", "Each row is a true class: the share of its pixels that was predicted as each class.")
    table = element("table", element("thead", head), element("tbody", *rows))
    return join(note, scrolled(table, "Confusion matrix"))


def _share_cell(share: float | None) -> Markup:
    """A cell whose colour is stronger the larger the share."""
    color = f"background: color-mix(in srgb, var(--eval) {45 * (share or 0.0):.0f}%, transparent)"
    return element("td", "-" if share is None else percent(share), class_="number shaded", style=color)
