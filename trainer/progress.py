"""Progress of a training run: a line per epoch, and the steps in between: live on a terminal, elsewhere each minute."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

LIVE_SECONDS = 0.5  # between two updates of the live line
SILENT_SECONDS = 60.0  # without a line in a log


@dataclass(frozen=True)
class Epoch:
    """The result of one epoch; `mean_iou` and `eval_loss` are on the evaluation split, None if not measured.

    `eval_loss` is far above `loss` where a model learns its photos by heart; augmentation makes `loss` larger.
    """

    number: int
    loss: float
    mean_iou: float | None
    seconds: float
    eval_loss: float | None = None


class EpochLog:
    """Reports one line per epoch, which also reads well in a file, and keeps the figures.

    Attributes:
      epochs: The finished epochs of this process, in order; a resumed run has fewer.
    """

    def __init__(self, total: int, report: Callable[[str], None] | None):
        """Args: `total` epochs; `report` is called with each line, None prints it."""
        self.epochs: list[Epoch] = []
        self._total = total
        self._report = report or partial(print, flush=True)
        self._live = report is None and sys.stdout.isatty()
        self._started = self._shown = time.monotonic()

    def say(self, line: str) -> None:
        """Reports a line of its own."""
        self._report(line)

    def begin(self) -> None:
        """Starts an epoch."""
        self._started = self._shown = time.monotonic()

    def step(self, epoch: int, step: int, steps: int, batch_size: int) -> None:
        """Records a finished step, counted from 1 within the epoch."""
        now = time.monotonic()
        if now - self._shown <= (LIVE_SECONDS if self._live else SILENT_SECONDS):
            return
        self._shown = now
        per_step = (now - self._started) / step
        left = (steps - step) * per_step
        rate = f"{batch_size / per_step:.3g} images/s"
        line = f"epoch {epoch:3d}/{self._total}  step {step}/{steps}  {rate}  {_time(left)} left"
        if others := self._total - epoch:
            # Evaluations, and an encoder that is no longer frozen, take more.
            line += f", at least {_time(left + others * steps * per_step)} with the other epochs"
        if self._live:
            print(f"\r{line}\x1b[K", end="", flush=True)
        else:
            self._report(line)

    def end(self, epoch: int, loss: float, mean_iou: float | None, eval_loss: float | None) -> Epoch:
        """Records and reports a finished epoch, counted from 1."""
        if self._live:
            print("\r\x1b[K", end="")
        done = Epoch(epoch, loss, mean_iou, time.monotonic() - self._started, eval_loss)
        self.epochs.append(done)
        measured = "" if mean_iou is None else f"  eval loss {eval_loss:.3f}  mean IoU {mean_iou:.3f}"
        self._report(f"epoch {epoch:3d}/{self._total}  loss {loss:.3f}  {done.seconds:5.1f} s{measured}")
        return done


def _time(seconds: float) -> str:
    if seconds < 100:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 6000 else f"{seconds / 3600:.1f} h"
