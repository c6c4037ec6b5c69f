"""A report as one HTML file that opens offline: its head, a header, and sections with links to them."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from beam_jobs.html.markup import Markup, element
from beam_jobs.html.style import STYLE

_HERE = Path(__file__).parent


class Part(NamedTuple):
    """What a page can do beyond showing text and pictures, for browsers that run scripts.

    Attributes:
      script: Name of a file in this folder, without its ending; both NAME.js and NAME.css are put into the page.
      content: Markup at the end of the body that the script needs.
    """

    script: str
    content: Markup = Markup("")


def document(
    title: str, header: Markup, sections: Sequence[tuple[str, str, Markup]], parts: Sequence[Part] = ()
) -> str:
    """The whole page; `sections` are anchor, heading and content. It is complete without the scripts of its parts."""
    links = [element("a", heading, href=f"#{name}") for name, heading, _ in sections]
    style = "".join([STYLE, *(_file(one, "css") for one in parts)])
    scripts = [_file(one, "js") for one in parts]
    head = element(
        "head",
        element("meta", charset="utf-8"),
        element("meta", http_equiv="Content-Security-Policy", content=_policy(style, scripts)),
        element("meta", name="viewport", content="width=device-width, initial-scale=1"),
        element("meta", name="color-scheme", content="light dark"),
        element("link", rel="icon", href="data:,"),
        element("title", title),
        element("style", Markup(style)),
    )
    body = element(
        "body",
        element("header", header, element("nav", *links, aria_label="Sections")),
        element(
            "main",
            *(element("section", element("h2", heading), content, id=name) for name, heading, content in sections),
        ),
        *(one.content for one in parts),
        *(element("script", Markup(script)) for script in scripts),
    )
    return f"<!DOCTYPE html>\n{element('html', head, body, lang='en')}\n"


def _policy(style: str, scripts: Sequence[str]) -> str:
    """The page loads nothing, and runs and is styled by what is named here alone, even if data got past the escaping.

    Attributes of style are let through, since each class has its own colour; they can load nothing.
    """
    rules = ["default-src 'none'", "img-src data:", f"style-src {_hash(style)}", "style-src-attr 'unsafe-inline'"]
    if scripts:
        rules.append(f"script-src {' '.join(map(_hash, scripts))}")
    return "; ".join([*rules, "base-uri 'none'", "form-action 'none'"])


def _hash(text: str) -> str:
    """A source expression of a content security policy (W3C CSP3, 2.3.1)."""
    return f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}'"


def _file(part: Part, ending: str) -> str:
    return (_HERE / f"{part.script}.{ending}").read_text(encoding="utf-8")
