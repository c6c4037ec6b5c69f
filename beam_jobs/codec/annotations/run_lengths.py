"""Run lengths to pixels: how many pixels are not covered, then how many are, and so on in turn.

Formats: `pycocotools` (`maskApi.h`, `maskApi.c`, `rleFrString`), whose runs go down the columns, and CVAT, whose runs
go along the rows. Strings of others are decoded here: that library trusts what they say.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from beam_jobs.codec.annotations.shapes import refuse

_ZERO, _DIGIT, _MORE, _SIGN, _BITS = 48, 0x1F, 0x20, 0x10, 5
_MAX_DIGITS = 6  # of a run: 30 bits
MAX_RUNS = 4_000_000


def from_columns(counts: Any, width: int, height: int, category: str) -> np.ndarray:
    """bool [H, W] of COCO's runs, as a list of numbers or compressed as a text; InputRejected where they are none."""
    runs = _decompressed(counts, category) if isinstance(counts, str) else counts
    return _expanded(runs, width * height, category).reshape(width, height).T


def from_rows(counts: Any, width: int, height: int, category: str) -> np.ndarray:
    """bool [H, W] of CVAT's runs; InputRejected where they are none."""
    return _expanded(counts, width * height, category).reshape(height, width)


def from_pairs(text: Any, width: int, height: int, along: str, category: str) -> np.ndarray:
    """bool [H, W] of pairs of a first pixel, from 1, and how many follow; InputRejected where they are none.

    Args:
      text: Such as `1 3 10 5`; each pair begins behind the one before.
      along: `columns`, where pixels are counted downwards from the upper left one, or `rows`.
    """
    words = text.split() if isinstance(text, str) else []
    are_numbers = all(one.isdecimal() and len(one) < 10 for one in words)
    if not words or len(words) % 2 or len(words) > MAX_RUNS or not are_numbers:
        raise refuse(f"the run lengths of {category!r} are not pairs of a first pixel and a number")
    starts, lengths = np.array(words, np.int64).reshape(-1, 2).T
    ends = starts + lengths
    if (lengths < 1).any() or starts[0] < 1 or (starts[1:] < ends[:-1]).any() or ends[-1] > width * height + 1:
        raise refuse(f"the run lengths of {category!r} overlap, go backwards or reach beyond {width}x{height} pixels")
    edges = np.zeros(width * height + 1, np.int8)
    edges[starts - 1] = 1
    edges[ends - 1] -= 1
    covered = np.cumsum(edges[:-1], dtype=np.int8).astype(bool)
    return covered.reshape(width, height).T if along == "columns" else covered.reshape(height, width)


def _expanded(counts: Any, pixels: int, category: str) -> np.ndarray:
    if not isinstance(counts, (list, np.ndarray)) or len(counts) > MAX_RUNS:
        raise refuse(f"the run lengths of {category!r} are neither a list nor a text")
    if isinstance(counts, list) and not all(type(one) is int and 0 <= one <= pixels for one in counts):
        raise refuse(f"the run lengths of {category!r} are not all numbers from 0 to {pixels:,}")
    runs = np.asarray(counts, np.int64)
    if (runs < 0).any() or runs.sum() != pixels:
        raise refuse(f"the run lengths of {category!r} cover {runs.sum():,} pixels, their size says {pixels:,}")
    return np.repeat(np.arange(len(runs)) % 2 == 1, runs)


def _decompressed(text: str, category: str) -> np.ndarray:
    """int64 runs of a text: 5 bits a character, lowest first; from the fourth, the difference to the last but one."""
    codes = np.frombuffer(text.encode("ascii", "replace"), np.uint8).astype(np.int64) - _ZERO
    if not len(codes) or ((codes < 0) | (codes >= 2 * _MORE)).any() or codes[-1] & _MORE:
        raise refuse(f"the run lengths of {category!r} are no text of COCO's")
    is_last = (codes & _MORE) == 0
    starts = np.concatenate([[0], np.flatnonzero(is_last)[:-1] + 1])
    places = np.arange(len(codes)) - np.repeat(starts, np.diff([*starts, len(codes)]))
    if places.max() >= _MAX_DIGITS:
        raise refuse(f"a run length of {category!r} is too large")
    values = np.add.reduceat((codes & _DIGIT) << _BITS * places, starts)
    digits = places[is_last] + 1
    is_negative = (codes[is_last] & _SIGN) != 0
    values -= is_negative * (1 << _BITS * digits)
    for first in (1, 2):  # each run adds to the last but one; the first stands alone
        values[first::2] = np.cumsum(values[first::2])
    return values
