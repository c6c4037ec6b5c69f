"""Checkpoints that a killed run resumes from, even in the middle of an epoch."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

import keras
import tensorflow as tf

from schemas.errors import UserError
from trainer.cluster import worker_index

KEPT = 2  # the last one may be half written when the machine goes down


class BestWeights:
    """The weights with the best mean IoU so far, and how many evaluations ago they were measured."""

    def __init__(self, model: keras.Model):
        self._model = model
        self.mean_iou = tf.Variable(tf.constant(-math.inf, tf.float64), trainable=False)
        self.evaluations_since = tf.Variable(tf.constant(0, tf.int64), trainable=False)
        self._weights = [tf.Variable(one, trainable=False) for one in model.get_weights()]

    @property
    def variables(self) -> list[tf.Variable]:
        """What a checkpoint must hold."""
        return [self.mean_iou, self.evaluations_since, *self._weights]

    def update(self, mean_iou: float) -> int:
        """Takes the result of an evaluation; returns how many evaluations ago the best one was."""
        if mean_iou > self.mean_iou.numpy():
            self.mean_iou.assign(mean_iou)
            self.evaluations_since.assign(0)
            for kept, value in zip(self._weights, self._model.get_weights()):
                kept.assign(value)
        else:
            self.evaluations_since.assign_add(1)
        return int(self.evaluations_since.numpy())

    def restore(self) -> None:
        """Restores the model's best weights."""
        if math.isfinite(self.mean_iou.numpy()):
            self._model.set_weights([one.numpy() for one in self._weights])


class PhaseCheckpoints:
    """Saves one phase's weights, optimizer and random state every `every` steps, and restores them.

    TensorFlow lists a checkpoint only when it is written whole, on any file system that it knows.

    Attributes:
      step: Steps of the phase that the weights have seen.
    """

    def __init__(
        self,
        folder: str | None,
        model: keras.Model,
        optimizer: keras.Optimizer,
        others: Mapping[str, Sequence[tf.Variable]],
        every_steps: int,
    ):
        """Args: `folder` belongs to this phase of this run alone, None saves nothing; `optimizer` is built; `others`
        are saved, too, by name.
        """
        self.step = 0
        self._saved_step = tf.Variable(tf.constant(0, tf.int64), trainable=False)
        self._every_steps = every_steps
        self._manager = None
        if folder and every_steps:
            checkpoint = tf.train.Checkpoint(
                step=self._saved_step,
                weights=[variable.value for variable in model.variables],
                optimizer=[variable.value for variable in optimizer.variables],
                **{name: list(variables) for name, variables in others.items()},
            )
            # All workers must take part in saving; all but the first write to a temporary folder beside the real one.
            own = folder if not worker_index() else f"{folder}-worker-{worker_index()}"
            self._folder = folder
            self._manager = tf.train.CheckpointManager(checkpoint, own, max_to_keep=KEPT)

    def restore(self) -> int:
        """Restores model and optimizer from the last checkpoint and returns its step, or 0 if there is none.

        Raises:
          UserError: The checkpoint cannot be read, or belongs to another model or training.
        """
        if self._manager and (latest := tf.train.latest_checkpoint(self._folder)):
            try:
                self._manager.checkpoint.restore(latest).assert_consumed()
            except (AssertionError, tf.errors.OpError, ValueError) as error:
                reason = (str(error).splitlines() or [type(error).__name__])[0]
                raise UserError(
                    f"{latest}: cannot resume from this checkpoint: {reason}; delete {self._folder} to start over"
                ) from None
        self.step = int(self._saved_step.numpy())
        return self.step

    def due(self) -> bool:
        """Whether `save` is due after `step` steps."""
        return self._manager is not None and self.step % self._every_steps == 0

    def save(self) -> None:
        """Saves the state after `step` steps; a checkpoint is complete or absent."""
        if self._manager and self._saved_step.numpy() != self.step:
            self._saved_step.assign(self.step)
            self._manager.save(checkpoint_number=self.step)


def delete_checkpoints(folder: str) -> None:
    """Deletes the checkpoints of a finished run, including those of its other workers."""
    if tf.io.gfile.isdir(folder):
        tf.io.gfile.rmtree(folder)
