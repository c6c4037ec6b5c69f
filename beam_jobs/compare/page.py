"""The page of a comparison: what changed in figures, and the changes with the largest differences as pictures."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple

from beam_jobs.compare.changes import KINDS
from beam_jobs.compare.request import Request
from beam_jobs.elements import SourceFile, read_source
from beam_jobs.html.document import document
from beam_jobs.html.labels import in_words, legend, percent, photo_name, split_mark, swatch
from beam_jobs.html.markup import Markup, element, join
from beam_jobs.html.pictures import viewer
from beam_jobs.html.tables import head_cell, scrolled
from beam_jobs.prepare.report.gallery import sample_figure
from beam_jobs.prepare.report.thumbnails import make_sample
from beam_jobs.records.published_records import bytes_of, parse_record
from schemas.class_spec import ClassSpec
from schemas.features import IMAGE, IMAGE_ID, MASK
from schemas.spec import DatasetSpec

PAGE_FILE = "changes.html"


class Shown(NamedTuple):
    """A change that is shown: in words, and its record in each version, None where there is none."""

    detail: str
    records: tuple[SourceFile | None, SourceFile | None]


def changes_page(request: Request, summary: dict[str, Any], shown: dict[str, list[Shown]]) -> str:
    """The whole page.

    Args:
      request: What was compared.
      summary: As `summary.json` has it.
      shown: Kind of change to those that are drawn; only their records are read.
    """
    before, after = (f"{one['version']}" for one in (summary["from"], summary["to"]))
    title = f"{request.specs[1].title}: {before} to {after}"
    notes = [element("p", f"Note: {note}.") for note in summary["notes"]]
    header = join(element("h1", title), element("p", "What changed from one version to the other.", class_="lead"))
    sections = [("records", "Records", join(*notes, _splits(summary), _kinds(summary)))]
    if summary["class_shares"]:
        sections.append(("classes", "Class balance", _shares(request, summary)))
    for kind in KINDS:
        if shown.get(kind):
            sections.append((kind, in_words(kind).capitalize(), _gallery(request, kind, shown[kind], (before, after))))
    earlier, later = request.specs
    parts = [viewer(later)] if earlier.palette == later.palette else []  # it reads the classes of both from colours
    return document(title, header, sections, parts)


def _table(heads: tuple[str, ...], rows: list[tuple], numbers: int) -> Markup:
    """A table of which so many columns after the first one are numbers."""
    numeric = [0 < place <= numbers for place in range(len(heads))]
    head = element("tr", *map(head_cell, heads, numeric))
    kinds = ["number" if one else "words" for one in numeric]
    body = (element("tr", *(element("td", cell, class_=kind) for cell, kind in zip(row, kinds))) for row in rows)
    return element("table", element("thead", head), element("tbody", *body), class_="narrow")


def _splits(summary: dict[str, Any]) -> Markup:
    before, after = summary["from"]["splits"], summary["to"]["splits"]
    names = dict.fromkeys((*before, *after))
    rows = [(split_mark(name), f"{before.get(name, 0):,}", f"{after.get(name, 0):,}") for name in names]
    return _table(("split", summary["from"]["version"], summary["to"]["version"]), rows, numbers=2)


def _kinds(summary: dict[str, Any]) -> Markup:
    moves = ", ".join(f"{words} {count:,}" for words, count in summary["moves"].items())
    reasons = ", ".join(f"{in_words(words)} {count:,}" for words, count in summary["rejected"].items())
    details = {"moved": moves, "removed": f"rejected: {reasons}" if reasons else ""}
    rows = [
        (in_words(kind), f"{count:,}", details.get(kind, "")) for kind, count in summary["records"].items() if count
    ]
    return _table(("what", "records", ""), rows, numbers=1)


def _shares(request: Request, summary: dict[str, Any]) -> Markup:
    classes = {one.name: one for spec in request.specs for one in spec.classes}
    rows = [
        (_named(classes[name]), percent(old), percent(new), _pixels(summary, name))
        for name, (old, new) in summary["class_shares"].items()
    ]
    heads = "class", summary["from"]["version"], summary["to"]["version"], "pixels"
    note = "Mean share of a photo's labelled pixels, over all photos; and the pixels that changed masks gained or lost."
    return join(element("p", note), scrolled(_table(heads, rows, numbers=3), "Class balance"))


def _named(one: ClassSpec) -> Markup:
    return element("span", swatch(one.color), one.shown, class_="class")


def _pixels(summary: dict[str, Any], name: str) -> str:
    count = summary["class_pixels"].get(name)
    return "" if count is None else f"{count:+,}"


def _gallery(request: Request, kind: str, shown: list[Shown], names: tuple[str, str]) -> Markup:
    rows = [list(_figures(request, f"{kind}-{row}", one, names)) for row, one in enumerate(shown)]
    if max(map(len, rows)) == 1:  # added or removed: there is nothing to stand beside it
        return join(legend(request.specs[1]), element("div", *(one for [one] in rows), class_="near"))
    return join(legend(request.specs[1]), *(element("div", *row, class_="compared") for row in rows))


def _figures(request: Request, anchor: str, one: Shown, names: tuple[str, str]) -> Iterator[Markup]:
    """The record before and after, photo and mask."""
    details = (one.detail if one.records[1] is None else "", one.detail)
    for record, spec, name, detail in zip(one.records, request.specs, names, details):
        if record is not None:
            words = f" in {name}, {detail}" if detail else f" in {name}"
            yield _figure(f"{anchor}-{name}", record, spec, words)


def _figure(name: str, record: SourceFile, spec: DatasetSpec, words: str) -> Markup:
    values = parse_record(read_source(record))
    image_id, photo, mask = (bytes_of(values, name) for name in (IMAGE_ID, IMAGE, MASK))
    try:
        sample = make_sample(image_id.decode(), photo, mask, spec)
    except (OSError, ValueError, SyntaxError):  # what Pillow raises of damaged files; validate says more of it
        return element("figure", element("figcaption", photo_name(image_id.decode()), words, ": can't be drawn"))
    return sample_figure(name, sample, words)
