"""How far a version has drifted from its baseline: each feature of each split now, before, and the distance between."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from tensorflow_metadata.proto.v0.anomalies_pb2 import Anomalies

from beam_jobs.html.labels import figure, percent, split_mark, unit
from beam_jobs.html.markup import Markup, element, join
from beam_jobs.html.plots import bars, gauge, two_histograms, with_axis
from beam_jobs.html.tables import MANY_FEATURES, scrolled
from beam_jobs.statistics.differences import Compared, describe_differences, notable_features
from beam_jobs.statistics.split_summary import Numbers, SplitSummary, Words, shares_in_bins, summarise
from beam_jobs.statistics.validation import DRIFT, Baseline, Validation
from schemas.spec import DatasetSpec

_COLUMNS = ("split", "baseline → now", "values", "distance")
_BEFORE_COLOR = "var(--left-out)"


class _Distance(NamedTuple):
    """What TFDV measured, and above what it is an anomaly; both in [0, 1]."""

    value: float
    threshold: float


def drift_section(
    spec: DatasetSpec, baseline: Baseline, validation: Validation, summaries: dict[str, SplitSummary]
) -> Markup:
    """All numbers and slices of all splits beside the baseline's.

    Args:
      spec: The data set's contract, which orders the features.
      baseline: What drift was measured against.
      validation: The distances.
      summaries: Split to what was measured of it.
    """
    before = {split: summarise(serialized) for split, serialized in baseline.statistics.items()}
    distances = {split: _distances(validation.anomalies[split]) for split in before}
    groups = []
    for name in (*spec.slice_names, *spec.number_features):
        rows = [
            row
            for split in before
            for row in _feature_row(name, split, before[split], summaries[split], distances[split].get(name))
        ]
        if rows:
            heading = element("tr", element("th", name, scope="rowgroup", colspan=len(_COLUMNS)))
            groups.append(element("tbody", heading, *rows))
    head = element("tr", *(element("th", name, scope="col") for name in _COLUMNS))
    counts = " and ".join(f"{before[split].records:,} for {split}" for split in before)
    note = (
        f"Each split beside the same split of {baseline.version}, which has {counts}. Numbers are means, with their "
        "histograms, the baseline's as a line; of a slice, the value is shown whose share has changed most. The "
        "distance is 0 where values are spread alike, and 1 where they have nothing in common (Jensen-Shannon "
        "divergence for numbers, the largest change of a share for slices). Above its limit it withholds the version."
    )
    texts = [
        element("li", text)
        for split in before
        for text in _texts(split, before[split], summaries[split], distances[split], baseline.version, spec)
    ]
    words = [element("ul", *texts)] if texts else []
    skipped = [element("p", f"Not checked: {words}.") for words in validation.not_compared if words.startswith(DRIFT)]
    table = element("table", element("thead", head), *groups, class_="drift")
    return join(
        *words,
        element("p", note),
        *skipped,
        scrolled(table, "Drift of every feature", tall=len(groups) > MANY_FEATURES),
    )


def _texts(
    split: str,
    before: SplitSummary,
    now: SplitSummary,
    distances: dict[str, _Distance],
    version: str,
    spec: DatasetSpec,
) -> list[str]:
    """What a person should know of the drift of a split: what is above its limit, and what is notable."""
    above = [name for name, one in distances.items() if one.value > one.threshold]
    names = dict.fromkeys((*above, *notable_features(now, before)))
    compared = Compared(split, version, is_earlier=True)
    return [one.text for one in describe_differences(names, now, before, compared, spec.fraction_titles)]


def _distances(serialized: bytes) -> dict[str, _Distance]:
    return {
        info.path.step[0]: _Distance(measured.value, measured.threshold)
        for info in Anomalies.FromString(serialized).drift_skew_info
        for measured in info.drift_measurements
    }


def _feature_row(
    name: str, split: str, before: SplitSummary, now: SplitSummary, distance: _Distance | None
) -> Iterator[Markup]:
    """One row, or none where the feature can't be compared."""
    if name in before.numbers and name in now.numbers:
        cells = _number_cells(name, split, before.numbers[name], now.numbers[name])
    elif all(name in one.words and one.words[name].counts for one in (before, now)):
        cells = _word_cells(split, before.words[name], now.words[name])
    else:
        return
    drifted = distance is not None and distance.value > distance.threshold
    mark = element("td", split_mark(split))
    yield element("tr", mark, *cells, _distance_cell(distance, drifted), class_="bad" if drifted else "good")


def _number_cells(name: str, split: str, before: Numbers, now: Numbers) -> list[Markup]:
    low, high = min(before.minimum, now.minimum), max(before.maximum, now.maximum)
    spoken = f"{name} in {split} from {figure(low)} to {figure(high)}, the baseline as a line"
    drawn = two_histograms(shares_in_bins(now, low, high), shares_in_bins(before, low, high), f"var(--{split})", spoken)
    note = ", ".join(one for one in (f"n = {now.present:,}, was {before.present:,}", unit(name)) if one)
    axis = with_axis(drawn, figure(low), figure(high), note)
    return [element("td", f"{figure(before.mean)} → {figure(now.mean)}"), element("td", axis)]


def _word_cells(split: str, before: Words, now: Words) -> list[Markup]:
    shares = [{value: count / one.present for value, count in one.counts} for one in (before, now)]
    changes = {value: abs(shares[1].get(value, 0) - shares[0].get(value, 0)) for value in shares[0].keys() | shares[1]}
    most = max(sorted(changes), key=changes.__getitem__)
    old, new = (one.get(most, 0.0) for one in shares)
    drawn = bars([old, new], max(old, new), [_BEFORE_COLOR, f"var(--{split})"])
    words = element("span", most, class_="detail")
    return [element("td", f"{percent(old)} → {percent(new)} ", words), element("td", drawn)]


def _distance_cell(distance: _Distance | None, drifted: bool) -> Markup:
    if distance is None:
        return element("td", "not measured", class_="detail")
    value, limit = f"{distance.value:.2f}", f"{distance.threshold:g}"
    color, spoken = ("var(--bad)", "drift") if drifted else ("var(--good)", "no drift")
    drawn = gauge(distance.value, distance.threshold, color, f"{spoken}: distance {value}, limit {limit}")
    return element("td", element("strong", value) if drifted else value, f" of {limit}", drawn)
