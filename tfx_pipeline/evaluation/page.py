"""`evaluation.html`: how good the model is, where it fails, and how that compares with the last blessed one."""

from __future__ import annotations

import hashlib
import io
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
from PIL import Image

from beam_jobs.html.class_png import class_png
from beam_jobs.html.document import document
from beam_jobs.html.labels import legend, percent, photo_name, swatch
from beam_jobs.html.lights import row_of_lights
from beam_jobs.html.markup import Markup, data_uri, element, join
from beam_jobs.html.plots import bars
from schemas.bounded_text import bounded_lines
from schemas.colors import color_table
from schemas.features import EVAL
from schemas.image_ids import shown_name
from schemas.manifest import Manifest
from schemas.metrics import MEAN_IOU, OWN_SIZE_MEAN_IOU, Figure
from schemas.spec import DatasetSpec
from tfx_pipeline.config.output_layout import PER_IMAGE_FILE
from tfx_pipeline.evaluation.counted_size import size_in_words
from tfx_pipeline.evaluation.eval_predictions import Prediction, Predictions
from tfx_pipeline.evaluation.iou_metrics import REPLICATES
from tfx_pipeline.evaluation.lights import model_lights
from tfx_pipeline.evaluation.results import Evaluation, SliceMetrics, final_in_words
from tfx_pipeline.source_digest import source_sha256
from tfx_pipeline.text_file import write_text_atomically

SHOWN_REASONS = 40  # why the model was not blessed
SHOWN_VALUES = 60  # of one slice; the rest are only counted
SHOWN_CLASSES = 40  # of the worst by class; the table has all
PICTURE_SIDE = 192  # pixels


class FinalReport(NamedTuple):
    """Results on the split `test`, of a version that has one.

    Attributes:
      evaluation: None where the model is not blessed, and so not evaluated there.
      models_evaluated: Number of models from the same output folder that were evaluated on it.
    """

    evaluation: Evaluation | None
    models_evaluated: int


def is_report_of(path: Path, evaluation: Evaluation, source: str, test: FinalReport | None = None) -> bool:
    """Whether the report exists and is about this evaluation and source."""
    return path.is_file() and _digest(evaluation, source, test) in path.read_text(encoding="utf-8")


def write_evaluation_report(
    path: Path,
    evaluation: Evaluation,
    source: str,
    manifest: Manifest,
    spec: DatasetSpec,
    predictions: Predictions,
    test: FinalReport | None = None,
    data_report: str = "",
) -> None:
    """Writes the page atomically.

    Args:
      path: HTML file to write.
      evaluation: Evaluator's results.
      source: Identifies the model and the data.
      manifest, spec: Of the data set version that the model was evaluated on.
      predictions: For eval images; the worst and the best are shown.
      test: Results on the split `test`; None where the version has none.
      data_report: Where the report on the data lies, seen from the page; empty where nobody can follow it.
    """
    digest = _digest(evaluation, source, test)
    sections = [
        *([("test", "Test split", _test(test, spec))] if test else []),
        ("metrics", "Metrics", _metrics(evaluation, spec, manifest.image_size)),
        *[(f"slice-{name}", f"By {name}", _slice(values)) for name, values in evaluation.slices.items()],
        ("confusion", "Confusion", _confusion(evaluation.confusion_matrix, spec)),
        ("worst", "Worst examples", _examples(predictions.worst, predictions.count, spec, per_image=True)),
        *_worst_of_classes(predictions, spec),
        ("best", "Best examples", _examples(predictions.best, predictions.count, spec)),
        ("facts", "Facts", _facts(manifest, digest)),
    ]
    title = f"Evaluation on {spec.title} {manifest.version}"
    header = join(_verdict(title, evaluation, data_report), row_of_lights(model_lights(evaluation)))
    write_text_atomically(path, document(title, header, sections))


def _digest(evaluation: Evaluation, source: str, test: FinalReport | None) -> str:
    """Identifies the report's content."""
    words = [
        f"tfx_pipeline.evaluation.{name}"
        for name in ("results", "tfma_files", "eval_predictions", "counted_size", "lights")
    ]
    code = source_sha256(__name__, *words, "schemas.colors", "schemas.metrics")
    return hashlib.sha256(f"{code} {source} {evaluation} {test}".encode()).hexdigest()


