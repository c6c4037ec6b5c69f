"""A report as one HTML file that opens offline: its head, a header, and sections with links to them."""

from __future__ import annotations

from collections.abc import Sequence

from beam_jobs.html.markup import Markup, element
from beam_jobs.html.style import STYLE

# The page loads nothing and runs nothing, even if an id or a detail ever got past the escaping.
_POLICY = "default-src 'none'; img-src data:; style-src 'unsafe-inline'"


def document(title: str, header: Markup, sections: Sequence[tuple[str, str, Markup]]) -> str:
    """The whole page; `sections` are anchor, heading and content."""
    links = [element("a", heading, href=f"#{name}") for name, heading, _ in sections]
    head = element(
        "head",
        element("meta", charset="utf-8"),
        element("meta", http_equiv="Content-Security-Policy", content=_POLICY),
        element("meta", name="viewport", content="width=device-width, initial-scale=1"),
        element("meta", name="color-scheme", content="light dark"),
        element("link", rel="icon", href="data:,"),
        element("title", title),
        element("style", Markup(STYLE)),
    )
    body = element(
        "body",
        element("header", header, element("nav", *links, aria_label="Sections")),
        element(
            "main",
            *(element("section", element("h2", heading), content, id=name) for name, heading, content in sections),
        ),
    )
    return f"<!DOCTYPE html>\n{element('html', head, body, lang='en')}\n"
