"""What a candidate is made of, as text: equal for those that train alike, else different."""

import keras
import numpy as np
import pytest
from keras import layers, ops

from automl_sem import Recipe
from automl_sem.spaces.signature import signature


def model(units=4, *, scale=0.5, skip=False, sequential=False, table=1.0, inner=8, name=None):
    if sequential:
        return keras.Sequential([keras.Input((6,)), layers.Dense(units), layers.Dropout(0.1)])
    inputs = keras.Input((6,))
    x = layers.Dense(units, name=name)(inputs)
    nested = keras.Sequential([keras.Input((units,)), layers.Dense(inner), layers.Dense(units)])
    y = nested(x) * scale
    y = ops.add(y, np.full(units, table, np.float32))
    return keras.Model(inputs, layers.Add()([y, x if skip else y]))


def compiled(rate, loss="mse"):
    made = model()
    made.compile(keras.optimizers.Adam(rate), loss)
    return made


@pytest.mark.parametrize("options", [{}, {"skip": True}, {"sequential": True}], ids=str)
def test_the_same_model_made_twice_has_the_same_signature(options):
    first = signature(model(**options), Recipe())
    assert signature(model(**options), Recipe()) == first
    assert signature(model(**options, units=5), Recipe()) != first
    assert signature(model(**options), Recipe(epochs=7)) != first


@pytest.mark.parametrize("change", [{"scale": 0.6}, {"skip": True}, {"table": 2.0}, {"inner": 9}])
def test_constants_connections_and_what_is_within_count(change):
    assert signature(model(), None) != signature(model(**change), None)


def test_names_and_weights_do_not_count():
    first, other = model(), model(name="mine")
    other.set_weights([w + 1 for w in other.get_weights()])
    assert signature(first, None) == signature(other, None)


def test_a_frozen_layer_counts():
    frozen = model()
    frozen.layers[1].trainable = False
    assert signature(frozen, None) != signature(model(), None)


def my_loss(y, predicted):
    return ops.mean(ops.abs(y - predicted))


def test_optimizer_and_loss_of_a_compiled_model_count():
    assert signature(compiled(0.1), None) == signature(compiled(0.1), None)
    assert signature(compiled(0.1), None) != signature(compiled(0.2), None)
    assert signature(compiled(0.1), None) != signature(compiled(0.1, "mae"), None)
    assert signature(compiled(0.1, my_loss), None) == signature(compiled(0.1, my_loss), None)
    assert signature(compiled(0.1, my_loss), None) != signature(compiled(0.2, my_loss), None)


class Scaled(layers.Layer):
    def __init__(self, scale, table):
        super().__init__()
        self.scale, self._table = scale, table

    def call(self, x):
        return x * self.scale


@pytest.mark.parametrize(("scale", "same"), [(2.0, True), (3.0, False)])
def test_of_a_layer_that_keras_cannot_describe_the_plain_attributes_count(scale, same):
    def made(scale):
        inputs = keras.Input((6,))
        return keras.Model(inputs, Scaled(scale, object())(inputs))

    assert (signature(made(2.0), None) == signature(made(scale), None)) == same
