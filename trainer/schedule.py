"""The phases of a training run and the learning rate of each of their steps."""

from __future__ import annotations

import math
from dataclasses import dataclass

from trainer.config import TrainingConfig

WARM_UP_SHARE = 0.1  # of a phase's steps


@dataclass(frozen=True)
class Phase:
    """A stretch of epochs with one learning rate schedule."""

    epochs: int
    learning_rate: float
    trains_encoder: bool


def phases_of(config: TrainingConfig) -> list[Phase]:
    """The decoder alone and then everything, where the encoder has weights; else everything at once."""
    phases = [Phase(config.epochs, config.learning_rate, trains_encoder=not config.encoder_is_pretrained)]
    if config.fine_tune_epochs:
        phases.append(Phase(config.fine_tune_epochs, config.fine_tune_learning_rate, trains_encoder=True))
    return phases


@dataclass(frozen=True)
class WarmUpThenCosine:
    """Learning rate per step: linear up to `peak`, then a cosine down to 0."""

    peak: float
    steps: int

    def rate(self, step: int) -> float:
        """Learning rate of a step, counted from 1."""
        warm_up = max(1, round(WARM_UP_SHARE * self.steps))
        if step <= warm_up:
            return self.peak * step / warm_up
        progress = (step - warm_up) / (self.steps - warm_up)
        return self.peak * 0.5 * (1.0 + math.cos(math.pi * progress))
