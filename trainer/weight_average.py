"""The moving average of a model's weights, which is evaluated, kept and exported instead of the weights of one step.

B. Polyak, A. Juditsky, "Acceleration of Stochastic Approximation by Averaging", 1992; exponential as in A. Tarvainen,
H. Valpola, "Mean Teachers are Better Role Models", NeurIPS 2017.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import keras
import tensorflow as tf


class WeightAverage:
    """Averages all weights, normalization statistics included, over about 1 / (1 - decay) steps.

    Attributes:
      variables: What a checkpoint must hold.
    """

    def __init__(self, model: keras.Model, decay: float):
        """Args: `model` is built; create this in the strategy's scope. `decay` is in (0, 1)."""
        self._model = model
        self._decay = decay
        self._rate = tf.Variable(tf.constant(0.0), trainable=False)
        # Each replica averages its own copy, as it does with normalization statistics; reading gives their mean.
        self.variables = [
            tf.Variable(
                value,
                trainable=False,
                synchronization=tf.VariableSynchronization.ON_READ,
                aggregation=tf.VariableAggregation.MEAN,
            )
            for value in model.get_weights()
        ]

    def begin(self, step: int) -> None:
        """Sets how much the weights after a step count, counted from 1: more at first, when they change fast."""
        self._rate.assign(1.0 - min(self._decay, step / (9.0 + step)))

    def update(self) -> None:
        """Adds the current weights; belongs into the step's graph, in each replica."""
        for average, weight in zip(self.variables, self._model.weights):
            average.assign_add((weight.value - average) * self._rate)

    def apply(self) -> None:
        """Gives the model the averages."""
        self._model.set_weights([one.numpy() for one in self.variables])

    @contextmanager
    def applied(self) -> Iterator[None]:
        """The model has the averages inside, and its own weights again afterwards."""
        own = self._model.get_weights()
        self.apply()
        try:
            yield
        finally:
            self._model.set_weights(own)
