"""Builds and trains a model, on one device or many; a killed run resumes where it stopped, with the same result."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass

import keras
import numpy as np
import tensorflow as tf

from schemas.errors import UserError
from schemas.metrics import mean_iou
from trainer.checkpoints import BestWeights, PhaseCheckpoints
from trainer.config import NO_WEIGHTS, TrainingConfig
from trainer.distribution import agree, choose_strategy, share_statistics
from trainer.eval_split import EvalSplit
from trainer.graphs import graph
from trainer.input_pipeline import BatchRange, training_batches
from trainer.losses import Loss, PixelTerm, segmentation_loss
from trainer.models import build_model
from trainer.models.blocks import ENCODER
from trainer.optimizer import GroupedAdamW, encoder_factors
from trainer.progress import Epoch, EpochLog
from trainer.requirements import Surroundings, check_training
from trainer.schedule import Phase, WarmUpThenCosine, phases_of
from trainer.tensorboard import TensorBoardWriter
from trainer.training_records import TrainingRecords, survey_records
from trainer.weight_average import WeightAverage

LOSS_CHECKED_EVERY = 25  # steps; checking every one would make a GPU wait
OVERLAPS = {"cross_entropy": None, "cross_entropy_iou": "iou", "cross_entropy_dice": "dice"}


class Diverged(UserError):
    """The loss of a training is not finite."""


def train(
    config: TrainingConfig,
    train_shards: Sequence[str],
    eval_shards: Sequence[str],
    image_size: int | str,
    num_classes: int,
    class_names: Sequence[str] = (),
    tensorboard: TensorBoardWriter | None = None,
    checkpoint_dir: str | None = None,
    report: Callable[[str], None] | None = None,
    weighted: bool = False,
) -> tuple[keras.Model, list[Epoch]]:
    """Trains a model in one or two phases; unless it keeps the best weights, the evaluation split is only measured.

    Args:
      config: What to train and how.
      train_shards, eval_shards: Paths of the shards of each split.
      image_size: Of the dataset version, see `schemas.image_size`; 0 where images keep their sizes, with the
        configuration's `crop_size`.
      num_classes: C of the data set.
      class_names: Names of its classes, which the configuration's `class_weights` are given by.
      tensorboard: TensorBoard's files; None writes none.
      checkpoint_dir: Folder of this run's checkpoints, and of no other run's; None keeps none.
      report: Called with one line per epoch; None prints it.
      weighted: Whether records hold weights, by which they count in the loss. The evaluation split ignores its own.

    Returns:
      The trained model in float32 on one device, see `build_model`, and the epochs of this process in order.

    Raises:
      UserError: The model cannot be built, settings or devices do not fit each other, there are fewer training
        records than one batch, a checkpoint cannot be read, or (Diverged) the loss is not finite.
    """
    strategy = choose_strategy(config.distribution)
    found = survey_records(train_shards, class_names, weighted, config.oversample, config.seed)
    check_training(config, Surroundings(image_size, class_names, found.records, strategy.num_replicas_in_sync))
    model_size = config.model_size(image_size)
    keras.utils.set_random_seed(config.seed)
    with _precision(config.precision), strategy.scope():
        model = build_model(config, model_size, num_classes)
        loss = _loss(config, class_names)
        run = _Run(
            config=config,
            strategy=strategy,
            model=model,
            loss=loss,
            eval_split=EvalSplit(config, model, eval_shards, image_size, num_classes, loss),
            train_shards=train_shards,
            image_size=image_size,
            found=found,
            steps_per_epoch=found.in_epoch // config.batch_size,
            log=EpochLog(sum(phase.epochs for phase in phases_of(config)), report),
            tensorboard=tensorboard,
        )
        for line in found.notes:
            run.log.say(line)
        first_epoch = 0
        for index, phase in enumerate(phases_of(config)):
            folder = f"{checkpoint_dir}/phase-{index}" if checkpoint_dir else None
            run.phase(index, phase, first_epoch, folder)
            first_epoch += phase.epochs
    return _plain_model(config, model, model_size, num_classes), run.log.epochs


@dataclass(frozen=True)
class _Run:
    """What all phases of one run share."""

    config: TrainingConfig
    strategy: tf.distribute.Strategy
    model: keras.Model
    loss: Loss
    eval_split: EvalSplit
    train_shards: Sequence[str]
    image_size: int | str
    found: TrainingRecords
    steps_per_epoch: int
    log: EpochLog
    tensorboard: TensorBoardWriter | None

    def phase(self, index: int, phase: Phase, first_epoch: int, folder: str | None) -> None:
        """Trains one phase from its beginning, or from its last checkpoint in `folder`."""
        config, model = self.config, self.model
        _set_trainable(model.get_layer(ENCODER), phase.trains_encoder, config.encoder_is_pretrained)
        optimizer = self._optimizer()
        best = BestWeights(model) if config.keeps_best else None
        average = WeightAverage(model, config.ema_decay) if config.ema_decay else None
        others = {name: one.variables for name, one in (("best", best), ("average", average)) if one}
        checkpoints = PhaseCheckpoints(folder, model, optimizer, others, config.checkpoint_steps)
        schedule = WarmUpThenCosine(phase.learning_rate, phase.epochs * self.steps_per_epoch)
        start = checkpoints.restore()
        if start:
            self.log.say(f"resuming from the checkpoint after step {start} of {schedule.steps}, phase {index + 1}")
        step_function = self._step_function(optimizer, average)
        batches = iter(self._batches(index, start))
        while checkpoints.step < schedule.steps:
            epoch, done = divmod(checkpoints.step, self.steps_per_epoch)
            number = first_epoch + epoch + 1
            self.log.begin()
            losses = []
            for in_epoch in range(done + 1, self.steps_per_epoch + 1):
                optimizer.learning_rate = schedule.rate(checkpoints.step + 1)
                if average:
                    average.begin(checkpoints.step + 1)
                losses.append(step_function(*next(batches)))
                checkpoints.step += 1
                if in_epoch % LOSS_CHECKED_EVERY == 0 or in_epoch == self.steps_per_epoch or checkpoints.due():
                    self._check_loss(losses[-1], number, checkpoints.step, phase)
                if checkpoints.due() and in_epoch < self.steps_per_epoch:
                    checkpoints.save()
                self.log.step(number, in_epoch - done, self.steps_per_epoch - done, config.batch_size)
            with average.applied() if average else nullcontext():
                stop = self._end_epoch(epoch + 1, number, phase, float(np.mean(losses)), schedule, len(losses), best)
            if stop:
                checkpoints.step = schedule.steps
            # After the evaluation, so that a resumed run does not repeat it.
            if checkpoints.due() or checkpoints.step == schedule.steps:
                checkpoints.save()
        if average:
            average.apply()
        if best:
            best.restore()

    def _end_epoch(
        self,
        epoch: int,
        number: int,
        phase: Phase,
        loss: float,
        schedule: WarmUpThenCosine,
        steps: int,
        best: BestWeights | None,
    ) -> bool:
        """Evaluates if that is due and reports; returns whether to stop early. `epoch` counts within the phase."""
        step = number * self.steps_per_epoch
        measured = eval_loss = None
        if number % self.config.evaluate_every == 0 or epoch == phase.epochs:
            share_statistics(self.strategy, self.model)
            counts, eval_loss = self.eval_split.measure()
            measured = agree(self.strategy, float(mean_iou(counts.matrix)))
            if self.tensorboard:
                self.tensorboard.evaluation(step, counts, eval_loss)
                self.tensorboard.panels(step, *self.eval_split.panels())
        done = self.log.end(number, loss, measured, eval_loss)
        if self.tensorboard:
            rate = steps * self.config.batch_size / done.seconds
            self.tensorboard.epoch(step, loss, schedule.rate(epoch * self.steps_per_epoch), rate)
        if best is None or measured is None:
            return False
        waited = best.update(measured)
        if not self.config.early_stopping or waited < self.config.early_stopping:
            return False
        if epoch < phase.epochs:
            self.log.say(f"stopped early: no better mean IoU than {float(best.mean_iou):.3f} in the last evaluations")
        return True

    def _optimizer(self) -> keras.Optimizer:
        factor = self.config.encoder_learning_rate_factor if self.config.encoder_is_pretrained else 1.0
        factors = encoder_factors(self.model, self.model.get_layer(ENCODER), factor)
        optimizer = GroupedAdamW(self.config.weight_decay, factors)
        if self.config.precision == "mixed_float16":  # its range is too small for plain gradients
            optimizer = keras.optimizers.LossScaleOptimizer(optimizer)
        optimizer.build(self.model.trainable_variables)
        return optimizer

    def _step_function(self, optimizer: keras.Optimizer, average: WeightAverage | None) -> Callable[..., tf.Tensor]:
        """One step of all replicas as a graph: their batches to their mean loss, a scalar."""
        variables = self.model.trainable_variables
        replicas = self.strategy.num_replicas_in_sync

        def replica_step(images: tf.Tensor, masks: tf.Tensor, weights: tf.Tensor | None = None) -> tf.Tensor:
            with tf.GradientTape() as tape:
                loss = self.loss(masks, self.model(images, training=True), weights)
                scaled = optimizer.scale_loss(loss / replicas)  # replicas' gradients are added up
            optimizer.apply_gradients(zip(tape.gradient(scaled, variables), variables))
            if average:
                average.update()
            return loss

        @graph
        def step(*batch: tf.Tensor) -> tf.Tensor:
            return self.strategy.reduce("MEAN", self.strategy.run(replica_step, batch), axis=None)

        return step

    def _batches(self, index: int, start: int) -> tf.data.Dataset:
        """The batches of a phase from a step on, split between the replicas."""
        config = self.config

        def pipeline(context: tf.distribute.InputContext) -> tf.data.Dataset:
            replicas = self.strategy.num_replicas_in_sync // context.num_input_pipelines
            return training_batches(
                self.train_shards,
                self.image_size,
                context.get_per_replica_batch_size(config.batch_size),
                config.augment,
                config.seed + index,  # otherwise the second phase would repeat the first one's random crops
                BatchRange(start * replicas, context.input_pipeline_id, context.num_input_pipelines),
                config.cache,
                config.crop_size,
                self.found.sampling,
            )

        return self.strategy.distribute_datasets_from_function(pipeline)

    def _check_loss(self, loss: tf.Tensor, epoch: int, step: int, phase: Phase) -> None:
        if not math.isfinite(float(loss)):
            remedy = "" if self.config.precision == "float32" else ", or take precision float32"
            raise Diverged(
                f"training diverged in epoch {epoch}, before step {step} of its phase: the loss is {float(loss)}; "
                f"lower the learning rate (now {phase.learning_rate:g}){remedy}"
            )


def _loss(config: TrainingConfig, class_names: Sequence[str]) -> Loss:
    factors = config.class_factors(class_names)
    pixels = PixelTerm(factors, config.focal_gamma, config.hard_pixels, config.label_smoothing)
    return segmentation_loss(OVERLAPS[config.loss], pixels)


def _set_trainable(encoder: keras.Model, trainable: bool, keeps_statistics: bool) -> None:
    """Freezes or unfreezes an encoder; pretrained statistics stay, because a batch is too small to replace them."""
    encoder.trainable = trainable
    if keeps_statistics:
        # Calling the encoder with training=False is no substitute: the outer model's training=True overrides it.
        for layer in encoder._flatten_layers(include_self=False):
            if isinstance(layer, keras.layers.BatchNormalization):
                layer.trainable = False


def _plain_model(config: TrainingConfig, model: keras.Model, image_size: int | str, num_classes: int) -> keras.Model:
    """The model in float32 without replicas, for export."""
    if config.precision == "float32" and not tf.distribute.has_strategy() and not _is_distributed(model):
        return model
    plain = build_model(config.model_copy(update={"encoder_weights": NO_WEIGHTS}), image_size, num_classes)
    plain.set_weights(model.get_weights())
    return plain


def _is_distributed(model: keras.Model) -> bool:
    return any(isinstance(one.value, tf.distribute.DistributedValues) for one in model.variables)


@contextmanager
def _precision(policy: str) -> Iterator[None]:
    before = keras.mixed_precision.dtype_policy()
    keras.mixed_precision.set_dtype_policy(policy)
    try:
        yield
    finally:
        keras.mixed_precision.set_dtype_policy(before)
