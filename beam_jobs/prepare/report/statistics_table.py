"""The table of all features: one row per feature and split, with the validation's findings."""

from __future__ import annotations

from collections.abc import Sequence

from beam_jobs.html.labels import figure, split_mark, unit
from beam_jobs.html.markup import Markup, element, join
from beam_jobs.html.plots import histogram, with_axis
from beam_jobs.html.tables import MANY_FEATURES, scrolled
from beam_jobs.statistics.split_summary import Blobs, Numbers, SplitSummary, Words
from beam_jobs.statistics.validation import Finding

_COLUMNS = ("feature", "split", "records", "missing", "mean", "std", "min", "median", "max", "values")
_NUMERIC_COLUMNS = len(_COLUMNS) - 3  # between split and values


def statistics_table(summaries: dict[str, SplitSummary], findings: Sequence[Finding]) -> Markup:
    """All features of all splits; a finding stands below the row that it is about.

    Args:
      summaries: Split name to what was measured.
      findings: What validation said of the features.
    """
    names = {
        name: None
        for kind in ("numbers", "words", "blobs")
        for summary in summaries.values()
        for name in sorted(getattr(summary, kind))
    }
    names.update((finding.feature, None) for finding in findings)
    head = element("tr", *(element("th", name, scope="col", class_=_alignment(name)) for name in _COLUMNS))
    groups = [element("tbody", *_feature_rows(name, summaries, findings)) for name in names]
    table = element("table", element("thead", head), *groups)
    return scrolled(table, "Statistics of every feature", tall=len(names) > MANY_FEATURES)


def _alignment(column: str) -> str:
    return "words" if column in ("feature", "split", "values") else "number"


def _feature_rows(name: str, summaries: dict[str, SplitSummary], findings: Sequence[Finding]) -> list[Markup]:
    rows = []  # (cells, CSS class)
    for split in summaries:
        descriptions = [
            finding.description for finding in findings if (finding.split, finding.feature) == (split, name)
        ]
        mark = element("td", split_mark(split))
        rows.append(([mark, *_cells(name, split, summaries[split])], "bad" if descriptions else "good"))
        for description in descriptions:
            words = join(element("strong", "Anomaly: "), description)
            rows.append(([element("td", words, colspan=len(_COLUMNS) - 1)], "bad"))
    rows[0][0].insert(0, element("th", name, scope="rowgroup", rowspan=len(rows)))
    return [element("tr", *cells, class_=class_) for cells, class_ in rows]


def _cells(name: str, split: str, summary: SplitSummary) -> list[Markup]:
    if numbers := summary.numbers.get(name):
        return _number_cells(numbers, split, name)
    if words := summary.words.get(name):
        return _word_cells(words)
    if blobs := summary.blobs.get(name):
        return _blob_cells(blobs)
    return [element("td", "no record" if not summary.records else "not measured", colspan=_NUMERIC_COLUMNS + 1)]


def _number_cells(numbers: Numbers, split: str, name: str) -> list[Markup]:
    figures = numbers.mean, numbers.deviation, numbers.minimum, numbers.median, numbers.maximum
    spoken = f"distribution of {name} in {split} from {figure(numbers.minimum)} to {figure(numbers.maximum)}"
    ends = figure(numbers.minimum), figure(numbers.maximum)
    note = ", ".join(one for one in (f"n = {numbers.present:,}", unit(name)) if one)
    drawn = histogram(numbers.histogram, f"var(--{split})", spoken)
    return [
        *_count_cells(numbers.present, numbers.missing),
        *(element("td", figure(value), class_="number") for value in figures),
        element("td", with_axis(drawn, *ends, note)),
    ]


def _word_cells(words: Words) -> list[Markup]:
    text = f"{words.unique:,} different"
    if words.counts and words.unique < words.present:
        value, count = words.counts[0]
        text += f", most often {value} ({count:,})"
    return [*_count_cells(words.present, words.missing), element("td", text, colspan=_NUMERIC_COLUMNS - 1)]


def _blob_cells(blobs: Blobs) -> list[Markup]:
    text = f"{_size(blobs.mean_bytes)} on average, {_size(blobs.maximum_bytes)} at most"
    return [*_count_cells(blobs.present, blobs.missing), element("td", text, colspan=_NUMERIC_COLUMNS - 1)]


def _size(count: float) -> str:
    return f"{count / 1000:.1f} kB" if count >= 1000 else f"{count:.0f} bytes"


def _count_cells(present: int, missing: int) -> list[Markup]:
    flagged = element("td", f"{missing:,}", class_="number flag" if missing else "number")
    return [element("td", f"{present:,}", class_="number"), flagged]
