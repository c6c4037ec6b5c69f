"""The page of a shadow run: lights, agreement, confusion, classes, confidence and time, and pictures."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from beam_jobs.html.document import document
from beam_jobs.html.labels import legend_of, percent, photo_name, swatch
from beam_jobs.html.lights import row_of_lights
from beam_jobs.html.markup import Markup, element, join
from beam_jobs.html.pictures import Picture, Words, caption_link, four, viewed, viewer_of
from beam_jobs.html.plots import bars, interval_bar
from beam_jobs.html.tables import SORTING, Cell, Row, scrolled, sortable_table
from beam_jobs.shadow.gallery import Draft
from beam_jobs.shadow.limits import MIN_PHOTOS, POINTS, lights_of, moved, points
from beam_jobs.shadow.request import CANDIDATE, MODELS, SERVED, Request
from beam_jobs.shadow.terminal import PROMOTE, ROLLBACK
from schemas.bootstrap import REPLICATES
from schemas.colors import css_color
from schemas.served import SHOWS_FROM

PAGE_FILE = "shadow.html"
WORDS = Words("Served", "Candidate", "Difference of", "only served", "only candidate")
_MOST_CONFUSIONS = 30
_WHOLE_MATRIX = 12  # classes, up to which the whole matrix is shown
_NOW, _BEFORE = "var(--train)", "var(--left-out)"

Outcome = dict[str, Any]


def shadow_page(request: Request, outcome: Outcome, least: Sequence[Draft]) -> str:
    """The whole page.

    Args:
      request: What was compared.
      outcome: As `shadow.json` has it.
      least: The photos that are drawn.
    """
    shown = dict(zip(request.classes, request.titles))
    title = "Candidate beside the served model"
    lead = f"{outcome['photos']['compared']:,} photos, answered by both models; no user saw the candidate's answers"
    caution = "Where the models differ, either may be wrong, or both: only labels say which. Nothing here is a score."
    header = join(
        element("h1", title),
        element("p", lead, class_="lead"),
        row_of_lights(lights_of(outcome, shown)),
        element("p", caution, class_="below"),
    )
    sections = [
        ("agreement", "Agreement", _agreement(outcome)),
        ("confusion", "Which class becomes which", _confusion(request, outcome)),
        ("classes", "Classes", _classes(request, outcome)),
        ("figures", "Confidence and time", _figures(outcome)),
        ("least", "Least agreement", _pictures(request, least)),
        ("photos", "Models and photos", _facts(outcome)),
        ("next", "Next", _next()),
    ]
    return document(title, header, sections, [viewer_of(request.titles, request.served.info.palette, WORDS), SORTING])


def _agreement(outcome: Outcome) -> Markup:
    words = (
        "Share of a photo's pixels, at its own size, to which both models give the same class; mean over the photos. "
        f"Intervals: bootstrap over photos, {REPLICATES} times, 95 %. Photos of one scene count as if each were new."
    )
    rows = [_slice_row(name, one["agreement"], one["photos"], one["confidence"]) for name, one in _figures_of(outcome)]
    table = sortable_table("Agreement", ("", "photos", "agreement", "", "confidence"), rows)
    few = [name for name, one in outcome["slices"].items() if one["agreement"] is None]
    note = f"Slices of fewer than {MIN_PHOTOS} photos have no figures." if few else ""
    return join(element("p", words), table, element("p", note) if note else "")


def _figures_of(outcome: Outcome) -> list[tuple[str, dict[str, Any]]]:
    """All photos, then the slices."""
    everything = {
        "photos": outcome["photos"]["compared"],
        "agreement": outcome["agreement"],
        "confidence": outcome["confidence"],
    }
    return [("all photos", everything), *outcome["slices"].items()]


def _slice_row(name: str, agreement: dict | None, photos: int, confidence: dict | None) -> Row:
    count = Cell(f"{photos:,}", photos)
    if agreement is None or confidence is None:
        return Row(name, (count, Cell("-", None), "", "-"), "few")
    value, interval = agreement["value"], _interval(agreement)
    spoken = f"{name}: {percent(value)}"
    drawn = interval_bar(value, interval, _NOW, spoken)
    known = confidence[SERVED] is not None and confidence[CANDIDATE] is not None
    certain = f"{confidence[SERVED]:.3f} → {confidence[CANDIDATE]:.3f}" if known else "-"
    words = percent(value) + (f" ({percent(interval[0])} to {percent(interval[1])})" if interval else "")
    return Row(name, (count, Cell(words, value), drawn, certain), "few" if photos < MIN_PHOTOS else "")


def _interval(one: Mapping[str, float | None]) -> tuple[float, float] | None:
    low, high = one["low"], one["high"]
    return None if low is None or high is None else (low, high)


def _confusion(request: Request, outcome: Outcome) -> Markup:
    matrix = np.array(outcome["confusion"], np.int64)
    total, titles = int(matrix.sum()), request.titles
    others = [(int(matrix[row, column]), row, column) for row, column in zip(*np.nonzero(matrix)) if row != column]
    if not others:
        return element("p", "Every pixel has the same class in both answers.")
    rows = [
        Row(
            join(_class(request, row), " → ", _class(request, column)),
            (
                Cell(percent(count / total), count / total),
                Cell(percent(count / matrix[row].sum()), count / matrix[row].sum()),
            ),
        )
        for count, row, column in sorted(others, key=lambda one: (-one[0], one[1:]))[:_MOST_CONFUSIONS]
    ]
    heads = "served → candidate", "of all pixels", "of the served class"
    more = len(others) - len(rows)
    note = f"The {len(rows)} largest; {more:,} more are in shadow.json." if more else ""
    parts = [element("p", note)] if note else []
    parts.append(sortable_table("Which class becomes which", heads, rows))
    if len(titles) <= _WHOLE_MATRIX:
        parts.append(_matrix(request, matrix))
    return join(*parts)


def _matrix(request: Request, matrix: np.ndarray) -> Markup:
    """Rows the served model's classes, in shares of their pixels."""
    head = element("tr", element("td"), *(element("th", one, scope="col", class_="number") for one in request.titles))
    body = []
    for class_id, row in enumerate(matrix):
        cells = (element("td", percent(count / row.sum()) if row.sum() else "-", class_="number") for count in row)
        body.append(element("tr", element("th", _class(request, class_id), scope="row"), *cells))
    table = element("table", element("thead", head), element("tbody", *body))
    words = "Each row: what the candidate says of the pixels to which the served model gives the class."
    return join(element("p", words, class_="below"), scrolled(table, "Served class by candidate class"))


