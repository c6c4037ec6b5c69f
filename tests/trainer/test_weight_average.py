import keras
import numpy as np
import pytest

from trainer.weight_average import WeightAverage


@pytest.fixture
def model():
    inputs = keras.Input((1,))
    return keras.Model(inputs, keras.layers.BatchNormalization()(keras.layers.Dense(1)(inputs)))


def set_all(model, value):
    model.set_weights([np.full(one.shape, value, np.float32) for one in model.weights])


def test_the_average_follows_at_once_in_the_beginning_and_slowly_later(model):
    set_all(model, 0)
    average = WeightAverage(model, decay=0.9)
    set_all(model, 1)
    average.begin(1)
    average.update()
    np.testing.assert_allclose(average.variables[0].numpy(), 0.9)
    set_all(model, 0)
    average.begin(10_000)
    average.update()
    np.testing.assert_allclose(average.variables[0].numpy(), 0.9 * 0.9, rtol=1e-6)


def test_the_model_has_the_averages_inside_and_its_own_weights_afterwards(model):
    set_all(model, 0)
    average = WeightAverage(model, decay=0.9)
    set_all(model, 1)
    with average.applied():
        assert all(not one.any() for one in model.get_weights())  # statistics of the normalization, too
    assert all((one == 1).all() for one in model.get_weights())
