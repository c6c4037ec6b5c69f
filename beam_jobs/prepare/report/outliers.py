"""The photos at the ends of what a data set holds: the darkest, the brightest, the largest, those in most pieces."""

from __future__ import annotations

import heapq
import io
import math
from collections.abc import Callable, Iterator, Sequence
from typing import NamedTuple

import numpy as np
from PIL import Image

from beam_jobs.records.sharding import id_hash
from schemas.features import IGNORE_ID

DARKEST, BRIGHTEST, LARGEST, ODDEST, PIECES = "darkest", "brightest", "largest", "odd aspect", "most pieces"
KEPT = 2  # photos of each kind
SIDE = 128  # pixels, at most, at which pieces are counted: specks of one pixel in a large mask are not pieces
MAX_PIXELS = 1 << 20  # of a mask whose pieces are counted: larger ones would take longer than the rest of the job


class Outlier(NamedTuple):
    """A record with one of the largest values of a kind.

    Attributes:
      value: What it is ranked by.
      rank: A hash of the id, which decides between equal values, so that any order of the records gives the same ones.
      image_id, split: Of the record.
      photo, mask: As the record holds them.
      source: The photo's height and width.
      brightness: Mean luma in [0, 1]; None where it was not measured.
    """

    value: float
    rank: int
    image_id: str
    split: str
    photo: bytes
    mask: bytes
    source: tuple[int, int]
    brightness: float | None = None


Outliers = dict[str, list[Outlier]]  # by kind, the largest value first


def find_outliers(records: Sequence[Outlier]) -> Outliers:
    """The records with the largest values of each kind; `value` and `rank` of what is given do not matter."""
    ranked = [one._replace(rank=id_hash("report", one.image_id)) for one in records]
    found = {
        kind: _largest([one._replace(value=value) for one in ranked if (value := measure(one)) is not None])
        for kind, measure in _MEASURES.items()
    }
    found[PIECES] = _in_most_pieces(ranked)
    return {kind: own for kind, own in found.items() if own}


def merge_outliers(parts: Sequence[Outliers]) -> Outliers:
    """Those of all parts together, in the order of the kinds."""
    return {
        kind: _largest([one for part in parts for one in part.get(kind, ())])
        for kind in _KINDS
        if any(kind in part for part in parts)
    }


def in_words(kind: str, one: Outlier) -> str:
    """What an outlier is, such as `darkest: brightness 0.05`."""
    height, width = one.source
    words = {
        DARKEST: f"brightness {one.brightness or 0:.2f} of white",
        BRIGHTEST: f"brightness {one.brightness or 0:.2f} of white",
        LARGEST: f"{width:,} × {height:,} px",
        ODDEST: f"{width:,} × {height:,} px",
        PIECES: f"{one.value:,.0f} in the mask",
    }
    return f"{kind}: {words[kind]}"


def count_pieces(class_ids: np.ndarray) -> int:
    """Connected pieces of uint8 [H, W], each of one class, by pixels that share an edge; ignored ones do not count."""
    starts = _starts(class_ids)
    runs = np.cumsum(starts.ravel()).reshape(class_ids.shape) - 1  # for each pixel the number of its run in a row
    ignored = class_ids[starts] == IGNORE_ID
    joined = class_ids[1:] == class_ids[:-1]
    pairs = np.unique(runs[:-1][joined] * np.int64(len(ignored)) + runs[1:][joined])
    parents = list(range(len(ignored)))
    pieces = int((~ignored).sum())
    for upper, lower in zip(*(one.tolist() for one in np.divmod(pairs, len(ignored)))):
        one, other = _root(parents, upper), _root(parents, lower)
        if one != other:
            parents[other] = one
            pieces -= not ignored[upper]
    return pieces


def _starts(class_ids: np.ndarray) -> np.ndarray:
    """Where a run of one class begins in a row, bool [H, W]."""
    starts = np.ones(class_ids.shape, bool)
    starts[:, 1:] = class_ids[:, 1:] != class_ids[:, :-1]
    return starts


def _most_pieces(class_ids: np.ndarray) -> int:
    """No mask has more pieces than runs with nothing of their class above them; this is counted without a loop."""
    starts = _starts(class_ids)
    joined = np.zeros(class_ids.shape, bool)
    joined[1:] = class_ids[1:] == class_ids[:-1]
    tops = ~np.logical_or.reduceat(joined.ravel(), np.flatnonzero(starts))
    return int((tops & (class_ids[starts] != IGNORE_ID)).sum())


def _root(parents: list[int], run: int) -> int:
    while parents[run] != run:
        parents[run] = parents[parents[run]]
        run = parents[run]
    return run


def _largest(records: Sequence[Outlier]) -> list[Outlier]:
    return heapq.nlargest(KEPT, records, key=lambda one: (one.value, -one.rank))


def _in_most_pieces(records: Sequence[Outlier]) -> list[Outlier]:
    masks = ((one, _small_mask(one)) for one in records)
    bounded = [(_most_pieces(mask), one, mask) for one, mask in masks if mask is not None]
    kept: list[Outlier] = []
    for most, one, mask in sorted(bounded, key=lambda found: -found[0]):
        if len(kept) == KEPT and most < kept[-1].value:
            break
        kept = _largest([*kept, one._replace(value=float(count_pieces(mask)))])
    return kept


def _small_mask(one: Outlier) -> np.ndarray | None:
    image = Image.open(io.BytesIO(one.mask), formats=("PNG",))
    if image.width * image.height > MAX_PIXELS:
        return None
    image.thumbnail((SIDE, SIDE), Image.Resampling.NEAREST)
    return np.asarray(image)


def _aspect(one: Outlier) -> float | None:
    height, width = one.source
    return abs(math.log(width / height)) or None  # a square is not odd


_MEASURES: dict[str, Callable[[Outlier], float | None]] = {
    DARKEST: lambda one: None if one.brightness is None else -one.brightness,
    BRIGHTEST: lambda one: one.brightness,
    LARGEST: lambda one: float(one.source[0] * one.source[1]),
    ODDEST: _aspect,
}
_KINDS = (*_MEASURES, PIECES)  # in the order in which they are shown


def shown_outliers(outliers: Outliers) -> Iterator[tuple[Outlier, str]]:
    """Each record once, with everything that it is."""
    words: dict[str, list[str]] = {}
    records: dict[str, Outlier] = {}
    for kind in _KINDS:
        for one in outliers.get(kind, ()):
            records.setdefault(one.image_id, one)
            words.setdefault(one.image_id, []).append(in_words(kind, one))
    for image_id, one in records.items():
        yield one, "; ".join(words[image_id])
