"""A histogram of scores with its axes, those below a limit in another colour: inline SVG."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from beam_jobs.html.markup import Markup, element

_WIDTH, _HEIGHT = 340, 160  # of the plane
_LEFT, _TOP, _BOTTOM = 36, 20, 40
_END = 1.2  # of the scale; good scores lie around 1
_BINS = 48
_TICKS = 6


def score_histogram(scores: Sequence[float], limit: float) -> Markup:
    """Scores from 0 to 1.2, with larger ones in the last bin; the limit is a line, and what lies below it is marked.

    Args:
      scores: 0 or more each.
      limit: Scores up to it are marked.
    """
    counts = [[0, 0] for _ in range(_BINS)]
    for score in scores:
        counts[min(_BINS - 1, int(score * _BINS / _END))][score <= limit] += 1
    highest = max([1, *(sum(one) for one in counts)])
    below = sum(marked for _, marked in counts)
    spoken = f"Histogram of {len(scores):,} scores: {below:,} are up to {limit:.2f}"
    return element(
        "svg",
        element("rect", class_="plane", x=_LEFT, y=_TOP, width=_WIDTH, height=_HEIGHT),
        *_bars(counts, highest),
        *_axes(highest, len(scores)),
        *_limit(limit),
        class_="map",
        viewBox=f"0 0 {_LEFT + _WIDTH + 12} {_TOP + _HEIGHT + _BOTTOM}",
        role="img",
        aria_label=spoken,
    )


def _bars(counts: Sequence[Sequence[int]], highest: int) -> Iterator[Markup]:
    width = _WIDTH / _BINS
    for index, (kept, marked) in enumerate(counts):
        bottom = float(_TOP + _HEIGHT)
        for count, color in ((marked, "var(--bad)"), (kept, "var(--train)")):
            if count:
                height = max(2.0, _HEIGHT * count / highest)  # one of thousands can be seen, too
                bottom -= height
                title = element("title", f"{_END * index / _BINS:.3f} to {_END * (index + 1) / _BINS:.3f}: {count:,}")
                place = {"x": round(_LEFT + index * width + 0.5, 1), "y": round(bottom, 1)}
                size = {"width": round(width - 1, 1), "height": round(height, 1)}
                yield element("rect", title, **place, **size, style=f"fill:{color}")


def _axes(highest: int, total: int) -> Iterator[Markup]:
    bottom = _TOP + _HEIGHT
    for step in range(_TICKS + 1):
        x = _LEFT + _WIDTH * step / _TICKS
        words = f"{_END * step / _TICKS:.1f}" + ("+" if step == _TICKS else "")
        anchor = "end" if step == _TICKS else "middle"
        yield element("line", class_="tick", x1=x, x2=x, y1=bottom, y2=bottom + 4)
        yield element("text", words, x=x, y=bottom + 17, text_anchor=anchor)
    for count, y in ((0, bottom), (highest, _TOP)):
        yield element("text", f"{count:,}", x=_LEFT - 8, y=y, text_anchor="end", dominant_baseline="central")
    yield element("text", "photos", x=_LEFT, y=_TOP - 7)
    yield element("text", f"score ({total:,} photos)", x=_LEFT + _WIDTH / 2, y=bottom + 34, text_anchor="middle")


def _limit(limit: float) -> Iterator[Markup]:
    x = round(_LEFT + _WIDTH * max(0.0, min(1.0, limit / _END)), 1)
    yield element("line", class_="square", x1=x, x2=x, y1=_TOP, y2=_TOP + _HEIGHT)
    # good scores are many and high: where there is room, the words stand on the other side of the line
    place = {"x": x - 5, "text_anchor": "end"} if x > _LEFT + _WIDTH / 3 else {"x": x + 5}
    yield element("text", f"listed up to {limit:.2f}", **place, y=_TOP + 14)
