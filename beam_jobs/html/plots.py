"""Inline SVG: bars, small histograms, and the map of photo sizes. Colours are CSS classes or a class's own colour."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple

from beam_jobs.html.labels import percent
from beam_jobs.html.markup import Markup, element

CELLS_PER_OCTAVE = 8  # of the size map: one cell is 9 % wide
_SPARK_WIDTH, _SPARK_HEIGHT = 80, 20
_MAP_SIDE = 300  # units of the size map's plane
_LEFT, _BOTTOM, _MARGIN = 40, 22, 8


class Part(NamedTuple):
    """One part of a bar: what it is, its share of the whole in [0, 1], and its colour in CSS."""

    name: str
    share: float
    color: str


def stacked_bar(parts: Sequence[Part]) -> Markup:
    """Parts of a whole side by side; a wide screen and a narrow one stretch it."""
    rectangles, left = [], 0.0
    for part in parts:
        rectangles.append(_rectangle(left, 0, 1000 * part.share, 30, part.color, f"{part.name} {percent(part.share)}"))
        left += 1000 * part.share
    spoken = ", ".join(f"{part.name} {percent(part.share)}" for part in parts)
    return _picture("stacked", (1000, 30), spoken, *rectangles, stretch=True)


def bars(shares: Sequence[float], largest: float, colors: Sequence[str]) -> Markup:
    """One bar below the other, as long as its share of the largest of the whole chart."""
    step = 8
    rectangles = [
        _rectangle(0, step * row, 100 * share / largest if largest else 0, step - 2, color)
        for row, (share, color) in enumerate(zip(shares, colors))
    ]
    spoken = ", ".join(map(percent, shares))
    return _picture("bars", (100, step * len(shares) - 2), spoken, *rectangles, stretch=True)


def interval_bar(value: float, interval: Sequence[float] | None, color: str, spoken: str) -> Markup:
    """A value from 0 to 1 as a bar, with a whisker from the low to the high end of its interval."""
    drawn = [_rectangle(0, 2, 100 * value, 8, color)]
    if interval:
        low, high = (_units(100 * one) for one in interval)
        drawn.append(element("line", class_="whisker", x1=low, x2=high, y1=6, y2=6))
        drawn += (element("line", class_="whisker", x1=end, x2=end, y1=2, y2=10) for end in (low, high))
    return _picture("bars", (100, 12), spoken, *drawn, stretch=True)


def histogram(counts: Sequence[float], color: str, spoken: str) -> Markup:
    """A small histogram to stand in a table; `spoken` says what it shows."""
    width = _SPARK_WIDTH / max(1, len(counts))
    # whole units: buckets are estimates that may differ in the last digits from runner to runner
    heights = [round(_SPARK_HEIGHT * count / max(counts)) for count in counts] if any(counts) else []
    rectangles = [
        _rectangle(index * width, _SPARK_HEIGHT - height, width - 1, height, color)
        for index, height in enumerate(heights)
    ]
    return _picture("spark", (_SPARK_WIDTH, _SPARK_HEIGHT), spoken, *rectangles, stretch=True)


def with_axis(drawn: Markup, low: str, high: str, note: str) -> Markup:
    """A histogram above its axis: the values at both ends, how many were counted, and their unit."""
    ends = element("span", low), element("span", high), element("span", note)
    return element("div", drawn, *ends, class_="axis")


def two_histograms(now: Sequence[float], before: Sequence[float], color: str, spoken: str) -> Markup:
    """Two histograms with the same bins, one over the other: `now` filled, `before` as an outline."""
    width = _SPARK_WIDTH / max(1, len(now))
    highest = max([*now, *before, 0]) or 1
    filled = [
        _rectangle(index * width, _SPARK_HEIGHT * (1 - share / highest), width, _SPARK_HEIGHT * share / highest, color)
        for index, share in enumerate(now)
    ]
    corners = [f"0,{_SPARK_HEIGHT}"]
    for index, share in enumerate(before):
        y = _units(_SPARK_HEIGHT * (1 - share / highest))
        corners += [f"{_units(index * width)},{y}", f"{_units((index + 1) * width)},{y}"]
    corners.append(f"{_SPARK_WIDTH},{_SPARK_HEIGHT}")
    outline = element("polyline", points=" ".join(corners), class_="outline")
    return _picture("spark", (_SPARK_WIDTH, _SPARK_HEIGHT), spoken, *filled, outline, stretch=True)


def trend(values: Sequence[float | None], good: Sequence[bool], spoken: str) -> Markup:
    """Values from 0 to 1 from left to right, joined by a line; where there is none, a gap.

    Args:
      values, good: Of the same length; what is not good is drawn hollow.
      spoken: What it shows, in words.
    """
    width, height, inset = 320, 80, 6
    step = (width - 2 * inset) / max(1, len(values) - 1)
    known = [one for one in values if one is not None]
    low, high = (min(known), max(known)) if known else (0.0, 1.0)
    span = max(high - low, 0.05)  # what differs by less is noise, and is not drawn as a cliff
    places = [
        (inset + step * index, inset + (height - 2 * inset) * (1 - (one - (low + high - span) / 2) / span), index)
        for index, one in enumerate(values)
        if one is not None
    ]
    line = element("polyline", points=" ".join(f"{_units(x)},{_units(y)}" for x, y, _ in places), class_="outline")
    dots = [
        element(
            "circle",
            element("title", f"{values[index]:.3f}"),
            cx=_units(x),
            cy=_units(y),
            r=4,
            style=f"fill:var(--{'good' if good[index] else 'card'});stroke:var(--{'good' if good[index] else 'bad'})",
            stroke_width=2,
        )
        for x, y, index in places
    ]
    return _picture("map", (width, height), spoken, line, *dots)


def gauge(value: float, limit: float, color: str, spoken: str) -> Markup:
    """A value on a scale up to twice its limit, which is marked."""
    scale = 50 / limit if limit else 0
    filled = _rectangle(0, 1, min(100.0, value * scale), 4, color)
    mark = element("line", class_="limit", x1=50, x2=50, y1=0, y2=6)
    return _picture("bars", (100, 6), spoken, filled, mark, stretch=True)


def size_map(cells: dict[tuple[int, int], int], sides: range, color: str, spoken: str) -> Markup:
    """Widths to the right and heights upwards, both logarithmic; the stronger a cell, the more photos.

    Args:
      cells: (column, row) to number of photos.
      sides: Columns and rows that the plane shows, the same for all splits.
      color: CSS colour of the cells.
      spoken: What the map shows, in words.
    """
    unit = _MAP_SIDE / len(sides)
    most = max(cells.values())
    drawn = [
        _rectangle(
            _LEFT + unit * (column - sides.start),
            _MARGIN + unit * (sides.stop - 1 - row),
            unit * 0.92,
            unit * 0.92,
            color,
            f"about {_pixels(column)} × {_pixels(row)}: {count}",
            # the root: sizes that few photos have can be seen beside one that most have
            fill_opacity=round(0.35 + 0.65 * (count / most) ** 0.5, 2),
        )
        for (column, row), count in sorted(cells.items())
    ]
    right, bottom = _LEFT + _MAP_SIDE, _MARGIN + _MAP_SIDE
    return _picture(
        "map",
        (right + _MARGIN, bottom + _BOTTOM),
        spoken,
        element("rect", class_="plane", x=_LEFT, y=_MARGIN, width=_MAP_SIDE, height=_MAP_SIDE),
        element("line", class_="square", x1=_LEFT, y1=bottom, x2=right, y2=_MARGIN),
        *drawn,
        *_ticks(sides, unit),
        element("text", "width, px", x=right - 4, y=bottom - 6, text_anchor="end"),
        element("text", "height, px", x=_LEFT + 4, y=_MARGIN + 13),
    )


def _ticks(sides: range, unit: float) -> Iterator[Markup]:
    """Whole octaves on both axes, in pixels."""
    bottom = _MARGIN + _MAP_SIDE
    for side in sides:
        if side % CELLS_PER_OCTAVE:
            continue
        along = unit * (side - sides.start + 0.5)
        x, y = _units(_LEFT + along), _units(bottom - along)
        yield element("line", class_="tick", x1=x, x2=x, y1=bottom, y2=bottom + 4)
        yield element("text", _pixels(side), x=x, y=bottom + 17, text_anchor="middle")
        yield element("line", class_="tick", x1=_LEFT - 4, x2=_LEFT, y1=y, y2=y)
        yield element("text", _pixels(side), x=_LEFT - 8, y=y, text_anchor="end", dominant_baseline="central")


def _pixels(cell: int) -> str:
    return str(round(2 ** (cell / CELLS_PER_OCTAVE)))


def _rectangle(
    x: float, y: float, width: float, height: float, color: str, title: str = "", **attributes: float
) -> Markup:
    inside = [element("title", title)] if title else []
    place = {"x": _units(x), "y": _units(y), "width": _units(width), "height": _units(height)}
    return element("rect", *inside, **place, style=f"fill:{color}", **attributes)


def _picture(class_: str, size: tuple[float, float], spoken: str, *children: Markup, stretch: bool = False) -> Markup:
    attributes = {"preserveAspectRatio": "none"} if stretch else {}
    box = f"0 0 {_units(size[0])} {_units(size[1])}"
    return element("svg", *children, class_=class_, viewBox=box, role="img", aria_label=spoken, **attributes)


def _units(value: float) -> str:
    return f"{value:.1f}".removesuffix(".0")
