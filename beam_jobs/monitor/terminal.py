"""What the monitoring job prints."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from beam_jobs.html.labels import counted
from beam_jobs.monitor.slices import kind_of
from schemas.bounded_text import bounded_lines, enumerated
from schemas.features import EVAL, TRAIN

_SHOWN_ALARMS = 40


def outcome_lines(outcome: dict[str, Any], seconds: float) -> Iterator[str]:
    """The outcome for people, an alarm a line."""
    records, reference = outcome["records"], outcome["reference"]
    judged = f"{counted(records['judged'], 'record')} of model {outcome['model']['model']}"
    yield f"  {judged}, compared with {counted(reference['judged'], 'photo')} of {EVAL}, {seconds:.1f} seconds"
    for line in alarm_lines(outcome["alarms"]):
        yield f"  {line}"
    for note in [*outcome["notes"], *account_notes(outcome)]:
        yield f"Note: {note}"


def alarm_lines(alarms: list[dict[str, Any]]) -> list[str]:
    """Such as `light (client shop): served photos are darker ...`; slices of one kind with the same alarm are a line.

    The words are those of the slice whose value is farthest from the limit.
    """
    alike: dict[tuple[str, str, str], list[dict[str, Any]]] = {}
    for one in alarms:
        alike.setdefault((one["kind"], one["subject"], kind_of(one["slice"])), []).append(one)
    lines = []
    for (kind, _, by), some in alike.items():
        where = enumerated([one["slice"].removeprefix(f"{by} ") for one in some], most=3)
        worst = max(some, key=lambda one: abs(one["measured"] - one["limit"]))
        lines.append(f"{kind}{f' ({by} {where})' if by else ''}: {worst['text']}")
    return bounded_lines(lines, _SHOWN_ALARMS)


def count_line(alarms: int) -> str:
    """Such as `2 alarms`."""
    return {0: "No alarm", 1: "One alarm"}.get(alarms, f"{alarms} alarms")


def account_notes(outcome: dict[str, Any]) -> Iterator[str]:
    """What was not judged, and what could not be measured."""
    records, reference = outcome["records"], outcome["reference"]
    for account, where in ((records, ""), (reference, " in the reference")):
        if other := account["other_models"]:
            named = enumerated([f"{counted(count, 'record')} of {model}" for model, count in other.items()])
            yield f"left out, of other models{where}: {named}"
    if records["outside"]:
        yield f"left out, of another time than the window: {counted(records['outside'], 'record')} of its files"
    if records["repeated"]:
        repeated = counted(records["repeated"], "record")
        yield f"left out, of a photo that its client sent before in the same hour: {repeated}"
    for name, account in (("the log", records), ("the reference", reference)):
        if account["problems"]:
            found = [f"{one['file']}: {one['problem']}" for one in account["first_problems"]]
            yield f"{counted(account['problems'], 'problem')} in the files of {name}: {enumerated(found, '; ')}"
    if records["left_out_files"]:
        yield f"left out, not of a log: {counted(records['left_out_files'], 'file')}, as {records['first_left_out']}"
    yield from _unknown(outcome)


def _unknown(outcome: dict[str, Any]) -> Iterator[str]:
    reference, limits = outcome["reference"], outcome["limits"]
    few = outcome["records"]["judged"], reference["judged"]
    for count, what in zip(few, ("the window has", f"the reference has of {EVAL}")):
        if count < limits["min_photos"]:
            yield f"too few to judge: {what} {counted(count, 'record')}, {limits['min_photos']} are needed"
    if limits["novel_above"] is None:
        yield (
            f"novelty is not measured: it needs feature hashes of {TRAIN} and of {limits['min_photos']} photos of"
            f" {EVAL} in the reference"
        )
    elif reference["train_compared"] < reference["train_photos"]:
        yield (
            f"novelty is measured against {reference['train_compared']:,} of {reference['train_photos']:,} photos of"
            f" {TRAIN}"
        )


def label_lines(outcome: dict[str, Any], output: str) -> Iterator[str]:
    """Where the photos to label are."""
    chosen = outcome["to_label"]
    if chosen is None:
        return
    if not chosen["candidates"]:
        yield "To label: none; no record of the window names a kept photo that has no labels yet"
        return
    gone = f"; {counted(chosen['gone'], 'photo')} gone or broken" if chosen["gone"] else ""
    of = counted(chosen["candidates"], "candidate")
    yield f"To label: {counted(chosen['photos'], 'photo')} in {output}/to_label, of {of}{gone}"
