"""The page of a comparison of two models of a log: lights, photos, classes, certainty and time."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from beam_jobs.html.document import document
from beam_jobs.html.labels import class_labels, figure, percent
from beam_jobs.html.lights import GOOD, LOOK, UNKNOWN, Light, row_of_lights
from beam_jobs.html.markup import Markup, element, join
from beam_jobs.html.tables import SORTING, Cell, Row, sortable_table
from beam_jobs.monitor.chance import standard_errors
from beam_jobs.served.window import in_words, parse_time
from beam_jobs.shadow.limits import POINTS, SLOWER, moved, points
from beam_jobs.traffic.figures import MIN_PHOTOS, SHOWS
from schemas.features import BRIGHTNESS, CONTRAST, FRACTION_SUFFIX, SOURCE_HEIGHT, SOURCE_WIDTH, fraction_feature
from schemas.served import CONFIDENCE, ENTROPY, LATENCY, UNCERTAIN

PAGE_FILE = "traffic.html"
OF_PHOTOS = (BRIGHTNESS, CONTRAST, SOURCE_HEIGHT, SOURCE_WIDTH)  # which no model decides
OF_ANSWERS = (CONFIDENCE, ENTROPY, UNCERTAIN, LATENCY)

Outcome = dict[str, Any]


def traffic_page(outcome: Outcome) -> str:
    """The whole page, of what `traffic.json` holds."""
    served, candidate = outcome["served"], outcome["candidate"]
    title = "Two models that share the traffic"
    start, end = (in_words(parse_time(name, outcome["window"][name])) for name in ("from", "to"))
    lead = (
        f"{served['photos']:,} photos answered by {served['model']}, {candidate['photos']:,} by {candidate['model']},"
        f" {start} to {end} UTC"
    )
    caution = "Each photo was answered by one model: where they differ, the photos may, too. Nothing here is a score."
    header = join(
        element("h1", title),
        element("p", lead, class_="lead"),
        row_of_lights([*lights_of(outcome)]),
        element("p", caution, class_="below"),
    )
    labels = class_labels(outcome["classes"], outcome["titles"], outcome["colors"])
    shares = {fraction_feature(name): label for name, label in labels.items()}
    shown = {f"{SHOWS}{name}": label for name, label in labels.items()}
    alike = "What no model decides: it should be the same of both."
    sections = [
        ("photos", "Photos", _table(outcome, _in_words(OF_PHOTOS), alike)),
        ("shares", "Class shares", _table(outcome, shares, "Mean share of a photo.")),
        ("shown", "Classes shown", _table(outcome, shown, "Share of the photos that show it.")),
        ("figures", "Certainty and time", _table(outcome, _in_words(OF_ANSWERS), "Means.")),
        ("log", "Log", _facts(outcome)),
    ]
    return document(title, header, sections, [SORTING])


def lights_of(outcome: Outcome) -> Iterator[Light]:
    """What a person should know at once."""
    few = min(outcome[name]["photos"] for name in ("served", "candidate"))
    measures = outcome["measures"]
    if few < MIN_PHOTOS:
        yield Light("Comparison", UNKNOWN, f"too few photos: {few} of {MIN_PHOTOS}", "log")
        return
    yield _photos(outcome, few)
    changed = {one: measures[fraction_feature(one)] for one in outcome["classes"]}
    found = sorted((one for one, own in changed.items() if moved(own)), key=lambda one: -abs(changed[one]["value"]))
    titles = outcome["titles"]
    words = f"most: {titles[found[0]]} {points(changed[found[0]]['value'])} points" if found else "about the same"
    yield Light("Class shares", LOOK if found else GOOD, words, "shares")
    shown = {one: measures[f"{SHOWS}{one}"] for one in outcome["classes"]}
    only = [one for one, own in shown.items() if bool(own["served"]) != bool(own["candidate"])]
    words = f"only one shows {titles[only[0]]}" if only else "both show the same ones"
    yield Light("Classes", LOOK if only else GOOD, words, "shown")
    yield _confidence(measures[CONFIDENCE])
    one = measures[LATENCY]
    slower = one["low"] is not None and one["low"] > (SLOWER - 1) * one["served"]
    yield Light("Speed", LOOK if slower else GOOD, f"{one['served']:.3g} → {one['candidate']:.3g} ms", "figures")


def _photos(outcome: Outcome, few: int) -> Light:
    """Whether both models were asked about alike photos, beyond chance."""
    limit = standard_errors(len(OF_PHOTOS), few - 1)
    unlike = [one for one in OF_PHOTOS if (outcome["measures"][one]["standard_errors"] or 0) > limit]
    words = f"not alike: {', '.join(unlike).replace('_', ' ')}" if unlike else "alike"
    return Light("Photos", LOOK if unlike else GOOD, words, "photos")


def _confidence(one: dict[str, float | None]) -> Light:
    if one["served"] is None or one["candidate"] is None:
        return Light("Confidence", UNKNOWN, "not in the records", "figures")
    less = moved(one) and (one["value"] or 0) < 0
    return Light("Confidence", LOOK if less else GOOD, f"{one['served']:.3f} → {one['candidate']:.3f}", "figures")


def _in_words(measures: Iterable[str]) -> dict[str, str]:
    return {one: "latency, ms" if one == LATENCY else one.replace("_", " ") for one in measures}


def _table(outcome: Outcome, labels: Mapping[str, Markup | str], words: str) -> Markup:
    """A row for each measure with its label."""
    rows = [_row(name, label, outcome["measures"][name]) for name, label in labels.items()]
    heads = ("", "served", "candidate", "difference", "95 % interval")
    note = f"{words} Intervals are of two independent means, and need {MIN_PHOTOS} photos of each model."
    return join(element("p", note), sortable_table(words, heads, rows))


def _row(name: str, label: Markup | str, one: dict[str, float | None]) -> Row:
    is_share = name.endswith(FRACTION_SUFFIX) or name.startswith(SHOWS)
    shown = percent if is_share else figure

    def cell(value: float | None) -> Cell:
        return Cell("not known" if value is None else shown(value), value)

    value, low, high = one["value"], one["low"], one["high"]
    apart = "" if value is None else f"{points(value)} points" if is_share else f"{value:+.4g}"
    interval = (
        ""
        if low is None or high is None
        else (f"{points(low)} to {points(high)}" if is_share else f"{low:+.4g} to {high:+.4g}")
    )
    is_marked = moved(one) if is_share else False
    return Row(
        label,
        [cell(one["served"]), cell(one["candidate"]), Cell(apart, value), Cell(interval, low)],
        "bad" if is_marked else "good",
    )


def _facts(outcome: Outcome) -> Markup:
    records = outcome["records"]
    facts = {"log": outcome["log"], "records": f"{records['judged']:,} compared of {records['read']:,}"}
    for name in ("served", "candidate"):
        one = outcome[name]
        trained = f", trained on {one['trained_on'][:12]}" if one["trained_on"] else ""
        facts[name] = f"{one['model']}{trained}: {one['photos']:,} photos, {one['first']} to {one['last']}"
    left = {"repeated": records["repeated"], "of another time": records["outside"], "unusable": records["unusable"]}
    facts["left out"] = ", ".join(f"{count:,} {what}" for what, count in left.items())
    if records["other_models"]:
        facts["other models"] = ", ".join(f"{one}: {count:,}" for one, count in records["other_models"].items())
    facts["marked"] = f"a class whose share differs by {points(POINTS).lstrip('+')} point or more, beyond the interval"
    rows = [element("div", element("dt", name), element("dd", text)) for name, text in facts.items()]
    return element("dl", *rows, class_="facts")
