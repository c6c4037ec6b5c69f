"""Slices on the page: a table of them, and how photos and answers changed with time."""

from __future__ import annotations

from typing import Any

from beam_jobs.html.labels import figure, percent
from beam_jobs.html.markup import Markup, element, join
from beam_jobs.html.plots import histogram, trend
from beam_jobs.html.tables import Cell, Row, sortable_table
from beam_jobs.monitor.slices import ALL, BY_TIME, REFERENCE, kind_of
from beam_jobs.statistics.differences import CERTAINTY, LIGHT
from schemas.features import BRIGHTNESS, EVAL
from schemas.served import CONFIDENCE, LATENCY, UNCERTAIN

_NUMBERS = (BRIGHTNESS, CONFIDENCE, UNCERTAIN, LATENCY)
_HEADS = ("slice", "photos", "brightness", "confidence", "uncertain", "latency, ms", "novel", "alarms")


def time_line(outcome: dict[str, Any]) -> Markup:
    """Records, brightness and confidence by time; hollow where a slice has an alarm or too few photos."""
    times = {name: one for name, one in outcome["slices"].items() if kind_of(name) == BY_TIME}
    if not times:
        return element("p", "No photos.")
    first, last = (name.removeprefix(f"{BY_TIME} ") for name in (min(times), max(times)))
    counts = [one["photos"] for one in times.values()]
    figures = [_figure("photos", histogram(counts, "var(--train)", f"photos from {first} to {last}"), max(counts))]
    for name, kind in ((BRIGHTNESS, LIGHT), (CONFIDENCE, CERTAINTY)):
        values = [one["means"].get(name) for one in times.values()]
        good = [one["alarms"] is not None and kind not in one["alarms"] for one in times.values()]
        if any(one is not None for one in values):
            known = [one for one in values if one is not None]
            drawn = trend(values, good, f"{name} from {first} to {last}")
            figures.append(_figure(name.replace("_", " "), drawn, f"{figure(min(known))} to {figure(max(known))}"))
    words = f"From {first} to {last} UTC; hollow where there is an alarm, or too few photos to judge."
    return join(element("p", words), element("div", *figures, class_="columns"))


def _figure(name: str, drawn: Markup, extent: str | int) -> Markup:
    words = f"at most {extent:,}" if isinstance(extent, int) else extent
    return element("figure", element("figcaption", f"{name}, {words}"), drawn)


def slice_table(outcome: dict[str, Any]) -> Markup:
    """All slices, the reference and the whole first."""
    slices = outcome["slices"]
    first = [name for name in (REFERENCE, ALL) if name in slices]
    rows = (_row(name, slices[name]) for name in (*first, *sorted(set(slices) - set(first))))
    return sortable_table("Slices", _HEADS, rows)


def _row(name: str, one: dict[str, Any]) -> Row:
    means = [one["means"].get(number) for number in _NUMBERS]
    cells = [
        Cell(f"{one['photos']:,}", one["photos"]),
        *(Cell("" if mean is None else figure(mean), mean) for mean in means),
        Cell("" if one["novel"] is None else percent(one["novel"]), one["novel"]),
    ]
    alarms = "too few to judge" if one["alarms"] is None else ", ".join(one["alarms"])
    shown = f"{EVAL} (reference)" if name == REFERENCE else "all" if name == ALL else name
    return Row(shown, [*cells, alarms], "bad" if one["alarms"] else "good")
