"""Entry point of TFX's Tuner component, named by import path: `trainer.tuner_fn.tuner_fn`."""

from __future__ import annotations

import io
import time
from collections.abc import Sequence
from contextlib import redirect_stdout
from typing import Any, Protocol

import keras
import tensorflow as tf
from keras_tuner import HyperParameters, Objective
from keras_tuner.engine.base_tuner import BaseTuner
from keras_tuner.engine.trial import Trial
from keras_tuner.errors import FailedTrialError, FatalError
from keras_tuner.oracles import RandomSearchOracle
from tfx.components.tuner.component import TunerFnResult

from schemas.errors import UserError
from trainer.checkpoints import delete_checkpoints
from trainer.config import TrainingConfig
from trainer.input_pipeline import count_records, find_shards
from trainer.models import build_model
from trainer.progress import Epoch
from trainer.requirements import MODEL_FIELDS, Surroundings, candidates, search_problems
from trainer.run_fn import CustomConfig, read_custom_config
from trainer.training import Diverged, train
from trainer.tuning import Range, TuningConfig, chosen_training, named

OBJECTIVE = "mean_iou"


class TunerArguments(Protocol):
    """The part of TFX's `FnArgs` that is used."""

    train_files: list[str]
    eval_files: list[str]
    working_dir: str
    custom_config: dict[str, Any]


class SearchConfig(CustomConfig):
    """What the pipeline passes as the Tuner's `custom_config`; `training` is what all trials have in common.

    A search keeps the figures of its trials in `checkpoint_dir` until it is done, so that a killed search resumes after
    its last finished trial.
    """

    tuning: TuningConfig


def tuner_fn(fn_args: TunerArguments) -> TunerFnResult:
    """Prepares a search on a published version's shards; TFX runs it and keeps the best values and the table of trials.

    Args:
      fn_args: `train_files` and `eval_files` are glob patterns of shards; `custom_config` as in `SearchConfig`;
        `working_dir` is where the search keeps its figures without a `checkpoint_dir`.

    Raises:
      UserError: A configuration or shards cannot be used, or a candidate cannot be built or trained.
    """
    run = read_custom_config(SearchConfig, fn_args.custom_config)
    train_shards = find_shards(fn_args.train_files)
    _check_candidates(run, train_shards)
    directory = f"{run.checkpoint_dir or fn_args.working_dir}/{run.identity}"
    data = {
        "train_shards": train_shards,
        "eval_shards": find_shards(fn_args.eval_files),
        "image_size": run.image_size,
        "class_names": run.dataset.class_names,
        "weighted": run.dataset.has_weights,
    }
    return TunerFnResult(tuner=_open_search(run, directory), fit_kwargs=data)


