"""What chance explains: a run makes hundreds of comparisons, and must be quiet where nothing has changed.

All comparisons of a run share one rate of false alarms (Bonferroni), so that more slices or classes raise no more.
"""

from __future__ import annotations

import math
from statistics import NormalDist
from typing import NamedTuple

FALSE_ALARMS = 0.001  # chance that a run whose photos are like those of the reference raises any alarm
_NEGLIGIBLE = 1e-17


class Count(NamedTuple):
    """How many of some photos show something."""

    showing: int
    photos: int

    @property
    def share(self) -> float:
        """In [0, 1]; 0 of no photos."""
        return self.showing / self.photos if self.photos else 0.0


def standard_errors(comparisons: int, degrees: int) -> float:
    """How many standard errors two means must lie apart to be no chance: a quantile of Student's distribution.

    The expansion of the quantile in powers of 1 / degrees is that of Abramowitz and Stegun, Handbook of Mathematical
    Functions, 26.7.5.

    Args:
      comparisons: How many the run makes.
      degrees: Of freedom, 29 or more: the photos of the smaller group less one.
    """
    z = NormalDist().inv_cdf(1 - FALSE_ALARMS / 2 / max(1, comparisons))
    first = (z**3 + z) / 4
    second = (5 * z**5 + 16 * z**3 + 3 * z) / 96
    third = (3 * z**7 + 19 * z**5 + 17 * z**3 - 15 * z) / 384
    return z + first / degrees + second / degrees**2 + third / degrees**3


def is_chance(now: Count, before: Count, comparisons: int) -> bool:
    """Whether two shares may be one: Fisher's exact test, on the side to which the share has moved."""
    if not now.photos or not before.photos:
        return True
    chance = _chance_of_less(before, now) if now.share > before.share else _chance_of_less(now, before)
    return chance > FALSE_ALARMS / max(1, comparisons)


def _chance_of_less(one: Count, other: Count) -> float:
    """Chance that `one` shows it in so few photos, or fewer, if both are drawn from the same (hypergeometric tail)."""
    total, photos = one.showing + other.showing, one.photos + other.photos
    least = max(0, total - other.photos)
    term = math.exp(
        _log_choose(one.photos, one.showing) + _log_choose(other.photos, other.showing) - _log_choose(photos, total)
    )
    chance, showing = 0.0, one.showing
    while term > _NEGLIGIBLE * chance and term > 0:
        chance += term
        if showing == least:
            break
        # from `showing` to `showing` - 1
        term *= showing * (other.photos - total + showing)
        term /= (one.photos - showing + 1) * (total - showing + 1)
        showing -= 1
    return min(1.0, chance)


def _log_choose(things: int, chosen: int) -> float:
    return math.lgamma(things + 1) - math.lgamma(chosen + 1) - math.lgamma(things - chosen + 1)
