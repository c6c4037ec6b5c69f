"""How pages show splits, classes, colours, codes and figures."""

from __future__ import annotations

import math
from collections.abc import Collection, Iterable, Mapping
from urllib.parse import quote

from beam_jobs.html.markup import Markup, element, join
from schemas.colors import Color, css_color, ignored_color
from schemas.features import BRIGHTNESS, CONTRAST, FRACTION_SUFFIX, SOURCE_HEIGHT, SOURCE_WIDTH
from schemas.image_ids import shown_name
from schemas.spec import DatasetSpec

MOST_LEGEND = 30  # entries, above which a legend is folded


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


def class_labels(names: Iterable[str], titles: Mapping[str, str], colors: Mapping[str, str]) -> dict[str, Markup]:
    """Classes by their titles, in their colours where these are known, with the name as a tooltip where it differs."""

    def label(name: str) -> Markup:
        title = titles.get(name, name)
        shown = join(title) if title == name else element("span", title, title=f"class {name}")
        return join(swatch(colors[name]), shown) if name in colors else shown

    return {one: label(one) for one in names}


def photo_name(image_id: str) -> Markup:
    """The name that an id stands for, with the id itself as a tooltip where they differ."""
    name = shown_name(image_id)
    return join(name) if name == image_id else element("span", name, title=f"id {image_id}")


def file_link(name: str) -> Markup:
    """The name of a file or a folder that lies beside the page, as a link to it."""
    return element("a", element("code", name), href=f"./{quote(name)}")


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


def unit(feature: str) -> str:
    """What the values of a numeric feature of the records are, in one or two words; empty if that is not known."""
    if feature in (SOURCE_HEIGHT, SOURCE_WIDTH):
        return "pixels"
    if feature.endswith(FRACTION_SUFFIX):
        return "share of pixels"
    return {BRIGHTNESS: "share of white", CONTRAST: "share of white"}.get(feature, "")


def legend(spec: DatasetSpec, padded: bool = False, class_ids: Collection[int] | None = None) -> Markup:
    """Colour and name of each class, or of these, and of ignored pixels where there may be some.

    Args:
      spec: Of the data set, which says whether it has ignored pixels.
      padded: Whether its records are padded.
      class_ids: Of what the pictures beside it show; None for all.
    """
    shown = [one for class_id, one in enumerate(spec.classes) if class_ids is None or class_id in class_ids]
    entries = [element("li", swatch(one.color), one.shown) for one in shown]
    unclassed = [name for name, there in (("ignored", spec.ignores_pixels), ("padding", padded)) if there]
    if unclassed:
        entries.append(element("li", swatch(f"rgb{ignored_color(spec.palette)}"), " or ".join(unclassed)))
    return _listed(entries)


def legend_of(titles: Iterable[str], palette: Iterable[Color]) -> Markup:
    """Colour and name of each class, of a model."""
    return _listed([element("li", swatch(css_color(color)), title) for title, color in zip(titles, palette)])


def _listed(entries: list[Markup]) -> Markup:
    listed = element("ul", *entries, class_="legend")
    if len(entries) <= MOST_LEGEND:
        return listed
    return element("details", element("summary", f"The colours of {len(entries)} classes"), listed)
