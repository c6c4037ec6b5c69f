"""The histogram of scores."""

import re

from beam_jobs.html.score_plot import score_histogram


def test_every_score_is_counted_and_those_up_to_the_limit_are_marked():
    plot = score_histogram([0.1, 0.1, 0.5, 0.97, 1.0, 7.0], limit=0.5)
    bars = re.findall(r'style="fill:var\(--(bad|train)\)"><title>[^<]*: ([0-9,]+)</title>', plot)
    assert sum(int(count) for color, count in bars if color == "bad") == 3
    assert sum(int(count) for color, count in bars if color == "train") == 3
    assert 'aria-label="Histogram of 6 scores: 3 are up to 0.50"' in plot


def test_no_score_is_no_error():
    assert "0 photos" in score_histogram([], limit=0.0)
