"""The settings of a hyperparameter search: typed, validated on construction, immutable."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Annotated, Any

from pydantic import Discriminator, Field, Tag, ValidationError, field_validator, model_validator

from schemas.frozen_model import FrozenModel
from trainer.config import TrainingConfig

# Settings that make a trial's model better or worse. Excluded are seed and machine, what a trial sets itself, what only
# the export uses, and `encoder` and `encoder_weights`, whose files the pipeline digests.
SEARCHABLE = (
    *("model", "encoder_width", "segformer_size", "encoder_scale", "decoder_filters", "batch_size"),
    *("learning_rate", "fine_tune_learning_rate", "encoder_learning_rate_factor", "weight_decay", "ema_decay"),
    *("loss", "oversample", "focal_gamma", "hard_pixels", "label_smoothing", "augment"),
)
NUMBERS = (int, float)


class Range(FrozenModel):
    """Numbers from `min` to `max`, both possible.

    Attributes:
      step: Distance between two neighbours; without it, any number, or any whole one.
      log: Each factor is equally likely, as in 0.001 to 0.01 and 0.01 to 0.1, instead of each difference.
    """

    min: int | float
    max: int | float
    step: int | float | None = Field(default=None, gt=0)
    log: bool = False

    @model_validator(mode="after")
    def _ordered(self) -> Range:
        if not (math.isfinite(self.min) and math.isfinite(self.max) and self.min < self.max):
            raise ValueError(f"min must be less than max, got {self.min} and {self.max}")
        if self.log and (self.min <= 0 or self.step is not None):
            raise ValueError("a range with log needs a min above 0, and can have no step")
        return self


def _form(space: Any) -> str:
    return "choices" if isinstance(space, (list, tuple)) else "range"


Space = Annotated[Annotated[tuple[Any, ...], Tag("choices")] | Annotated[Range, Tag("range")], Discriminator(_form)]


class TuningConfig(FrozenModel):
    """A random search before the training, which then takes the values of the best trial.

    Trials are compared by their mean IoU on the evaluation split, so its metrics are optimistic for the model that is
    trained with the best values, the more so the more trials there are. `training.seed` decides which values are tried.

    Attributes:
      trials: Number of trials; fewer if there are fewer combinations.
      epochs: Epochs of a trial's first phase.
      fine_tune_epochs: Epochs of a trial's second phase.
      search: Maps fields of TrainingConfig to the values to try: a list, or a Range for numbers.
    """

    trials: int = Field(ge=2, le=1000)
    epochs: int = Field(ge=1)
    fine_tune_epochs: int = Field(default=0, ge=0)
    search: dict[str, Space] = Field(min_length=1)

    @field_validator("search")
    @classmethod
    def _possible_values(cls, search: dict[str, Any]) -> dict[str, Any]:
        checked, problems = {}, []
        for name, space in search.items():
            try:
                checked[name] = _checked(name, space)
            except ValueError as error:
                problems.append(f"{name}: {error}")
        if problems:
            raise ValueError("; ".join(problems))
        return checked

    @model_validator(mode="after")
    def _no_idle_search(self) -> TuningConfig:
        if "fine_tune_learning_rate" in self.search and not self.fine_tune_epochs:
            raise ValueError("search: fine_tune_learning_rate changes nothing in trials with fine_tune_epochs 0")
        return self

    def candidates(self, name: str) -> tuple[Any, ...]:
        """Values to check for a field: all of a list, both ends of a range, none if it is not searched."""
        space = self.search.get(name, ())
        return (space.min, space.max) if isinstance(space, Range) else space

    def trial_training(self, training: TrainingConfig) -> TrainingConfig:
        """The settings that all trials share; they do not depend on the epochs of the final training.

        Raises:
          ValidationError: A trial's epochs do not fit the training.
        """
        own: dict[str, Any] = {"epochs": self.epochs, "fine_tune_epochs": self.fine_tune_epochs}
        unused = {"export_tflite": False, "average_mirrored": False, "average_scales": (), "checkpoint_steps": 0}
        if training.distribution == "multi_worker":  # one machine searches
            own["distribution"] = "auto"
        return TrainingConfig.model_validate(training.model_dump() | own | unused)


def chosen_training(training: TrainingConfig, values: Mapping[str, Any]) -> TrainingConfig:
    """The training with a trial's values; ValidationError if there is no such field or value."""
    return TrainingConfig.model_validate(training.model_dump() | dict(values))


def named(values: Mapping[str, Any]) -> str:
    """Hyperparameters for a person: `learning_rate 0.003, loss cross_entropy`."""
    return ", ".join(f"{name} {f'{one:.4g}' if isinstance(one, float) else one}" for name, one in values.items())


def check_trials(tuning: TuningConfig, training: TrainingConfig) -> None:
    """Raises ValueError if the trials do not fit their training."""
    try:
        tuning.trial_training(training)
    except ValidationError as error:
        raise ValueError(_reason(error)) from None


def _checked(name: str, space: tuple[Any, ...] | Range) -> tuple[Any, ...] | Range:
    """The space with its values as TrainingConfig parses them; ValueError if one is not valid."""
    if name not in TrainingConfig.model_fields:
        raise ValueError(f"training has no such setting; search among {', '.join(SEARCHABLE)}")
    if name not in SEARCHABLE:
        raise ValueError(f"cannot be searched; set training.{name}, or search among {', '.join(SEARCHABLE)}")
    if isinstance(space, Range):
        kind = TrainingConfig.model_fields[name].annotation
        if kind not in NUMBERS:
            raise ValueError("cannot have a range; give a list of values")
        if space.step is not None and kind(space.step) != space.step:
            raise ValueError(f"step must be whole, got {space.step}")
        return space.model_copy(update={"min": _value(name, space.min), "max": _value(name, space.max)})
    values = tuple(dict.fromkeys(_value(name, one) for one in space))
    if len(values) < 2:
        raise ValueError("give at least two different values, or set it in training")
    return values


def _value(name: str, value: Any) -> Any:
    """The value as TrainingConfig parses it."""
    try:
        return getattr(TrainingConfig.model_validate({name: value}), name)
    except ValidationError as error:
        raise ValueError(f"{_reason(error)}, got {value!r}") from None


def _reason(error: ValidationError) -> str:
    return error.errors()[0]["msg"].removeprefix("Value error, ")
