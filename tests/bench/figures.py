"""What a run of `make bench` is compared by: figures, each with what it depends on."""

from __future__ import annotations

from typing import NamedTuple

PER_SECOND = "per second"  # of wall time: more is better, and grows with the machine
WALL, PROCESSOR = "wall", "processor"  # times: less is better, and the machine's speed shortens them
RATIO = "ratio"  # of two things that were measured in turns: more is better, on any machine
LESS = "less"  # bytes: less is better, on any machine


class Figure(NamedTuple):
    """One figure.

    Attributes:
      name: What people read; unlike all others of the part.
      value: As it was measured.
      kind: One of this module's kinds.
      processes: How many processes or cores worked at once, for the kinds that depend on the machine.
    """

    name: str
    value: float
    kind: str
    processes: int = 1


def better(new: Figure, old: Figure, faster: float) -> float:
    """How much better a figure has become, by what does not depend on the machine; 1 is as before, 0.8 is worse.

    Args:
      new, old: The same figure of two runs.
      faster: The speed of the new run's machine relative to the old one's, as the yardstick measures it.
    """
    if new.kind == PER_SECOND:
        return new.value / old.value / faster
    if new.kind in (WALL, PROCESSOR):
        return old.value / new.value / faster
    return new.value / old.value if new.kind == RATIO else old.value / new.value
