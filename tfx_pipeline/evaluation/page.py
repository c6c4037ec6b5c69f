"""`evaluation.html`: how good the model is, where it fails, and how that compares with the last blessed one."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from beam_jobs.html.document import document
from beam_jobs.html.labels import swatch
from beam_jobs.html.lights import row_of_lights
from beam_jobs.html.markup import Markup, element, join
from beam_jobs.html.pictures import viewer
from beam_jobs.html.tables import SORTING, TALL, scrolled
from schemas.bootstrap import REPLICATES
from schemas.bounded_text import bounded_lines
from schemas.features import EVAL
from schemas.manifest import Manifest
from schemas.metrics import MEAN_IOU, OWN_SIZE_MEAN_IOU, Figure
from schemas.spec import DatasetSpec
from tfx_pipeline.evaluation.class_sections import SMALLER, change_cell, class_section, confusion_section, interval_text
from tfx_pipeline.evaluation.counted_size import size_in_words
from tfx_pipeline.evaluation.eval_predictions import Predictions
from tfx_pipeline.evaluation.example_sections import example_sections
from tfx_pipeline.evaluation.lights import model_lights
from tfx_pipeline.evaluation.model_facts import ModelFacts, fact_lights, fact_rows
from tfx_pipeline.evaluation.results import Evaluation, final_in_words
from tfx_pipeline.evaluation.slice_sections import slice_sections
from tfx_pipeline.source_digest import source_sha256
from tfx_pipeline.text_file import write_text_atomically

SHOWN_REASONS = 40  # why the model was not blessed


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
    facts: ModelFacts | None = None,
) -> None:
    """Writes the page atomically.

    Args:
      path: HTML file to write.
      evaluation: Evaluator's results.
      source: Identifies the model and the data.
      manifest, spec: Of the data set version that the model was evaluated on.
      predictions: For eval images; the worst and the best are shown.
      test: Results on the split `test`; None where the version has none.
      facts: Of the model: size, speed, date and recipe.
      data_report: Where the report on the data lies, seen from the page; empty where nobody can follow it.
    """
    digest = _digest(evaluation, source, test)
    sections = [
        *([("test", "Test split", _test(test, spec))] if test else []),
        ("metrics", "Metrics", _metrics(evaluation, spec, manifest.image_size)),
        ("classes", "Classes", class_section(evaluation, spec)),
        *slice_sections(evaluation),
        ("confusion", "Confusion", confusion_section(evaluation.confusion_matrix, spec)),
        *example_sections(predictions, spec),
        ("facts", "Facts", _facts(manifest, digest, facts)),
    ]
    title = f"Evaluation on {spec.title} {manifest.version}"
    lights = [*model_lights(evaluation), *(fact_lights(facts) if facts else [])]
    header = join(_verdict(title, evaluation, data_report), row_of_lights(lights))
    write_text_atomically(path, document(title, header, sections, [viewer(spec), SORTING]))


def _digest(evaluation: Evaluation, source: str, test: FinalReport | None) -> str:
    """Identifies the report's content."""
    words = [
        f"tfx_pipeline.evaluation.{name}"
        for name in (
            *("results", "tfma_files", "eval_predictions", "counted_size", "lights"),
            *("model_facts", "class_sections", "slice_sections", "example_sections"),
        )
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
        lead += f", 95 % confidence interval {interval_text(overall, Figure(MEAN_IOU))}"
    if (own_size := overall.value(Figure(OWN_SIZE_MEAN_IOU))) is not None:
        lead += f"; at the photos' own size {OWN_SIZE_MEAN_IOU.text(own_size)}"
    data = [" ", element("a", "The report on the data", href=data_report), "."] if data_report else []
    shown = bounded_lines([*evaluation.reasons, *evaluation.warnings], SHOWN_REASONS)
    reasons = [element("li", element("strong", reason)) for reason in shown]
    problems = [element("div", element("ul", *reasons), class_="problems")] if reasons else []
    return join(state, element("h1", title), element("p", f"{lead}.", *data, class_="lead"), *problems)


def _facts(manifest: Manifest, digest: str, facts: ModelFacts | None) -> Markup:
    rows = [
        *(fact_rows(facts) if facts else []),
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
        _row(_label(figure, spec), [figure.metric.text(overall.value(figure)), interval_text(overall, figure)])
        for figure in test.evaluation.figures
    ]
    head = _head_row(["this model", "95 % interval"])
    table = element("table", element("thead", head), element("tbody", *rows))
    return join(note, scrolled(table, "Metrics on the test split", tall=len(rows) > TALL))


def _metrics(evaluation: Evaluation, spec: DatasetSpec, image_size: int | str) -> Markup:
    """All metrics with their intervals, beside those of the last blessed model on the same images."""
    before = evaluation.baseline
    heads = ["this model", "95 % interval", *(["last blessed", "change"] if before else [])]
    rows = []
    for figure in evaluation.figures:
        if figure.class_name:  # is in the table of classes
            continue
        text, now = figure.metric.text, evaluation.overall.value(figure)
        cells = [text(now), interval_text(evaluation.overall, figure)]
        if before:
            then = before.value(figure)
            interval = evaluation.overall.change_interval if figure.metric is MEAN_IOU else None
            cells += [text(then), change_cell(now, then, figure, interval).content]
        rows.append(_row(_label(figure, spec), cells))
    head = _head_row(heads)
    drawn = "the groups, whose images are drawn together" if spec.names_groups else "the images"
    note = f"Larger is better, unless the name says otherwise. Intervals: bootstrap over {drawn}, {REPLICATES} times."
    if not before:
        note += " No model was blessed before this one."
    note += f" {size_in_words(evaluation, image_size)}"
    table = element("table", element("thead", head), element("tbody", *rows))
    return join(element("p", note), scrolled(table, "Metrics"))


def _head_row(heads: Sequence[str]) -> Markup:
    return element("tr", element("td"), *(element("th", one, scope="col", class_="number") for one in heads))


def _label(figure: Figure, spec: DatasetSpec) -> Markup:
    """Label of a figure on the page."""
    label = figure.label if figure.metric.higher_is_better else f"{figure.label}{SMALLER}"
    return join(label) if figure.class_id is None else join(swatch(spec.classes[figure.class_id].color), label)


def _row(label: Markup, cells: Sequence[str]) -> Markup:
    return element("tr", element("th", label, scope="row"), *(element("td", one, class_="number") for one in cells))
