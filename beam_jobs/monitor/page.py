"""The page of a monitoring job: alarms, then numbers, classes and novelty beside the reference, time, slices."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from beam_jobs.html.document import document
from beam_jobs.html.labels import class_labels, counted, figure, percent
from beam_jobs.html.lights import BAD, GOOD, LOOK, UNKNOWN, Light, row_of_lights
from beam_jobs.html.markup import Markup, element, join
from beam_jobs.html.plots import bars, two_histograms
from beam_jobs.html.tables import SORTING, Cell, Row, head_cell, scrolled, sortable_table
from beam_jobs.monitor.alarms import EXPLODED, NOVEL, VANISHED
from beam_jobs.monitor.page_slices import slice_table, time_line
from beam_jobs.monitor.slices import ALL, REFERENCE, Tally
from beam_jobs.monitor.terminal import account_notes, alarm_lines
from beam_jobs.served.window import in_words, parse_time
from beam_jobs.statistics.differences import CERTAINTY, CLASSES, LIGHT
from beam_jobs.statistics.split_summary import Numbers, SplitSummary, shares_in_bins
from schemas.features import EVAL, TRAIN, fraction_feature
from schemas.served import number_features

PAGE_FILE = "monitor.html"
_NOW, _BEFORE = "var(--train)", "var(--left-out)"
_NOVELTY_BINS = 16

Outcome = dict[str, Any]
Summaries = Mapping[str, SplitSummary]


def monitor_page(outcome: Outcome, summaries: Summaries, tallies: Mapping[str, Tally]) -> str:
    """The whole page.

    Args:
      outcome: As `drift.json` has it.
      summaries: Slice to its statistics.
      tallies: Slice to what was counted of it.
    """
    title = f"What model {outcome['model']['model']} serves"
    sections = [("numbers", "Numbers", _numbers(outcome, summaries))]
    sections.append(("classes", "Classes", _classes(outcome)))
    sections.append(("novelty", "Novelty", _novelty(outcome, tallies)))
    sections.append(("time", "Time", time_line(outcome)))
    sections.append(("slices", "Slices", slice_table(outcome)))
    sections.append(("log", "Log and reference", _log(outcome)))
    return document(title, _header(title, outcome), sections, [SORTING])


def _header(title: str, outcome: Outcome) -> Markup:
    window, records = outcome["window"], outcome["records"]
    newest = ", the newest of the log" if window["is_newest"] else ""
    start, end = (in_words(parse_time(name, window[name])) for name in ("from", "to"))
    lead = (
        f"{records['judged']:,} photos from {start} to {end} UTC{newest}, beside "
        f"{outcome['reference']['judged']:,} photos of {EVAL}, which the model did not learn"
    )
    return join(
        element("h1", title),
        element("p", lead, class_="lead"),
        row_of_lights([*_lights(outcome)]),
        _alarms(outcome["alarms"]),
    )


def _alarms(alarms: list[dict[str, Any]]) -> Markup:
    if not alarms:
        return join()
    parts = (line.partition(": ") for line in alarm_lines(alarms))
    items = [element("li", element("strong", f"{where}{colon}"), text) for where, colon, text in parts]
    heading = element("h2", "One alarm" if len(alarms) == 1 else f"{len(alarms):,} alarms")
    return element("div", heading, element("ul", *items), class_="problems")


def _lights(outcome: Outcome) -> Iterator[Light]:
    limits = outcome["limits"]
    few = min(outcome["records"]["judged"], outcome["reference"]["judged"]) < limits["min_photos"]
    for name, kinds, good, anchor in (
        ("Light", (LIGHT,), f"as in {EVAL}", "numbers"),
        ("Certainty", (CERTAINTY,), f"as on {EVAL}", "numbers"),
        ("Classes", (CLASSES, VANISHED, EXPLODED), f"as in {EVAL}", "classes"),
        ("Novelty", (NOVEL,), f"like {TRAIN}", "novelty"),
    ):
        found = [one for one in outcome["alarms"] if one["kind"] in kinds]
        slices = sorted({one["slice"] for one in found} - {ALL})
        if few or (kinds == (NOVEL,) and limits["novel_above"] is None):
            yield Light(name, UNKNOWN, "too few photos" if few else "not measured", anchor)
        elif found:
            in_all = len(found) > len([one for one in found if one["slice"] != ALL])
            where = "in all photos" if in_all else f"in {slices[0]}" if len(slices) == 1 else f"in {len(slices)} slices"
            yield Light(name, BAD, f"changed {where}", anchor)
        else:
            yield Light(name, GOOD, good, anchor)
    notes = [*account_notes(outcome)]
    said = "one note" if len(notes) == 1 else f"{len(notes)} notes" if notes else "every record is judged"
    yield Light("Log", LOOK if notes else GOOD, said, "log")


def _numbers(outcome: Outcome, summaries: Summaries) -> Markup:
    now, before = summaries.get(ALL), summaries.get(REFERENCE)
    if now is None or before is None:
        return element("p", "Not compared: one of the two holds no photos.")
    shown = {fraction_feature(name): label for name, label in _labels(outcome).items()}
    rows = [
        _number_row(name, shown.get(name), now.numbers[name], before.numbers[name])
        for name in number_features(outcome["classes"])
        if name in now.numbers and name in before.numbers and now.numbers[name].present
    ]
    note = (
        f"Means of {EVAL} and of what is served, with their histograms, {EVAL} as a line. Latency is that of each "
        "machine, and no alarm."
    )
    notes = [element("p", f"Note: {one}.") for one in outcome["notes"]]
    return join(element("p", note), *notes, _table(("", f"{EVAL} → served", "values"), rows, "Numbers"))


def _labels(outcome: Outcome) -> dict[str, Markup]:
    return class_labels(outcome["classes"], outcome["titles"], outcome["colors"])


def _number_row(name: str, class_: Markup | None, now: Numbers, before: Numbers) -> Markup:
    low, high = min(before.minimum, now.minimum), max(before.maximum, now.maximum)
    spoken = f"{name} from {figure(low)} to {figure(high)}, {EVAL} as a line"
    drawn = two_histograms(shares_in_bins(now, low, high), shares_in_bins(before, low, high), _NOW, spoken)
    means = element("td", f"{figure(before.mean)} → {figure(now.mean)}")
    heading = join(class_, ", share") if class_ else name.replace("_", " ")
    return element("tr", element("th", heading, scope="row"), means, element("td", drawn))


def _classes(outcome: Outcome) -> Markup:
    now, before = (outcome["slices"].get(name) for name in (ALL, REFERENCE))
    if now is None or before is None:
        return element("p", "Not compared: one of the two holds no photos.")
    flagged = {one["subject"] for one in outcome["alarms"]}
    rows = []
    for name, label in _labels(outcome).items():
        shows = before["shows"][name], now["shows"][name]
        means = [one["means"].get(fraction_feature(name), 0.0) for one in (before, now)]
        cells = [
            Cell(f"{percent(shows[0])} → {percent(shows[1])}", shows[1]),
            bars(shows, 1.0, [_BEFORE, _NOW]),
            Cell(f"{percent(means[0])} → {percent(means[1])}", means[1]),
        ]
        rows.append(Row(label, cells, "bad" if name in flagged else "good"))
    heads = "class", f"photos that show it, {EVAL} → served", "", "mean share of a photo"
    note = "A photo shows a class where the model gives it 0.1 % of the pixels or more."
    return join(element("p", note), sortable_table("Classes", heads, rows))


def _novelty(outcome: Outcome, tallies: Mapping[str, Tally]) -> Markup:
    above = outcome["limits"]["novel_above"]
    now, before = tallies.get(ALL), tallies.get(REFERENCE)
    if above is None or now is None or before is None or not now.hashed:
        return element("p", "Not measured: records of the log and of the reference need feature hashes.")
    shares = [outcome["slices"][name]["novel"] for name in (ALL, REFERENCE)]
    words = (
        f"{percent(shares[0])} of the served photos are farther than {above} bits from the nearest of "
        f"{outcome['reference']['train_compared']:,} photos of {TRAIN}, as the model's encoder sees them; of {EVAL}, "
        f"{percent(shares[1])}."
    )
    end = max(int(one.distances.nonzero()[0][-1]) for one in (now, before)) + 1
    drawn = two_histograms(
        _bins(now, end), _bins(before, end), _NOW, f"distance to {TRAIN} from 0 to {end} bits, {EVAL} as a line"
    )
    labelled = element("tr", element("th", "distance", scope="row"), element("td", f"0 to {end}"), element("td", drawn))
    near = outcome["slices"][ALL]["near_train"]
    same = f"{percent(near)} of the served photos look like one of {TRAIN}." if near is not None else ""
    return join(element("p", words), element("p", same), _table(("", "bits", "photos"), [labelled], "Novelty"))


def _bins(one: Tally, end: int) -> list[float]:
    """Shares of the distances from 0 to before `end`, in bins of one width."""
    counts = [0.0] * _NOVELTY_BINS
    for distance in one.distances.nonzero()[0]:
        counts[int(distance) * _NOVELTY_BINS // end] += int(one.distances[distance]) / one.hashed
    return counts


def _log(outcome: Outcome) -> Markup:
    records, reference = outcome["records"], outcome["reference"]
    notes = [element("p", f"Note: {one}.") for one in account_notes(outcome)]
    facts = {
        "log": outcome["log"],
        "records": f"{records['judged']:,} judged of {records['read']:,} in {counted(records['files'], 'file')}",
        "reference": reference["log"],
        "of eval": f"{reference['judged']:,} photos",
        "of train": f"{reference['train_photos']:,} photos with a feature hash",
        "trained on": outcome["model"]["trained_on"] or "not known",
        "comparisons": f"{outcome['limits']['comparisons']:,}; a run of unchanged photos raises an alarm once in "
        f"{1 / outcome['limits']['false_alarms']:,.0f}",
    }
    if chosen := outcome["to_label"]:
        facts["to label"] = (
            f"{chosen['photos']:,} photos in to_label, of {chosen['candidates']:,} candidates; {chosen['alike']:,} are"
            " left out because one like them was taken"
        )
    rows = [element("div", element("dt", name), element("dd", text)) for name, text in facts.items()]
    return join(*notes, element("dl", *rows, class_="facts"))


def _table(heads: tuple[str, ...], rows: list[Markup], label: str) -> Markup:
    head = element("thead", element("tr", *map(head_cell, heads)))
    return scrolled(element("table", head, element("tbody", *rows), class_="drift"), label)