class TrainingTuner(BaseTuner):
    """A random search whose trials are runs of `trainer.training`; each reports one line."""

    def __init__(self, training: TrainingConfig, tuning: TuningConfig, directory: str, overwrite: bool):
        """Args: `directory` keeps the figures while the search runs; `overwrite` discards what is there."""
        self._training = training
        self._tuning = tuning
        oracle = RandomSearchOracle(
            objective=Objective(OBJECTIVE, direction="max"),
            max_trials=tuning.trials,
            seed=training.seed + 1,  # KerasTuner takes 0 for none
            hyperparameters=search_space(tuning),
            allow_new_entries=False,
            tune_new_entries=False,
            max_consecutive_failed_trials=tuning.trials + 1,  # a trial that diverges says nothing about the next one
        )
        oracle.verbose = 0
        super().__init__(oracle, directory=directory, project_name="search", overwrite=overwrite)

    def search(self, *args: Any, **kwargs: Any) -> None:
        try:
            super().search(*args, **kwargs)
        except FatalError as error:  # KerasTuner would hide any other exception
            raise (error.__cause__ or error) from None

    def run_trial(
        self,
        trial: Trial,
        train_shards: Sequence[str],
        eval_shards: Sequence[str],
        image_size: int | str,
        class_names: Sequence[str],
        weighted: bool = False,
    ) -> dict[str, float]:
        """Trains once; `train` says what the arguments are.

        A training that diverges, or needs too much memory, fails alone.
        """
        values = trial.hyperparameters.values
        line = f"trial {int(trial.trial_id) + 1}/{self._tuning.trials}  {named(values)}"
        start = time.monotonic()
        keras.backend.clear_session()  # otherwise the memory of all trials adds up
        try:
            config = chosen_training(self._training, values)
            data = train_shards, eval_shards, image_size, len(class_names), class_names
            _, epochs = train(config, *data, report=lambda line: None, weighted=weighted)
        except (Diverged, tf.errors.ResourceExhaustedError) as error:
            reason = "diverged" if isinstance(error, Diverged) else "out of memory"
            print(f"{line}  {reason}  {time.monotonic() - start:.1f} s", flush=True)
            raise FailedTrialError(str(error)) from error
        except Exception as error:
            raise FatalError(str(error)) from error
        mean_iou = _mean_iou(config, epochs)
        print(f"{line}  mean IoU {mean_iou:.3f}  {time.monotonic() - start:.1f} s", flush=True)
        return {OBJECTIVE: mean_iou}

    def on_search_end(self) -> None:
        """Deletes the search's files; UserError if no trial has finished."""
        delete_checkpoints(self.directory)
        if self.oracle.get_best_trials()[0].score is None:
            raise UserError(
                f"tuning.search: all {len(self.oracle.trials)} trials failed; search among lower learning rates"
            )

    def search_space_summary(self, extended: bool = False) -> None:
        """Prints what is searched, in one line; TFX calls this before the search."""
        spaces = (f"{name} {_shown(space)}" for name, space in self._tuning.search.items())
        epochs = self._tuning.epochs + self._tuning.fine_tune_epochs
        print(f"up to {self._tuning.trials} trials of {epochs} epochs: {', '.join(spaces)}", flush=True)
        if done := len(self.oracle.end_order):
            print(f"resuming after trial {done}", flush=True)

    def results_summary(self, num_trials: int = 10) -> None:
        """Prints the best values, in one line; TFX calls this after the search."""
        print(f"best: {named(self.get_best_hyperparameters()[0].values)}", flush=True)


def search_space(tuning: TuningConfig) -> HyperParameters:
    """The search as KerasTuner's hyperparameters, by the names of TrainingConfig's fields."""
    space = HyperParameters()
    for name, one in tuning.search.items():
        if isinstance(one, Range):
            number = space.Int if TrainingConfig.model_fields[name].annotation is int else space.Float
            number(name, one.min, one.max, step=one.step, sampling="log" if one.log else "linear")
        elif isinstance(one[0], bool):  # a Choice would turn them into numbers
            space.Boolean(name)
        else:
            space.Choice(name, list(one))
    return space


def _open_search(run: SearchConfig, directory: str) -> TrainingTuner:
    """Opens a search, resuming with the figures in `directory` if those can be read."""
    with redirect_stdout(io.StringIO()):  # KerasTuner announces that it reads them
        try:
            return TrainingTuner(run.training, run.tuning, directory, overwrite=False)
        except (ValueError, KeyError, RuntimeError):  # half written when the machine went down
            return TrainingTuner(run.training, run.tuning, directory, overwrite=True)


def _check_candidates(run: SearchConfig, train_shards: Sequence[str]) -> None:
    """Raises UserError if any trial could not start, before the first one trains."""
    records = count_records(train_shards)
    surroundings = Surroundings(run.image_size, run.dataset.class_names, records, fit=run.fit)
    if problem := next(search_problems(run.tuning, run.training, surroundings), None):
        raise UserError(problem)
    searched = [name for name in MODEL_FIELDS if name in run.tuning.search]
    for changed, config in candidates(run.tuning, run.training, searched) if searched else ():
        try:
            build_model(config, config.model_size(run.image_size), len(run.dataset.classes))
        except UserError as error:
            raise UserError(f"tuning.search: {named(changed)}: {error}") from None
        keras.backend.clear_session()


def _mean_iou(config: TrainingConfig, epochs: Sequence[Epoch]) -> float:
    """Mean IoU on the evaluation split of the model that `train` returned with these epochs."""
    earlier = config.epochs if config.fine_tune_epochs else 0  # each phase restores its own best weights
    measured = [one.mean_iou for one in epochs if one.number > earlier and one.mean_iou is not None]
    return max(measured) if config.keeps_best else measured[-1]


def _shown(space: tuple[Any, ...] | Range) -> str:
    if isinstance(space, Range):
        return f"{space.min:g} to {space.max:g}"
    return "/".join(map(str, space))
