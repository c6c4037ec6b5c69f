"""A row of lights: what a person should know at once, each with a link to where the page says more."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from beam_jobs.html.markup import Markup, element

GOOD, LOOK, BAD, UNKNOWN, FACT = "good", "look", "bad", "unknown", "fact"
_SIGNS = {GOOD: "✓", LOOK: "!", BAD: "✕", UNKNOWN: "–", FACT: "i"}  # so that no one needs to see the colour
_SPOKEN = {GOOD: "in order", LOOK: "look at it", BAD: "wrong", UNKNOWN: "not known", FACT: "for information"}


class Light(NamedTuple):
    """One question about data or a model, with its answer.

    Attributes:
      name: What it is about, in one or two words.
      state: GOOD, LOOK (a person should), BAD (it prevents publication or blessing), UNKNOWN, or FACT (neither).
      text: The answer in a few words.
      anchor: Of the section that says more, on the same page.
    """

    name: str
    state: str
    text: str
    anchor: str


def row_of_lights(lights: Sequence[Light]) -> Markup:
    """The lights as a list of links."""
    items = [
        element(
            "li",
            element(
                "a",
                element("span", _SIGNS[one.state], class_="sign", role="img", aria_label=_SPOKEN[one.state]),
                element("strong", one.name),
                element("span", one.text),
                href=f"#{one.anchor}",
                class_=f"light {one.state}",
            ),
        )
        for one in lights
    ]
    return element("ul", *items, class_="lights")
