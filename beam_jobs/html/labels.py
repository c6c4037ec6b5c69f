"""How pages show splits, classes, colours, codes and figures."""

from __future__ import annotations

import math
from collections.abc import Iterable

from beam_jobs.html.markup import Markup, element, join
from schemas.colors import ignored_color
from schemas.image_ids import shown_name
from schemas.spec import DatasetSpec


def split_mark(split: str) -> Markup:
    """The name of a split in its colour."""
    return element("span", split, class_=f"split {split}")


def split_marks(splits: Iterable[str]) -> Markup:
    """The names of splits in their colours, joined by `and`."""
    first, *others = map(split_mark, splits)
    return join(first, *(part for mark in others for part in (" and ", mark)))


def swatch(color: str) -> Markup:
    """A small square of a CSS colour."""
    return element("i", class_="swatch", style=f"background:{color}")


def photo_name(image_id: str) -> Markup:
    """The name that an id stands for, with the id itself as a tooltip where they differ."""
    name = shown_name(image_id)
    return join(name) if name == image_id else element("span", name, title=f"id {image_id}")


def in_words(code: str) -> str:
    """A reason code or a kind of repair for people: `empty image`."""
    return code.replace("_", " ")


def by_count(counts: dict[str, int]) -> list[tuple[str, int]]:
    """The largest first, equal ones by name."""
    return sorted(counts.items(), key=lambda item: (-item[1], item[0]))


def percent(share: float) -> str:
    """A share in words: `12.3 %`, and never `0.0 %` for a share above 0."""
    return "< 0.1 %" if 0 < share < 0.001 else f"{100 * share:.1f} %"


def counted(count: int, one: str, many: str = "") -> str:
    """A number with what it counts: `1 image`, `1,200 images`; `many` where an s at the end is not enough."""
    return f"{count:,} {one if count == 1 else many or f'{one}s'}"


def figure(value: float) -> str:
    """A number with four significant digits, as a person reads it: `0.2410`, `431.5`, `500`, `12,400`."""
    if not math.isfinite(value):
        return str(value)
    if value == int(value) or abs(value) >= 1000:
        return f"{value:,.0f}"
    return f"{value:#.4g}"


def legend(spec: DatasetSpec, padded: bool = False) -> Markup:
    """Colour and name of each class, and of ignored pixels if the data set has them, or its records are padded."""
    entries = [element("li", swatch(one.color), one.shown) for one in spec.classes]
    unclassed = [name for name, there in (("ignored", spec.ignores_pixels), ("padding", padded)) if there]
    if unclassed:
        entries.append(element("li", swatch(f"rgb{ignored_color(spec.palette)}"), " or ".join(unclassed)))
    return element("ul", *entries, class_="legend")
