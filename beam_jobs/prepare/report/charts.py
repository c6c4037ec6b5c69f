"""Charts of the data set: classes, photo sizes and slices, by split."""

from __future__ import annotations

from beam_jobs.html.labels import figure, percent, split_mark, swatch
from beam_jobs.html.markup import Markup, element, join
from beam_jobs.html.plots import CELLS_PER_OCTAVE, Part, bars, size_map, stacked_bar
from beam_jobs.html.tables import Cell, Row, sortable_table
from beam_jobs.prepare.report.samples import SizeCell
from beam_jobs.statistics.split_summary import SplitSummary
from schemas.features import SOURCE_HEIGHT, SOURCE_WIDTH
from schemas.spec import DatasetSpec

_SHOWN_VALUES = 60  # of one slice; the rest is counted
_FEW_VALUES = 6  # fit into one column of long bars


def class_balance(spec: DatasetSpec, summaries: dict[str, SplitSummary]) -> Markup:
    """One bar per split, and the shares of all classes as figures."""
    shares = {
        split: [summary.numbers[name].mean for name in spec.fraction_features]
        for split, summary in summaries.items()
        if summary.records
    }
    rows = []
    for split in summaries:
        parts = [Part(one.shown, share, one.color) for one, share in zip(spec.classes, shares.get(split, ()))]
        rows.append(element("div", split_mark(split), stacked_bar(parts) if parts else "no record", class_="row"))
    heads = ["class", *(f"{split}: {what}" for split in shares for what in ("share", "photos"))]
    body = []
    for class_id, (one, name) in enumerate(zip(spec.classes, spec.fraction_features)):
        cells = []
        for split, own in shares.items():
            shown_in = summaries[split].numbers[name].present - summaries[split].numbers[name].zeros
            cells += [Cell(percent(own[class_id]), own[class_id]), Cell(f"{shown_in:,}", shown_in)]
        body.append(Row(join(swatch(one.color), one.shown), cells))
    pixels = "labelled pixels" if spec.ignores_pixels else "pixels"
    note = f"Share: of a photo's {pixels}, on average over the photos. Photos: how many show the class."
    table = sortable_table("Class balance", heads, body)
    return join(element("p", note), element("div", *rows), element("div", table, class_="below"))


def photo_sizes(sizes: dict[SizeCell, int], summaries: dict[str, SplitSummary]) -> Markup:
    """A map of widths and heights for each split, both of one scale."""
    if not sizes:
        return element("p", "No record.")
    sides = [side for cell in sizes for side in (cell.column, cell.row)]
    shown = range(min(sides) - CELLS_PER_OCTAVE // 2, max(sides) + CELLS_PER_OCTAVE // 2 + 1)
    maps = []
    for split in summaries:
        cells = {(cell.column, cell.row): count for cell, count in sizes.items() if cell.split == split}
        if not cells:
            maps.append(element("figure", element("figcaption", split_mark(split), " no record")))
            continue
        width, height = (summaries[split].numbers[name] for name in (SOURCE_WIDTH, SOURCE_HEIGHT))
        sides_in_words = [
            f"{name} {figure(side.minimum)} to {figure(side.maximum)} px, median {figure(side.median)}"
            for name, side in (("width", width), ("height", height))
        ]
        words = "; ".join([f"n = {width.present:,}", *sides_in_words])
        drawn = size_map(cells, shown, f"var(--{split})", f"Sizes of the photos in {split}: {words}")
        maps.append(element("figure", drawn, element("figcaption", split_mark(split), " ", words)))
    note = "Before the resize; the stronger, the more photos. Above the dashed line is portrait, below it landscape."
    return join(element("p", note), element("div", *maps, class_="pair"))


def slice_chart(name: str, summaries: dict[str, SplitSummary]) -> Markup:
    """How the values of one slice share each split, the most frequent first."""
    counts = {
        split: dict(summary.words[name].counts) if name in summary.words else {} for split, summary in summaries.items()
    }
    totals = {split: max(1, summary.records) for split, summary in summaries.items()}
    values = sorted(
        {value for own in counts.values() for value in own},
        key=lambda value: (-sum(counts[split].get(value, 0) / totals[split] for split in summaries), value),
    )
    shares = {value: [counts[split].get(value, 0) / totals[split] for split in summaries] for value in values}
    largest = max((share for own in shares.values() for share in own), default=0)
    colors = [f"var(--{split})" for split in summaries]
    rows = [
        element(
            "li",
            element("span", value, class_="value"),
            bars(shares[value], largest, colors),
            *(element("span", f"{counts[split].get(value, 0):,}", class_=f"number {split}") for split in summaries),
        )
        for value in values[:_SHOWN_VALUES]
    ]
    hidden = len(values) - len(rows)
    n = ", ".join(f"n = {summary.records:,} in {split}" for split, summary in summaries.items())
    heading = element("h3", name, " ", element("small", f"{len(values)} values; {n}"))
    more = [element("p", f"{hidden} more values are not shown.")] if hidden > 0 else []
    class_ = "slices few" if len(values) <= _FEW_VALUES else "slices many"
    return join(heading, element("ul", *rows, class_=class_) if rows else element("p", "No record."), *more)
