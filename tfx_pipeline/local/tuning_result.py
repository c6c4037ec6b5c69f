"""The result of TFX's Tuner: the best values and the table of trials."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

MAX_TRIALS_SHOWN = 5


@dataclass(frozen=True)
class Trial:
    """One finished trial: its values, and the mean IoU that it reached on the eval split."""

    mean_iou: float
    values: dict[str, Any]


@dataclass(frozen=True)
class TuningResult:
    """The result of a search.

    Attributes:
      chosen: Maps training settings to the best trial's values.
      trials: The finished trials, the best first, without those that failed.
    """

    chosen: dict[str, Any]
    trials: tuple[Trial, ...]

    @classmethod
    def read(cls, best_hyperparameters: Path, tuner_results: Path) -> TuningResult:
        """Reads the one file that TFX leaves in each of the Tuner's two artifacts."""
        return cls(
            chosen=_only_file(best_hyperparameters)["values"],
            trials=tuple(_trial(row) for row in _only_file(tuner_results)),
        )

    def lines(self) -> list[str]:
        """The best trials as a table for the terminal."""
        lines = [
            f"tuning: the best of {len(self.trials)} trials on the eval split, so the figures above are optimistic"
        ]
        lines.append(_row(["mean IoU", *self.chosen]))
        for trial in self.trials[:MAX_TRIALS_SHOWN]:
            lines.append(_row([f"{trial.mean_iou:.3f}", *(_figure(trial.values[name]) for name in self.chosen)]))
        if len(self.trials) > MAX_TRIALS_SHOWN:
            lines.append(f"  and {len(self.trials) - MAX_TRIALS_SHOWN} more in the summary")
        return lines


def _trial(row: Mapping[str, Any]) -> Trial:
    return Trial(row["score"], {name: value for name, value in row.items() if name not in ("trial_id", "score")})


def _only_file(folder: Path) -> Any:
    [path] = (one for one in folder.iterdir() if one.is_file())
    return json.loads(path.read_text(encoding="utf-8"))


def _figure(value: Any) -> str:
    return f"{value:.4g}" if isinstance(value, float) else str(value)


def _row(cells: list[str]) -> str:
    return "  " + "  ".join(f"{cell:<14}" for cell in cells).rstrip()
