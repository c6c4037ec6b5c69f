"""Slices of what is served, by what answered, when, and for whom; and what is counted of each."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple

import apache_beam as beam
import numpy as np

from beam_jobs.monitor.novelty import BITS
from beam_jobs.monitor.reading import Answers
from beam_jobs.served.window import Window, in_words
from beam_jobs.statistics.split_summary import Numbers
from schemas.features import fraction_feature
from schemas.served import CLIENT, ENTROPY, SHOWS_FROM, SOURCE

ALL, REFERENCE = "served", "reference"
BY_SOURCE, BY_TIME, BY_CLIENT = "source", "time", "client"
MAX_CLIENTS = 20  # slices: the clients with the most records
_ENTROPY_BINS = 256


def slice_name(kind: str, value: str) -> str:
    """Such as `client shop`."""
    return f"{kind} {value}"


def kind_of(name: str) -> str:
    """BY_SOURCE, BY_TIME or BY_CLIENT; empty for ALL and REFERENCE."""
    kind, space, _ = name.partition(" ")
    return kind if space else ""


def slices_of(answers: Answers, window: Window, clients: Sequence[str]) -> Iterator[tuple[str, np.ndarray]]:
    """Each slice that some rows are in, with their indices."""
    yield ALL, np.arange(len(answers.time))
    values = {
        BY_SOURCE: answers.texts[SOURCE],
        BY_TIME: [in_words(int(one)) for one in answers.time // window.step * window.step],
        BY_CLIENT: [one if one in clients else "" for one in answers.texts[CLIENT]],
    }
    for kind, column in values.items():
        rows = np.array(column, object)
        for value in sorted(set(column) - {""}):
            yield slice_name(kind, value), np.flatnonzero(rows == value)


class Tally(NamedTuple):
    """Counts of a slice, which add up.

    Attributes:
      photos: How many.
      hashed: With a hash of what the encoder sees.
      compared: With a perceptual hash.
      learnt: Of these, near-duplicates of photos of train.
      shows: int64 [C]: photos that show each class.
      distances: int64 [257]: photos by distance to the nearest of train, as the encoder sees them.
      entropies: int64 [256]: photos by mean entropy, in bins of one width.
    """

    photos: int
    hashed: int
    compared: int
    learnt: int
    shows: np.ndarray
    distances: np.ndarray
    entropies: np.ndarray

    @staticmethod
    def nothing(classes: int) -> Tally:
        """Of no photo."""
        return Tally(0, 0, 0, 0, *(np.zeros(size, np.int64) for size in (classes, BITS + 1, _ENTROPY_BINS)))

    def __add__(self, other: Tally) -> Tally:  # pyright: ignore[reportIncompatibleMethodOverride]  # no concatenation
        return Tally(
            self.photos + other.photos,
            self.hashed + other.hashed,
            self.compared + other.compared,
            self.learnt + other.learnt,
            self.shows + other.shows,
            self.distances + other.distances,
            self.entropies + other.entropies,
        )

    def beyond(self, distance: int) -> int:
        """Photos that lie farther from train than a distance."""
        return int(self.distances[distance + 1 :].sum())

    def distance_to_train(self) -> Numbers:
        """Mean and deviation of the distances, in bits."""
        values = np.arange(BITS + 1)
        mean = float(np.average(values, weights=self.distances)) if self.hashed else 0.0
        square = float(np.average((values - mean) ** 2, weights=self.distances)) if self.hashed else 0.0
        return Numbers(self.hashed, self.photos - self.hashed, mean, square**0.5, 0.0, mean, float(BITS), ())

    def percentile_distance(self, percent: float) -> int:
        """The smallest distance that at least so many of the photos do not exceed."""
        return _percentile(self.distances, percent)

    def percentile_entropy(self, percent: float) -> float:
        """Likewise, of the mean entropies; the upper end of the bin."""
        return (_percentile(self.entropies, percent) + 1) / _ENTROPY_BINS


def _percentile(counts: np.ndarray, percent: float) -> int:
    return int(np.searchsorted(np.cumsum(counts), percent / 100 * counts.sum()))


def tally(answers: Answers, classes: Sequence[str], distances: np.ndarray, learnt: np.ndarray) -> Tally:
    """Counts some records.

    Args:
      answers: N of them.
      classes: Names.
      distances: int64 [N], to the nearest of train, -1 where it is not known.
      learnt: int64 [N]: 1 for a near-duplicate of train, 0 for none, -1 where it is not known.
    """
    shows = [int((answers.numbers[fraction_feature(name)] >= SHOWS_FROM).sum()) for name in classes]
    entropy = answers.numbers[ENTROPY]
    bins = np.minimum(_ENTROPY_BINS - 1, (entropy[~np.isnan(entropy)] * _ENTROPY_BINS).astype(np.int64))
    return Tally(
        len(answers.time),
        int((distances >= 0).sum()),
        int((learnt >= 0).sum()),
        int((learnt == 1).sum()),
        np.array(shows, np.int64),
        np.bincount(distances[distances >= 0], minlength=BITS + 1),
        np.bincount(bins, minlength=_ENTROPY_BINS),
    )


class SumTallies(beam.CombineFn):
    """Tallies -> their sum."""

    def __init__(self, classes: int):
        self._classes = classes

    def create_accumulator(self) -> Tally:
        return Tally.nothing(self._classes)

    def add_input(self, total: Tally, one: Tally) -> Tally:
        return total + one

    def merge_accumulators(self, totals: Iterable[Tally]) -> Tally:
        return sum(totals, Tally.nothing(self._classes))

    def extract_output(self, total: Tally) -> Tally:
        return total
