"""Builds and trains a model: one calm line per epoch, TensorBoard logs, the same result for the same seed."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial

import keras

from schemas.errors import UserError
from schemas.features import IGNORE_ID
from trainer.config import TrainingConfig
from trainer.input_pipeline import count_records, evaluation_batches, training_batches
from trainer.losses import segmentation_loss
from trainer.models import build_model

EVALUATION_BATCH = 32
WARM_UP_SHARE = 0.1  # of a phase's steps


@dataclass(frozen=True)
class Epoch:
    """What one epoch came to; `mean_iou` is that of the evaluation split, None where it was not measured."""

    number: int
    loss: float
    mean_iou: float | None
    seconds: float


@dataclass(frozen=True)
class Phase:
    """A stretch of epochs with one learning rate schedule."""

    epochs: int
    learning_rate: float
    trains_encoder: bool


def train(
    config: TrainingConfig,
    train_shards: Sequence[str],
    eval_shards: Sequence[str],
    image_size: int,
    num_classes: int,
    log_dir: str | None = None,
    report: Callable[[str], None] | None = None,
) -> tuple[keras.Model, list[Epoch]]:
    """Trains a model in one or two phases; the evaluation split is only measured, never chosen by.

    Args:
      config: What to train and how.
      train_shards, eval_shards: Paths of the shards of each split.
      image_size: S of the dataset version.
      num_classes: C of the data set.
      log_dir: Folder for TensorBoard logs; None writes none.
      report: Called with one line per epoch; None prints it.

    Returns:
      The trained model, see `build_model`, and its epochs in order.

    Raises:
      UserError: A model that cannot be built, or fewer training records than one batch.
    """
    records = count_records(train_shards)
    steps = records // config.batch_size
    if not steps:
        raise UserError(f"batch_size {config.batch_size} is more than the {records} training records; lower it")
    keras.utils.set_random_seed(config.seed)
    model = build_model(config, image_size, num_classes)
    evaluation = evaluation_batches(eval_shards, image_size, EVALUATION_BATCH)
    phases = _phases(config)
    log = EpochLog(sum(phase.epochs for phase in phases), report or partial(print, flush=True))
    callbacks = [log]
    if log_dir:
        callbacks.append(keras.callbacks.TensorBoard(log_dir, write_graph=False))
    for index, phase in enumerate(phases):
        _set_trainable(model.get_layer("encoder"), phase.trains_encoder, config.encoder_is_pretrained)
        optimizer = keras.optimizers.AdamW(phase.learning_rate, weight_decay=config.weight_decay)
        optimizer.build(model.trainable_variables)  # else the training step is traced twice, ten seconds each
        model.compile(
            optimizer=optimizer,
            loss=segmentation_loss,
            metrics=[keras.metrics.MeanIoU(num_classes, ignore_class=IGNORE_ID, sparse_y_pred=False, name="mean_iou")],
            jit_compile=False,  # XLA's convolutions on a CPU are ten times slower than TensorFlow's own
        )
        first, last = len(log.epochs), len(log.epochs) + phase.epochs
        model.fit(
            # A seed of its own, or the second phase would see the first one's random crops again.
            training_batches(train_shards, image_size, config.batch_size, config.augment, config.seed + index),
            steps_per_epoch=steps,
            initial_epoch=first,
            epochs=last,
            validation_data=evaluation,
            validation_freq=[*range(config.evaluate_every, last, config.evaluate_every), last],
            callbacks=[*callbacks, WarmUpThenCosine(phase.learning_rate, phase.epochs * steps)],
            verbose=0,
        )
    return model, log.epochs


def _phases(config: TrainingConfig) -> list[Phase]:
    phases = [Phase(config.epochs, config.learning_rate, trains_encoder=not config.encoder_is_pretrained)]
    if config.fine_tune_epochs:
        phases.append(Phase(config.fine_tune_epochs, config.fine_tune_learning_rate, trains_encoder=True))
    return phases


def _set_trainable(encoder: keras.Model, trainable: bool, keeps_statistics: bool) -> None:
    """Freezes or frees an encoder; statistics that came with weights stay, a batch is too small to replace them."""
    encoder.trainable = trainable
    if keeps_statistics:
        # Calling the encoder with training=False is no substitute: the outer model's training=True overrides it.
        for layer in encoder.layers:
            if isinstance(layer, keras.layers.BatchNormalization):
                layer.trainable = False


class EpochLog(keras.callbacks.Callback):
    """Reports one line per epoch, which also reads well in a file, and keeps the figures."""

    def __init__(self, total: int, report: Callable[[str], None]) -> None:
        super().__init__()
        self.epochs: list[Epoch] = []
        self._total = total
        self._report = report
        self._started = 0.0

    def on_epoch_begin(self, epoch: int, logs: dict[str, float] | None = None) -> None:
        self._started = time.monotonic()

    def on_epoch_end(self, epoch: int, logs: dict[str, float] | None = None) -> None:
        figures = logs or {}
        done = Epoch(epoch + 1, figures["loss"], figures.get("val_mean_iou"), time.monotonic() - self._started)
        self.epochs.append(done)
        measured = "" if done.mean_iou is None else f"  mean IoU {done.mean_iou:.3f}"
        self._report(f"epoch {done.number:3d}/{self._total}  loss {done.loss:.3f}  {done.seconds:5.1f} s{measured}")


class WarmUpThenCosine(keras.callbacks.Callback):
    """Learning rate per step: linear up to `peak`, then a cosine down to 0.

    A callback, since Keras traces a schedule object once more for each variable of the model.
    """

    def __init__(self, peak: float, steps: int) -> None:
        super().__init__()
        self._peak = peak
        self._steps = steps
        self._warm_up = max(1, round(WARM_UP_SHARE * steps))
        self._step = 0

    def on_train_batch_begin(self, batch: int, logs: dict[str, float] | None = None) -> None:
        self._step += 1
        self.model.optimizer.learning_rate.assign(self.rate(self._step))

    def rate(self, step: int) -> float:
        """Learning rate of a step, counted from 1."""
        if step <= self._warm_up:
            return self._peak * step / self._warm_up
        progress = (step - self._warm_up) / (self._steps - self._warm_up)
        return self._peak * 0.5 * (1.0 + math.cos(math.pi * progress))