def _class(request: Request, class_id: int) -> Markup:
    return join(swatch(css_color(request.served.info.palette[class_id])), request.titles[class_id])


def _classes(request: Request, outcome: Outcome) -> Markup:
    rows = [_class_row(request, outcome, class_id, name) for class_id, name in enumerate(request.classes)]
    heads = ("class", "share of a photo", "", "difference, points", "photos that show it", "difference, points", "IoU")
    words = (
        f"Served → candidate. A photo shows a class where it has {percent(SHOWS_FROM)} of the pixels or more. A share"
        f" is marked where its difference is {points(POINTS).lstrip('+')} point or more and the interval excludes zero;"
        " of many classes, one in twenty intervals misses by chance. IoU is that of the two answers with each other."
    )
    return join(element("p", words), sortable_table("Classes", heads, rows))


def _class_row(request: Request, outcome: Outcome, class_id: int, name: str) -> Row:
    share, presence, iou = (outcome[one][name] for one in ("class_shares", "presence", "iou"))
    largest = max(max(one[SERVED], one[CANDIDATE]) for one in outcome["class_shares"].values())
    marks = [mark for mark in ("vanished", "new") if name in outcome[mark]]
    heading = join(_class(request, class_id), *(element("span", f" {mark}", class_="flag") for mark in marks))
    cells = (
        Cell(_before_after(share), share[SERVED]),
        bars([share[one] for one in MODELS], largest, [_BEFORE, _NOW]),
        _difference(share["difference"], moved(share["difference"])),
        Cell(_before_after(presence), presence[SERVED]),
        _difference(presence["difference"], False),
        Cell("-" if iou is None else f"{iou:.3f}", iou),
    )
    return Row(heading, cells)


