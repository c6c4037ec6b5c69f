"""How often windows in which nothing has changed raise an alarm: `python -m tests.bench.quiet_windows [--windows=200]`.

Reference and windows are drawn from the same photos, with slices by source, hour and client, and judged as the job
does. Beside it, how often windows with a planted change raise one.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Sequence

import numpy as np

from beam_jobs.monitor.alarms import Judgement, judge
from beam_jobs.monitor.novelty import as_signs, nearest_distances
from beam_jobs.monitor.slices import REFERENCE, Tally
from beam_jobs.statistics.split_summary import Numbers, SplitSummary
from schemas.features import FRACTION_SUFFIX
from tests.beam_jobs.monitor.served_logs import CLASSES, Record, draw
from tests.bench.console import run_and_exit
from tests.bench.table import print_row

SIZES = (50, 200, 2000)  # photos of a window
REFERENCES = (60, 200, 2000)  # photos of eval
TRAIN = 500
_DRAWN = 4000
SLICES = (("source", 3), ("time", 24), ("client", 20))
CHANGES: dict[str, Callable[[Record], Record]] = {
    "darker by a fifth": lambda one: one | {"brightness": one["brightness"] * 0.8},
    "confidence falls by a tenth": lambda one: one | {"mean_confidence": one["mean_confidence"] * 0.9},
    "no pet in any photo": lambda one: one | {"pet_fraction": 0.0},
    "every fifth photo is novel": lambda one: one | ({"feature_hash": one["novel"]} if one["is_fifth"] else {}),
}


def main() -> None:
    """Prints both tables."""
    parser = argparse.ArgumentParser(prog="python -m tests.bench.quiet_windows")
    parser.add_argument("--windows", type=int, default=200)
    options = parser.parse_args()
    random = np.random.default_rng(0)
    signs = as_signs(np.stack([_hash(draw(random)) for _ in range(TRAIN)]))
    drawn = [_drawn(random, number) for number in range(_DRAWN)]
    quiet = Photos(drawn, signs)
    print_row("alarms, by photos of a window", list(map(str, SIZES)))
    for reference in REFERENCES:
        found = [sum(quiet.raises(random, reference, size) for _ in range(options.windows)) for size in SIZES]
        print_row(f"{reference} photos of eval", [f"{count} of {options.windows}" for count in found])
    print_row("planted, 200 photos of eval", list(map(str, SIZES)))
    for name, change in CHANGES.items():
        changed = Photos([change(one) for one in drawn], signs)
        windows = max(1, options.windows // 10)
        found = [sum(quiet.raises(random, 200, size, changed) for _ in range(windows)) for size in SIZES]
        print_row(name, [f"{count} of {windows}" for count in found])


def _drawn(random: np.random.Generator, number: int) -> Record:
    return draw(random) | {"novel": draw(random, is_novel=True)["feature_hash"], "is_fifth": number % 5 == 0}


def _hash(record: Record) -> np.ndarray:
    return np.frombuffer(record["feature_hash"], np.uint8)


class Photos:
    """Records as columns, of which windows are drawn."""

    def __init__(self, records: Sequence[Record], train: np.ndarray):
        names = [name for name in records[0] if not name.endswith("_hash") and name not in ("novel", "is_fifth")]
        self._columns = {name: np.array([one[name] for one in records]) for name in names}
        self._distances = nearest_distances(np.stack([_hash(one) for one in records]), train)

    def raises(self, random: np.random.Generator, reference: int, size: int, served: Photos | None = None) -> bool:
        """Whether a window of `size` photos raises an alarm; of `served`, if they are others than the reference's."""
        served = served or self
        photos = random.integers(0, _DRAWN, size)
        slices = {"served": photos}
        for kind, count in SLICES:
            member = random.integers(0, count, size)
            slices |= {f"{kind} {number}": photos[member == number] for number in range(count)}
        measured = {name: served.measure(chosen) for name, chosen in slices.items() if len(chosen)}
        measured[REFERENCE] = self.measure(random.integers(0, _DRAWN, reference))
        summaries, tallies = ({name: one[part] for name, one in measured.items()} for part in (0, 1))
        found: Judgement = judge(summaries, tallies, CLASSES)
        return bool(found.alarms)

    def measure(self, chosen: np.ndarray) -> tuple[SplitSummary, Tally]:
        """What the job measures of some photos."""
        columns = {name: values[chosen] for name, values in self._columns.items()}
        numbers = {
            name: Numbers(len(chosen), 0, one.mean(), one.std(), one.min(), 0, one.max(), ())
            for name, one in columns.items()
        }
        shows = np.array([int((columns[f"{name}{FRACTION_SUFFIX}"] >= 0.001).sum()) for name in CLASSES])
        distances = np.bincount(self._distances[chosen], minlength=257)
        counted = Tally.nothing(0)._replace(photos=len(chosen), hashed=len(chosen), shows=shows, distances=distances)
        return SplitSummary(len(chosen), numbers, {}, {}), counted


if __name__ == "__main__":
    run_and_exit(main)
