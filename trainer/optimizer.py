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
        """Updates one variable; Keras calls this for each.

        TensorFlow's own kernel does in one operation what Keras builds from a dozen, for each variable: a training
        starts sooner, and small networks take fewer and shorter steps on a CPU.
        """
        index = self._get_variable_index(variable)
        rate = tf.cast(learning_rate, variable.dtype) * self._factors[index]
        if self._decay:
            self.assign_sub(variable, variable * (rate * self._decay))
        step = tf.cast(self.iterations + 1, variable.dtype)
        tf.raw_ops.ResourceApplyAdam(
            var=variable.handle,
            m=self._momentums[index].value.handle,
            v=self._velocities[index].value.handle,
            beta1_power=tf.pow(self.beta_1, step),
            beta2_power=tf.pow(self.beta_2, step),
            lr=rate,
            beta1=self.beta_1,
            beta2=self.beta_2,
            epsilon=self.epsilon,
            grad=tf.cast(gradient, variable.dtype),
        )


def encoder_factors(model: keras.Model, encoder: keras.Model, factor: float) -> list[float]:
    """The factor for each of the model's trainable variables: `factor` in the encoder, 1 elsewhere."""
    slower = {id(variable) for variable in encoder.trainable_variables}
    return [factor if id(variable) in slower else 1.0 for variable in model.trainable_variables]