def _before_after(one: dict[str, float]) -> str:
    return f"{percent(one[SERVED])} → {percent(one[CANDIDATE])}"


def _difference(one: dict[str, float], is_marked: bool) -> Cell:
    interval = _interval(one)
    words = points(one["value"]) + (f" ({points(interval[0])} to {points(interval[1])})" if interval else "")
    return Cell(element("strong", words) if is_marked else words, one["value"])


def _figures(outcome: Outcome) -> Markup:
    rows = []
    for measure, words, digits in (
        ("confidence", "mean confidence", 3),
        ("entropy", "mean entropy", 3),
        ("latency_ms", "milliseconds a photo", 2),
    ):
        one = outcome[measure]
        if one[SERVED] is None or one[CANDIDATE] is None:
            rows.append(Row(words, (*[Cell("not measured", None)] * 2, Cell("", None))))
            continue
        interval = _interval(one["difference"])
        span = f" ({interval[0]:+.{digits}f} to {interval[1]:+.{digits}f})" if interval else ""
        difference = f"{one['difference']['value']:+.{digits}f}{span}"
        values = (Cell(f"{one[name]:.{digits}f}", one[name]) for name in MODELS)
        rows.append(Row(words, (*values, Cell(difference, one["difference"]["value"]))))
    ratio = outcome["latency_ms"]["ratio"]["value"]
    times = f" The candidate takes {ratio:.2f} times as long." if ratio else ""
    words = (
        "Confidence is the largest softmax probability, entropy that of the probabilities over that of even ones; a"
        " model that is more confident need not be right more often. Time is that of the model, photo by photo, on"
        f" this machine; an endpoint's differs.{times}"
    )
    return join(element("p", words), sortable_table("Figures", ("", SERVED, CANDIDATE, "difference"), rows))


def _pictures(request: Request, least: Sequence[Draft]) -> Markup:
    if not least:
        return element("p", "No photo is answered differently.")
    info = request.served.info
    figures = []
    for place, one in enumerate(least, start=1):
        name = f"photo-of-least-agreement-{place}"
        picture = Picture(one.image_id, one.width, one.height, one.photo, one.served, one.candidate)
        caption = caption_link(name, photo_name(one.image_id)), f": {percent(one.agreement)} agree"
        figures.append(viewed(name, four(name, picture, one.difference, WORDS), caption))
    words = "Photo, served, candidate, and in orange the pixels of another class. Click to enlarge."
    return join(
        element("p", words),
        legend_of(request.titles, info.palette),
        element("div", *figures, class_="near"),
    )


def _facts(outcome: Outcome) -> Markup:
    photos = outcome["photos"]
    facts = {}
    for name in MODELS:
        one = outcome[name]
        trained = f", trained on {one['trained_on'][:12]}" if one["trained_on"] else ""
        facts[name] = f"{one['folder']} ({one['model']}), takes {one['image_size']} pixels{trained}"
    facts["photos"] = photos.get("folder") or f"{photos['log']}, those that it kept"
    facts["compared"] = f"{photos['compared']:,}; {photos['rejected']:,} rejected, listed in rejected/"
    rows = [element("div", element("dt", name), element("dd", text)) for name, text in facts.items()]
    problems = [element("li", f"{one['file']}: {one['problem']}") for one in photos["first_problems"]]
    heading = element("p", f"{photos['problems']:,} problems in the files of the log, among them:")
    return join(element("dl", *rows, class_="facts"), *([heading, element("ul", *problems)] if problems else []))


def _command(text: str) -> Markup:
    return element("code", text, style="white-space:normal")


def _next() -> Markup:
    return element(
        "p",
        "If the differences are those that you want, ",
        _command(PROMOTE),
        " gives the candidate all traffic; if not, ",
        _command(ROLLBACK),
        " keeps the served model. To know which of the two is right, label some of the photos of least agreement.",
    )
