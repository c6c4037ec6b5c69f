"""What is summed over the photos, and the figures with intervals that follow from the sums.

Everything is summed in whole units, so that the sums are the same on any runner and in any order; an interval is the
percentile bootstrap of `schemas.bootstrap` over photos.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import NamedTuple

import apache_beam as beam
import numpy as np

from beam_jobs.records.tf_example import Value
from schemas.bootstrap import BOUNDS, REPLICATES, fingerprint_of, weights_of
from schemas.served import CONFIDENCE, ENTROPY, LATENCY, SHOWS_FROM

UNIT = 10**9  # of shares and certainties
_MICROSECONDS = 1000  # of a millisecond


class Parts(NamedTuple):
    """Sums over photos; leading axes `...` are those of the replicates, and 2 stands for served and candidate.

    Attributes:
      photos: How many, int64 [...].
      agreement: Shares of pixels of the same class, in UNITs, int64 [...].
      shares: Of each class, in UNITs, int64 [..., 2, C].
      shows: Photos that show it, int64 [..., 2, C].
      certain: Photos whose certainty is known, their mean confidence and mean entropy in UNITs, int64 [..., 2, 3].
      latency: Microseconds, int64 [..., 2].
    """

    photos: np.ndarray
    agreement: np.ndarray
    shares: np.ndarray
    shows: np.ndarray
    certain: np.ndarray
    latency: np.ndarray


def _shapes(classes: int) -> Parts:
    return Parts((), (), (2, classes), (2, classes), (2, 3), (2,))  # pyright: ignore[reportArgumentType]


def _parts(flat: np.ndarray, classes: int) -> Parts:
    """Splits int64 [..., K]."""
    shapes = _shapes(classes)
    ends = np.cumsum([int(np.prod(shape, dtype=int)) for shape in shapes])
    pieces = np.split(flat, ends[:-1], axis=-1)
    return Parts(*(piece.reshape((*flat.shape[:-1], *shape)) for piece, shape in zip(pieces, shapes)))


class Compared(NamedTuple):
    """One photo.

    Attributes:
      fingerprint: Of its id.
      flat: Its Parts, int64 [K].
      matrix: Pixels of each class of the served model, by class of the candidate: int64 [C, C].
    """

    fingerprint: int
    flat: np.ndarray
    matrix: np.ndarray

    @staticmethod
    def of(image_id: str, matrix: np.ndarray, values: Sequence[dict[str, Value]]) -> Compared:
        """Measures a photo.

        Args:
          image_id: Its id.
          matrix: As above.
          values: What was measured of the answer of each model, as `beam_jobs.served.measures` names it.
        """
        shares = class_shares(matrix)
        parts = Parts(
            np.array(1, np.int64),
            _units(np.trace(matrix) / matrix.sum()),
            _units(shares),
            (shares >= SHOWS_FROM).astype(np.int64),
            np.array([_certain(one) for one in values]),
            np.array([round(float(one[LATENCY]) * _MICROSECONDS) for one in values]),
        )
        flat = np.concatenate([np.ravel(one) for one in parts]).astype(np.int64)
        return Compared(fingerprint_of(image_id.encode()), flat, matrix)


def class_shares(matrix: np.ndarray) -> np.ndarray:
    """Share of the pixels of each class in both answers to one photo: float64 [2, C]."""
    return np.stack([matrix.sum(axis=1), matrix.sum(axis=0)]) / matrix.sum()


def _units(value: np.ndarray | float) -> np.ndarray:
    return np.rint(np.multiply(value, UNIT)).astype(np.int64)


def _certain(values: dict[str, Value]) -> tuple[int, int, int]:
    if CONFIDENCE not in values:  # of a tiled model that was exported before it gave logits
        return 0, 0, 0
    return 1, round(float(values[CONFIDENCE]) * UNIT), round(float(values[ENTROPY]) * UNIT)


class Estimate(NamedTuple):
    """A figure with its interval; None where it has no value, and no interval where it follows from one photo."""

    value: float | None
    low: float | None
    high: float | None


class Sums(NamedTuple):
    """Over all photos of a slice.

    Attributes:
      matrix: int64 [C, C], rows the class of the served model.
      total, replicates: Parts, int64 [K] and [REPLICATES, K].
    """

    matrix: np.ndarray
    total: np.ndarray
    replicates: np.ndarray

    @staticmethod
    def nothing(classes: int) -> Sums:
        """Of no photo."""
        size = sum(int(np.prod(shape, dtype=int)) for shape in _shapes(classes))
        shapes = (classes, classes), (size,), (REPLICATES, size)
        return Sums(*(np.zeros(shape, np.int64) for shape in shapes))

    @property
    def photos(self) -> int:
        """How many."""
        return int(self.parts.photos)

    @property
    def parts(self) -> Parts:
        """The sums themselves."""
        return _parts(self.total, len(self.matrix))

    def estimate(self, of: Callable[[Parts], np.ndarray]) -> Estimate:
        """A figure that follows from the sums, float64 [...] of Parts [...]."""
        with np.errstate(divide="ignore", invalid="ignore"):
            value = float(of(self.parts))
            values = of(_parts(self.replicates, len(self.matrix)))
        if not np.isfinite(value):
            return Estimate(None, None, None)
        values = values[np.isfinite(values)]
        if self.photos < 2 or not values.size:
            return Estimate(value, None, None)
        low, high = (float(np.quantile(values, one)) for one in BOUNDS.values())
        return Estimate(value, low, high)


class SumCompared(beam.CombineFn):
    """Photos -> their Sums."""

    def __init__(self, classes: int):
        self._classes = classes

    def create_accumulator(self) -> Sums:
        return Sums.nothing(self._classes)

    def add_input(self, sums: Sums, one: Compared) -> Sums:
        np.add(sums.matrix, one.matrix, out=sums.matrix)
        np.add(sums.total, one.flat, out=sums.total)
        np.add(sums.replicates, np.outer(weights_of(one.fingerprint), one.flat), out=sums.replicates)
        return sums

    def merge_accumulators(self, accumulators: Iterable[Sums]) -> Sums:
        merged = self.create_accumulator()
        for one in accumulators:
            for total, more in zip(merged, one):
                np.add(total, more, out=total)
        return merged

    def extract_output(self, sums: Sums) -> Sums:
        return sums