def _verdict(title: str, evaluation: Evaluation, data_report: str) -> Markup:
    blessed = evaluation.blessed
    state = element(
        "p", "Blessed" if blessed else "Not blessed", class_="state published" if blessed else "state withheld"
    )
    overall = evaluation.overall
    lead = f"Mean IoU {MEAN_IOU.text(overall.mean_iou)} on {overall.examples:,} images of split {EVAL}"
    if MEAN_IOU.name in overall.intervals:
        lead += f", 95 % confidence interval {_interval(overall, Figure(MEAN_IOU))}"
    if (own_size := overall.value(Figure(OWN_SIZE_MEAN_IOU))) is not None:
        lead += f"; at the photos' own size {OWN_SIZE_MEAN_IOU.text(own_size)}"
    data = [" ", element("a", "The report on the data", href=data_report), "."] if data_report else []
    shown = bounded_lines([*evaluation.reasons, *evaluation.warnings], SHOWN_REASONS)
    reasons = [element("li", element("strong", reason)) for reason in shown]
    problems = [element("div", element("ul", *reasons), class_="problems")] if reasons else []
    return join(state, element("h1", title), element("p", f"{lead}.", *data, class_="lead"), *problems)


def _facts(manifest: Manifest, digest: str) -> Markup:
    rows = [
        ("data", f"{manifest.dataset} {manifest.version}"),
        ("manifest, SHA-256", manifest.sha256),
        ("page", digest),
    ]
    return element(
        "dl", *(element("div", element("dt", name), element("dd", value)) for name, value in rows), class_="facts"
    )


def _test(test: FinalReport, spec: DatasetSpec) -> Markup:
    """The figures on a split that nothing was chosen by."""
    words = final_in_words(test.evaluation, test.models_evaluated)
    note = element("p", f"{words[0].upper()}{words[1:]}.")
    if test.evaluation is None:
        return note
    overall = test.evaluation.overall
    rows = [
        _row(_label(figure, spec), [figure.metric.text(overall.value(figure)), _interval(overall, figure)])
        for figure in test.evaluation.figures
    ]
    head = element("tr", *(element("th", one, scope="col") for one in ("", "this model", "95 % interval")))
    return join(
        note, element("div", element("table", element("thead", head), element("tbody", *rows)), class_="scroll")
    )


def _metrics(evaluation: Evaluation, spec: DatasetSpec, image_size: int | str) -> Markup:
    """All metrics with their intervals, beside those of the last blessed model on the same images."""
    before = evaluation.baseline
    heads = ["", "this model", "95 % interval", *(["last blessed", "change"] if before else [])]
    rows = []
    for figure in evaluation.figures:
        text, now = figure.metric.text, evaluation.overall.value(figure)
        cells = [text(now), _interval(evaluation.overall, figure)]
        if before:
            then = before.value(figure)
            change = "-" if now is None or then is None else f"{now - then:+.{figure.metric.digits}f}"
            cells += [text(then), change]
        rows.append(_row(_label(figure, spec), cells))
    head = element("tr", *(element("th", one, scope="col", class_="number" if one else "") for one in heads))
    drawn = "the groups, whose images are drawn together" if spec.names_groups else "the images"
    note = f"Larger is better, unless the name says otherwise. Intervals: bootstrap over {drawn}, {REPLICATES} times."
    if not before:
        note += " No model was blessed before this one."
    note += f" {size_in_words(evaluation, image_size)}"
    table = element("table", element("thead", head), element("tbody", *rows))
    return join(element("p", note), element("div", table, class_="scroll"))


def _label(figure: Figure, spec: DatasetSpec) -> Markup:
    """Label of a figure on the page."""
    label = figure.label if figure.metric.higher_is_better else f"{figure.label} (smaller is better)"
    return join(label) if figure.class_id is None else join(swatch(spec.classes[figure.class_id].color), label)


