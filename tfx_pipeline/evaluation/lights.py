"""The evaluation page's first row: whether to ship the model, and what to look at first."""

from __future__ import annotations

from beam_jobs.html.lights import BAD, GOOD, LOOK, UNKNOWN, Light
from schemas.bounded_text import enumerated
from schemas.metrics import IOU, MEAN_IOU, OWN_SIZE_MEAN_IOU, Figure
from tfx_pipeline.evaluation.results import FEW_EXAMPLES, Evaluation

WEAK = 0.1  # below the mean IoU over all images, from which on a slice, or the photos' own size, is to be looked at
_NAMED = 3  # classes


def model_lights(evaluation: Evaluation) -> list[Light]:
    """Floors, change against the last blessed model, classes, slices, and the photos' own size if it was measured."""
    slices = [_slice(name, evaluation) for name in evaluation.slices]
    own_size = [_own_size(evaluation)] if evaluation.at_own_size else []
    return [_floors(evaluation), _change(evaluation), _classes(evaluation), *own_size, *slices]


def _floors(evaluation: Evaluation) -> Light:
    missed = len(evaluation.reasons)
    if evaluation.blessed:
        return Light("Floors", GOOD, "all are met", "metrics")
    return Light("Floors", BAD, f"{missed} not met" if missed else "not checked", "metrics")


def _change(evaluation: Evaluation) -> Light:
    now, before = evaluation.overall.mean_iou, evaluation.baseline_mean_iou
    text = f"mean IoU {MEAN_IOU.text(now)}"
    if now is None or before is None:
        return Light("Last blessed", UNKNOWN, f"{text}; there was none before", "metrics")
    change = f"{now - before:+.{MEAN_IOU.digits}f}"
    return Light("Last blessed", GOOD if now >= before else LOOK, f"{text}, {change}", "metrics")


def _classes(evaluation: Evaluation) -> Light:
    if evaluation.blind:
        names = enumerated([one.title or one.name for one in evaluation.blind], most=_NAMED)
        allowed = all(one.allowed for one in evaluation.blind)
        return Light("Classes", LOOK if allowed else BAD, f"blind to {names}", "confusion")
    iou = {
        title: evaluation.overall.value(Figure(IOU, class_name=name))
        for name, title in zip(evaluation.class_names, evaluation.class_titles)
    }
    if absent := [title for title, value in iou.items() if value is None]:
        return Light("Classes", LOOK, f"not judged: {enumerated(absent, most=_NAMED)}", "metrics")
    known = {title: value for title, value in iou.items() if value is not None}
    if not known:
        return Light("Classes", UNKNOWN, "none", "metrics")
    worst = min(known, key=known.__getitem__)
    return Light("Classes", GOOD, f"all are seen; the weakest is {worst}, IoU {IOU.text(known[worst])}", "metrics")


def _slice(name: str, evaluation: Evaluation) -> Light:
    title, anchor = f"By {name}", f"slice-{name}"
    known = {
        value: one.mean_iou
        for value, one in evaluation.slices[name].items()
        if one.mean_iou is not None and one.examples >= FEW_EXAMPLES
    }
    if not known:
        return Light(title, UNKNOWN, f"no value has {FEW_EXAMPLES} images", anchor)
    worst = min(known, key=known.__getitem__)
    is_weak = known[worst] < (evaluation.overall.mean_iou or 0.0) - WEAK
    return Light(title, LOOK if is_weak else GOOD, f"weakest: {worst}, {MEAN_IOU.text(known[worst])}", anchor)


def _own_size(evaluation: Evaluation) -> Light:
    own, at_model = evaluation.overall.value(Figure(OWN_SIZE_MEAN_IOU)), evaluation.overall.mean_iou
    is_weak = own is None or (at_model is not None and own < at_model - WEAK)
    return Light(
        "Own size", LOOK if is_weak else GOOD, f"mean IoU {OWN_SIZE_MEAN_IOU.text(own)} as people see it", "metrics"
    )
