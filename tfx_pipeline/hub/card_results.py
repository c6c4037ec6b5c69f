"""The figures of a model card: as `model-index` for programs, as tables for people, and the limitations they show."""

from __future__ import annotations

from collections.abc import Iterator

from huggingface_hub import EvalResult

from schemas.bounded_text import enumerated
from schemas.features import EVAL
from schemas.fitting import LETTERBOX
from schemas.image_size import pixels_text, sides
from schemas.metrics import IOU, MEAN_IOU, OWN_SIZE_MEAN_IOU, Figure
from tfx_pipeline.config.hub import DataSource
from tfx_pipeline.evaluation.counted_size import size_in_words
from tfx_pipeline.evaluation.results import FEW_EXAMPLES, Evaluation, SliceMetrics
from tfx_pipeline.hub.properties import DatasetFacts
from tfx_pipeline.space.markdown import plain, table

TASK = "image-segmentation"
WIDE = 6  # classes; with more, the table of slices leaves their columns out
WORST_SLICES = 3  # named for each kind of slice


def eval_results(
    facts: DatasetFacts, source: DataSource, evaluation: Evaluation, split: str = EVAL
) -> list[EvalResult]:
    """Every figure of a split, over all examples and for each slice that is large enough; not those without a value.

    The Hub groups figures by data set, configuration, split and revision, so each slice becomes a configuration.
    """
    return [
        EvalResult(
            task_type=TASK,
            task_name="Semantic segmentation",
            dataset_type=facts.dataset,
            dataset_name=source.title if configuration == "all" else f"{source.title}, {configuration}",
            dataset_config=configuration,
            dataset_split=split,
            dataset_revision=facts.manifest_sha256,
            metric_type=figure.metric.hub_type or figure.metric.name,
            metric_name=figure.title,
            metric_value=round(value, figure.metric.digits + 1),
        )
        for configuration, metrics in _configurations(evaluation)
        for figure in evaluation.figures
        if (value := metrics.value(figure)) is not None
    ]


def _configurations(evaluation: Evaluation) -> Iterator[tuple[str, SliceMetrics]]:
    yield "all", evaluation.overall
    for name, values in evaluation.slices.items():
        for value, metrics in values.items():
            if metrics.examples >= FEW_EXAMPLES:
                yield f"{name}={value}", metrics


def results_tables(facts: DatasetFacts, evaluation: Evaluation | None, test: Evaluation | None = None) -> str:
    """The figures as tables: of the test split, if any, then over all examples of eval, and for each kind of slice."""
    if evaluation is None:
        return "No evaluation came with this model."
    overall = evaluation.overall
    shown = evaluation.figures
    parts = [
        *(_test_table(test) if test else []),
        f"On the {overall.examples} examples of the eval split, which the model was not trained on. IoU is the"
        " intersection of truth and prediction over their union, in pixels; a class that occurs in neither has none."
        f" {size_in_words(evaluation, facts.image_size)}",
        _figures_table(evaluation),
    ]
    if len(evaluation.class_names) > WIDE:
        shown = [figure for figure in shown if figure.class_id is None]
    # of those at the photos' own size one is enough here; the metadata has all
    shown = [figure for figure in shown if not figure.metric.at_own_size or figure.metric == OWN_SIZE_MEAN_IOU]
    for name, values in evaluation.slices.items():
        rows = [
            [plain(value), str(one.examples), *(figure.metric.text(one.value(figure)) for figure in shown)]
            for value, one in values.items()
        ]
        parts.append(f"By {plain(name)}:")
        heads = [plain(name), "examples", *(plain(figure.label) for figure in shown)]
        parts.append(table(heads, rows))
    return "\n\n".join(parts)


def _test_table(test: Evaluation) -> list[str]:
    note = f"On the {test.overall.examples} examples of the test split, by which nothing was chosen:"
    return [note, _figures_table(test)]


def _figures_table(evaluation: Evaluation) -> str:
    """All figures over all examples, with their intervals where there are any."""
    overall = evaluation.overall
    rows = [
        [plain(figure.label), figure.metric.text(overall.value(figure)), *_ends(overall, figure)]
        for figure in evaluation.figures
    ]
    if not overall.intervals:
        return table(["metric", "value"], [row[:2] for row in rows])
    return table(["metric", "value", "95 % from", "to"], rows)


def _ends(metrics: SliceMetrics, figure: Figure) -> list[str]:
    return [figure.metric.text(end) for end in metrics.intervals.get(figure.name, (None, None))]


def limitations(facts: DatasetFacts, evaluation: Evaluation | None, source: DataSource) -> str:
    """Limitations, computed from the figures: the worst class, the worst slices, slices that are too small."""
    lines = [
        f"Evaluated only on held-out examples of {source.title}; photos of another kind can be much harder.",
        _lost_details(facts),
    ]
    if evaluation is None:
        lines.insert(0, "The model was not evaluated.")
    else:
        lines += [*_worst_classes(evaluation), *_worst_slices(evaluation)]
    return "\n".join(f"- {line}" for line in lines)


def _lost_details(facts: DatasetFacts) -> str:
    size = sides(facts.image_size)
    if facts.fit == LETTERBOX:
        larger = f"the larger of 1/{size.width} of the photo's width and 1/{size.height} of its height"
        fitted, lost = "scaled to fit into", larger
    else:
        fitted, lost = "squashed to", f"1/{min(size)} of the photo's side"
    return f"Photos are {fitted} {pixels_text(facts.image_size)} pixels: what is thinner than {lost} is lost."


def _worst_classes(evaluation: Evaluation) -> Iterator[str]:
    overall = evaluation.overall
    titles = dict(zip(evaluation.class_names, evaluation.class_titles))
    iou = {title: overall.value(Figure(IOU, class_name=name)) for name, title in titles.items()}
    known = {name: value for name, value in iou.items() if value is not None}
    if known:
        worst = min(known, key=known.__getitem__)
        value, average = IOU.text(known[worst]), MEAN_IOU.text(overall.mean_iou)
        yield f"The worst class is {plain(worst)}: IoU {value}, against {average} on average."
    if absent := [plain(name) for name, value in iou.items() if value is None]:
        yield f"Not evaluated, because the eval split has no pixel of it: {enumerated(absent, most=WIDE)}."


def _worst_slices(evaluation: Evaluation) -> Iterator[str]:
    mean = evaluation.overall.mean_iou or 0.0
    for name, values in evaluation.slices.items():
        few = [value for value, one in values.items() if one.examples < FEW_EXAMPLES]
        # A slice of a few examples can be the worst by chance; larger ones are named, if there are any.
        large = {value: one for value, one in values.items() if value not in few} or values
        known = {value: one.mean_iou for value, one in large.items() if one.mean_iou is not None}
        below = {value: one for value, one in known.items() if one < mean}
        worst = sorted(below, key=below.__getitem__)[:WORST_SLICES]
        if worst:
            listed = ", ".join(f"{plain(one)} {below[one]:.3f} ({_examples(large[one])})" for one in worst)
            yield f"Weakest by {plain(name)}, where the mean IoU is {mean:.3f} over all: {listed}."
        if few:
            which = ", ".join(map(plain, few)) if len(few) <= WIDE else f"{len(few)} of {len(values)}"
            yield f"Fewer than {FEW_EXAMPLES} examples, so that their figures say little, by {plain(name)}: {which}."


def _examples(metrics: SliceMetrics) -> str:
    return f"{metrics.examples} example{'' if metrics.examples == 1 else 's'}"
