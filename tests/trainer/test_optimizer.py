import keras
import numpy as np

from trainer.optimizer import GroupedAdamW, encoder_factors


def stepped(optimizer: keras.Optimizer, start: list[float]) -> list[float]:
    variables = [keras.Variable([float(one)]) for one in start]
    optimizer.build(variables)
    for rate in (0.1, 0.05):
        optimizer.learning_rate = rate
        optimizer.apply_gradients([(np.array([0.5], np.float32), one) for one in variables])
    return [float(one.numpy()[0]) for one in variables]


def test_without_factors_it_is_keras_adamw():
    keras_own = keras.optimizers.AdamW(weight_decay=0.1)
    np.testing.assert_allclose(stepped(GroupedAdamW(0.1, [1, 1]), [1, -2]), stepped(keras_own, [1, -2]), rtol=1e-5)


def test_a_factor_scales_a_variable_s_step_and_its_decay():
    plain = stepped(GroupedAdamW(0.1, [1.0]), [1.0])[0]
    slow, fast = stepped(GroupedAdamW(0.1, [0.25, 1.0]), [1.0, 1.0])
    assert fast == plain
    np.testing.assert_allclose(1 - slow, 0.25 * (1 - fast), rtol=0.05)


def test_the_encoder_s_variables_have_the_factor_and_no_others():
    inside = keras.Input((4,))
    encoder = keras.Model(inside, keras.layers.Dense(3)(inside), name="encoder")
    images = keras.Input((4,))
    model = keras.Model(images, keras.layers.Dense(2)(encoder(images)))
    assert encoder_factors(model, encoder, 0.1) == [0.1, 0.1, 1.0, 1.0]
    encoder.trainable = False
    assert encoder_factors(model, encoder, 0.1) == [1.0, 1.0]
