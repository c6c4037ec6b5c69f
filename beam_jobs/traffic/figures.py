"""What is summed over the records of each model, and the differences that follow, with intervals.

The two models answered different photos, so that the interval of a difference is that of two independent means (B. L.
Welch, "The generalization of Student's problem when several different population variances are involved", 1947), by the
normal distribution: with 30 photos or more of each model, the quantile of Student's differs in the second digit.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from typing import NamedTuple

import apache_beam as beam
import numpy as np

from beam_jobs.monitor.reading import Answers
from schemas.features import fraction_feature
from schemas.served import SHOWS_FROM, number_features

MIN_PHOTOS = 30  # of each model
NORMAL_95 = 1.96  # standard errors on either side
SHOWS = "shows "  # begins the name of the share of photos that show a class


def measures(classes: Sequence[str]) -> tuple[str, ...]:
    """Names of all that is summed: the numbers of a record, and whether a photo shows each class."""
    return (*number_features(classes), *(f"{SHOWS}{name}" for name in classes))


class Sums(NamedTuple):
    """Over the records of a model: how many have each of K measures, their sums and sums of squares, float64 [K]."""

    counts: np.ndarray
    totals: np.ndarray
    squares: np.ndarray
    first: int
    last: int

    def __add__(self, other: Sums) -> Sums:  # pyright: ignore[reportIncompatibleMethodOverride]  # no concatenation
        counts, totals, squares = (one + more for one, more in zip(self[:3], other[:3]))
        return Sums(counts, totals, squares, min(self.first, other.first), max(self.last, other.last))


def sums_of(answers: Answers, classes: Sequence[str]) -> Sums:
    """Sums over some records; `first` and `last` are times in milliseconds."""
    shows = [answers.numbers[fraction_feature(name)] >= SHOWS_FROM for name in classes]
    columns = [*(answers.numbers[name] for name in number_features(classes)), *shows]
    values = np.stack([np.asarray(one, np.float64) for one in columns])
    known = ~np.isnan(values)
    values = np.where(known, values, 0.0)
    counts, first, last = known.sum(axis=1).astype(np.float64), int(answers.time.min()), int(answers.time.max())
    return Sums(counts, values.sum(axis=1), (values**2).sum(axis=1), first, last)


class AddSums(beam.CombineFn):
    """Sums -> one of all; None of none."""

    def create_accumulator(self) -> Sums | None:
        return None

    def add_input(self, total: Sums | None, one: Sums) -> Sums:
        return one if total is None else total + one

    def merge_accumulators(self, totals: Iterable[Sums | None]) -> Sums | None:
        merged = None
        for one in totals:
            merged = merged if one is None else self.add_input(merged, one)
        return merged

    def extract_output(self, total: Sums | None) -> Sums | None:
        return total


class Mean(NamedTuple):
    """Mean, deviation and number of the known values of a measure."""

    value: float
    deviation: float
    count: int

    @staticmethod
    def of(sums: Sums, place: int) -> Mean:
        """Of the measure at a place of `measures`."""
        count = int(sums.counts[place])
        mean = float(sums.totals[place]) / count if count else math.nan
        variance = float(sums.squares[place]) / count - mean**2 if count else math.nan
        return Mean(mean, math.sqrt(max(0.0, variance)) if count else math.nan, count)


class Difference(NamedTuple):
    """A measure of both models; `value` is candidate less served. None where it is not known, or of too few."""

    served: float | None
    candidate: float | None
    value: float | None
    low: float | None
    high: float | None
    standard_errors: float | None


def difference(served: Mean, candidate: Mean) -> Difference:
    """Compares a measure of the two models."""
    if not served.count or not candidate.count:
        before, after = (one.value if one.count else None for one in (served, candidate))
        return Difference(before, after, None, None, None, None)
    value = candidate.value - served.value
    error = math.sqrt(served.deviation**2 / served.count + candidate.deviation**2 / candidate.count)
    if min(served.count, candidate.count) < MIN_PHOTOS:
        return Difference(served.value, candidate.value, value, None, None, None)
    low, high = value - NORMAL_95 * error, value + NORMAL_95 * error
    apart = abs(value) / error if error else (math.inf if value else 0.0)
    return Difference(served.value, candidate.value, value, low, high, apart)