def _slice(values: dict[str, SliceMetrics]) -> Markup:
    """One bar of mean IoU per value, the worst first."""
    ordered = sorted(values.items(), key=lambda one: (one[1].mean_iou is not None, one[1].mean_iou or 0.0, one[0]))
    rows = [
        element(
            "li",
            element("span", value, class_="value"),
            bars([metrics.mean_iou or 0.0], 1.0, ["var(--eval)"]),
            element("span", MEAN_IOU.text(metrics.mean_iou), class_="number eval"),
            element("span", f"{metrics.examples:,}", class_="number"),
        )
        for value, metrics in ordered[:SHOWN_VALUES]
    ]
    hidden = len(ordered) - len(rows)
    more = [element("p", f"{hidden} better ones are not shown.")] if hidden > 0 else []
    note = element("p", "Mean IoU and number of images, the worst first. Few images say little.")
    return join(note, element("ul", *rows, class_=f"slices {'few' if len(rows) <= 6 else 'many'}"), *more)


def _confusion(matrix: Sequence[Sequence[int]], spec: DatasetSpec) -> Markup:
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
        cells = [_share_cell(count / total if total else None) for count in counts]
        rows.append(
            element(
                "tr",
                element("th", swatch(true.color), true.shown, scope="row"),
                *cells,
                element("td", f"{total:,}", class_="number"),
            )
        )
    note = element("p", "Each row is a true class: the share of its pixels that was predicted as each class.")
    table = element("table", element("thead", head), element("tbody", *rows))
    return join(note, element("div", table, class_="scroll"))


def _share_cell(share: float | None) -> Markup:
    """A cell whose colour is stronger the larger the share."""
    color = f"background: color-mix(in srgb, var(--eval) {60 * (share or 0.0):.0f}%, transparent)"
    return element("td", "-" if share is None else percent(share), class_="number", style=color)


def _worst_of_classes(predictions: Predictions, spec: DatasetSpec) -> list[tuple[str, str, Markup]]:
    """(id, heading, content) of the images where single classes are missed most; none where there are no images."""
    shown = [(one, kept) for one, kept in zip(spec.classes, predictions.worst_of_class) if kept]
    parts = [
        join(element("h3", swatch(one.color), one.shown), _triples(kept, spec, f"IoU of {one.shown}"))
        for one, kept in shown[:SHOWN_CLASSES]
    ]
    hidden = len(shown) - len(parts)
    more = [element("p", f"{hidden} more classes are in ", element("code", PER_IMAGE_FILE), ".")] if hidden else []
    note = element("p", "Of the images that show a class, those with the lowest IoU of it.")
    return [("worst-of-class", "Worst by class", join(note, *parts, *more))] if parts else []


def _examples(predictions: Sequence[Prediction], count: int, spec: DatasetSpec, per_image: bool = False) -> Markup:
    """Photo, truth and prediction side by side."""
    table = [" ", element("code", PER_IMAGE_FILE), " beside this file has the figures of each."] if per_image else []
    note = element("p", f"Of all {count:,} images: photo, truth and prediction.", *table)
    return join(note, legend(spec), _triples(predictions, spec))


def _triples(predictions: Sequence[Prediction], spec: DatasetSpec, figure: str = "mean IoU") -> Markup:
    colors = color_table(spec.palette)
    figures = []
    for one in predictions:
        pictures = [
            element("img", src=data_uri(media_type, data), alt=f"{what} of {shown_name(one.image_id)}", loading="lazy")
            for what, media_type, data in (
                ("photo", "image/jpeg", _jpeg(one.photo)),
                ("truth", "image/png", class_png(one.truth, colors)),
                ("prediction", "image/png", class_png(one.predicted, colors)),
            )
        ]
        caption = element("figcaption", photo_name(one.image_id), f" - {figure} {one.iou:.2f}")
        figures.append(element("figure", element("div", *pictures, class_="triple"), caption))
    return element("div", *figures, class_="near")


def _jpeg(pixels: np.ndarray) -> bytes:
    buffer = io.BytesIO()
    image = Image.fromarray(pixels)
    image.thumbnail((PICTURE_SIDE, PICTURE_SIDE))
    image.save(buffer, "JPEG", quality=85)
    return buffer.getvalue()


def _row(label: Markup, cells: Sequence[str]) -> Markup:
    return element("tr", element("th", label, scope="row"), *(element("td", one, class_="number") for one in cells))


def _interval(metrics: SliceMetrics, figure: Figure) -> str:
    if figure.name not in metrics.intervals:
        return "-"
    low, high = map(figure.metric.text, metrics.intervals[figure.name])
    return f"{low} to {high}"
