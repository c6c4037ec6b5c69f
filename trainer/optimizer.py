"""AdamW with a learning rate of its own for some of the variables."""

from __future__ import annotations

from collections.abc import Sequence

import keras
import tensorflow as tf


class GroupedAdamW(keras.optimizers.Adam):
    """AdamW whose learning rate each variable multiplies by its own factor, in the step and in the decay alike.

    I. Loshchilov, F. Hutter, "Decoupled Weight Decay Regularization", ICLR 2019. Scaling gradients instead would change
    nothing: Adam divides them by their size.
    """

    def __init__(self, decay: float, factors: Sequence[float]):
        """Args: `decay` is decoupled; `factors` has one number for each variable that `build` takes, in order."""
        super().__init__()
        self._decay = decay
        self._factors = tuple(factors)

    def update_step(self, gradient: tf.Tensor, variable: tf.Variable, learning_rate: tf.Tensor) -> None:
        """Updates one variable; Keras calls this for each."""
        rate = learning_rate * self._factors[self._get_variable_index(variable)]
        if self._decay:
            self.assign_sub(variable, variable * (rate * self._decay))
        super().update_step(gradient, variable, rate)


def encoder_factors(model: keras.Model, encoder: keras.Model, factor: float) -> list[float]:
    """The factor for each of the model's trainable variables: `factor` in the encoder, 1 elsewhere."""
    slower = {id(variable) for variable in encoder.trainable_variables}
    return [factor if id(variable) in slower else 1.0 for variable in model.trainable_variables]
