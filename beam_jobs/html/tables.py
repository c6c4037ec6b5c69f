"""Tables: in an area that scrolls, also by keyboard, and that can be sorted and filtered where scripts run."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import NamedTuple

from beam_jobs.html.document import Part
from beam_jobs.html.markup import Markup, element

SORTING = Part("tables")  # for pages with sortable tables
TALL = 16  # rows from which on a table scrolls in itself
MANY_FEATURES = 40  # of a table with some rows for each: likewise


class Cell(NamedTuple):
    """A cell of a column of numbers: what is shown, and the number that the column is sorted by; None goes last."""

    content: Markup | str
    order: float | None


class Row(NamedTuple):
    """A row: its heading, its other cells, and a CSS class."""

    heading: Markup | str
    cells: Sequence[Cell | Markup | str]
    class_: str = ""


def scrolled(table: Markup, label: str, tall: bool = False) -> Markup:
    """A table that may be wider than the screen; a keyboard reaches it, and a screen reader calls it `label`."""
    class_ = "scroll tall" if tall else "scroll"
    return element("div", table, class_=class_, tabindex=0, role="region", aria_label=label)


def sortable_table(label: str, heads: Sequence[str], rows: Iterable[Row]) -> Markup:
    """A table whose rows can be sorted by each column, and filtered by their text if they are many.

    Args:
      label: What it is about.
      heads: One for each column; an empty one is not sorted by.
      rows: In the order in which they are shown at first.
    """
    rows = list(rows)
    numeric = {place for row in rows for place, cell in enumerate(row.cells, start=1) if isinstance(cell, Cell)}
    head = element("tr", *(head_cell(one, place in numeric) for place, one in enumerate(heads)))
    body = [
        element(
            "tr",
            element("th", row.heading, scope="row"),
            *(_drawn(cell, place in numeric) for place, cell in enumerate(row.cells, start=1)),
            **({"class_": row.class_} if row.class_ else {}),
        )
        for row in rows
    ]
    table = element("table", element("thead", head), element("tbody", *body), class_="sortable", data_label=label)
    return scrolled(table, label, tall=len(rows) > TALL)


def head_cell(name: str, numeric: bool = False) -> Markup:
    """The head of a column; a column without a name has none, which screen readers would announce."""
    return element("th", name, scope="col", class_=_alignment(numeric)) if name else element("td")


def _drawn(cell: Cell | Markup | str, numeric: bool) -> Markup:
    if not isinstance(cell, Cell):
        return element("td", cell, class_=_alignment(numeric))
    order = {} if cell.order is None else {"data_order": f"{cell.order:.6g}"}
    return element("td", cell.content, class_="number", **order)


def _alignment(numeric: bool) -> str:
    return "number" if numeric else "words"
