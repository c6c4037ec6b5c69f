"""The report's first row: what to look at before training on the version."""

from __future__ import annotations

from collections.abc import Sequence

from beam_jobs.html.labels import counted, percent
from beam_jobs.html.lights import BAD, GOOD, LOOK, UNKNOWN, Light
from beam_jobs.prepare.decision import REJECTED_INPUTS, Decision
from beam_jobs.prepare.report.near_duplicates import NearDuplicateSheet
from beam_jobs.rejections import EXCLUDED, FATAL
from beam_jobs.statistics.differences import Difference
from beam_jobs.statistics.split_summary import SplitSummary
from beam_jobs.statistics.validation import DRIFT, SKEW, Validation
from schemas.bounded_text import enumerated
from schemas.features import TRAIN
from schemas.spec import DatasetSpec

RARE = 0.01  # mean share of the pixels below which a class is easily missed
_NAMED = 3  # classes and causes


def data_lights(
    spec: DatasetSpec,
    decision: Decision,
    validation: Validation,
    summaries: dict[str, SplitSummary],
    differences: Sequence[Difference],
    near_duplicates: NearDuplicateSheet | None,
    odd_masks: int,
) -> list[Light]:
    """Rejects, leaks across the splits, suspicious masks, balance, differences between splits, and drift.

    Args:
      spec, decision, validation, summaries: As the report has them.
      differences: How the splits differ.
      near_duplicates: None where no one searched for them.
      odd_masks: How many masks are unlike all others.
    """
    anomalies = sum(one.kind not in (SKEW, DRIFT) for one in validation.findings)
    return [
        _rejected(decision),
        _leaks(decision, near_duplicates),
        _masks(odd_masks),
        _balance(spec, summaries),
        _splits(differences, validation),
        *([_drift(validation)] if validation.baseline else []),
        *([Light("Statistics", BAD, counted(anomalies, "anomaly", "anomalies"), "statistics")] if anomalies else []),
    ]


def _rejected(decision: Decision) -> Light:
    quarantined = decision.manifest.quarantined
    rejected = sum(count for reason, count in quarantined.items() if reason not in EXCLUDED)
    if not rejected:
        return Light("Rejected", GOOD, "none", "quarantine")
    withholds = {REJECTED_INPUTS, *FATAL} & {problem.subject for problem in decision.problems}
    share = percent(rejected / decision.manifest.inputs)
    return Light("Rejected", BAD if withholds else LOOK, f"{counted(rejected, 'input')}, {share}", "quarantine")


def _leaks(decision: Decision, near_duplicates: NearDuplicateSheet | None) -> Light:
    groups = decision.groups
    if groups and groups.spanning:
        return Light("Leaks", LOOK, f"{counted(groups.spanning, 'group is', 'groups are')} in several splits", "counts")
    if near_duplicates is None:
        return Light("Leaks", UNKNOWN, "no search for near-duplicates", "facts")
    found = [
        f"{leak.photos:,} of {leak.splits[0]} in {leak.splits[1]}"
        for leak in near_duplicates.leaks
        if leak.photos or not leak.is_complete
    ]
    if found:
        return Light("Leaks", LOOK, f"near-duplicates: {enumerated(found)}", "near")
    return Light("Leaks", GOOD, "no near-duplicates across splits", "near")


def _masks(odd_masks: int) -> Light:
    if odd_masks:
        return Light("Masks", LOOK, f"{odd_masks:,} unlike all others", "odd")
    return Light("Masks", GOOD, "none is unlike all others", "photos")


def _balance(spec: DatasetSpec, summaries: dict[str, SplitSummary]) -> Light:
    absent, rare = [], []
    for feature, title in spec.fraction_titles.items():
        shares = {split: one.numbers[feature] for split, one in summaries.items() if feature in one.numbers}
        if without := [split for split, share in shares.items() if not share.maximum]:
            absent.append(f"{title} (in {enumerated(without, ' and ')})")
        elif TRAIN in shares and shares[TRAIN].mean < RARE:
            rare.append(f"{title} {percent(shares[TRAIN].mean)}")
    if absent:
        return Light("Balance", LOOK, f"not shown: {enumerated(absent, most=_NAMED)}", "classes")
    if rare:
        return Light("Balance", LOOK, f"rare: {enumerated(rare, most=_NAMED)}", "classes")
    return Light("Balance", GOOD, "every class is shown, none is rare", "classes")


def _splits(differences: Sequence[Difference], validation: Validation) -> Light:
    skewed = {one.feature for one in validation.findings if one.kind == SKEW}
    if skewed:
        return Light("Splits", BAD, f"too far apart in {enumerated(sorted(skewed), most=_NAMED)}", "statistics")
    if not differences:
        return Light("Splits", GOOD, "alike", "statistics")
    causes = enumerated(list(dict.fromkeys(one.cause for one in differences)), most=_NAMED)
    return Light("Splits", LOOK, f"differ in {causes}", "differences")


def _drift(validation: Validation) -> Light:
    assert validation.baseline is not None
    drifted = {one.feature for one in validation.findings if one.kind == DRIFT}
    if drifted:
        return Light("Drift", BAD, f"in {enumerated(sorted(drifted), most=_NAMED)}", "drift")
    return Light("Drift", GOOD, f"none since {validation.baseline.version}", "drift")
