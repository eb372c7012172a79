"""Losses and predictions of compiled models against Keras's own numbers."""

from __future__ import annotations

import functools

import keras
import numpy as np
import pytest
from keras import layers

from automl_sem.scoring.batches import cross_entropy, targets
from automl_sem.scoring.losses import (
    labels_of,
    loss_of,
    only_keras_can,
    predictions_of,
    takes_logits,
)
from automl_sem.types import DataInfo

RNG = np.random.default_rng(0)
X = RNG.normal(size=(12, 5)).astype(np.float32)
Y = np.arange(12) % 3
THREE = DataInfo("images", (5,), 3, 12)
TWO = DataInfo("images", (5,), 2, 12)
LABELS = DataInfo("images", (5,), 3, 12, task="multi-label")
NUMBERS = DataInfo("images", (5,), 3, 12, task="regression")


def model(units=3, activation="softmax", loss=None, **options):
    made = keras.Sequential([keras.Input((5,)), layers.Dense(units, activation=activation)])
    if loss is not None:
        made.compile("sgd", loss, **options)
    return made


def own_sparse(y_true, y_pred):
    return keras.losses.sparse_categorical_crossentropy(y_true, y_pred)


def own_mean(y_true, y_pred):
    return keras.ops.mean(keras.ops.square(y_true - y_pred))


CROSS = keras.losses.CategoricalCrossentropy
SPARSE = keras.losses.SparseCategoricalCrossentropy
BINARY = keras.losses.BinaryCrossentropy


@pytest.mark.parametrize(
    ("units", "activation", "loss", "labels", "options"),
    [
        (3, "softmax", "sparse_categorical_crossentropy", "integers", {}),
        (3, None, SPARSE(from_logits=True), "integers", {}),
        (3, "softmax", own_sparse, "integers", {}),
        (3, "softmax", "categorical_crossentropy", "one-hot", {}),
        (3, "softmax", ["categorical_crossentropy"], "one-hot", {"loss_weights": 0.25}),
        (3, None, CROSS(from_logits=True, label_smoothing=0.1), "one-hot", {}),
        (3, "softmax", "crossentropy", "one-hot", {}),
        (3, "softmax", "mse", "one-hot", {}),
        (3, "softmax", own_mean, "one-hot", {}),
        (3, "softmax", keras.losses.CategoricalFocalCrossentropy(), "one-hot", {}),
        (3, "sigmoid", "binary_crossentropy", "one-hot", {}),
        (1, "sigmoid", "binary_crossentropy", "column", {}),
        (1, None, BINARY(from_logits=True), "column", {}),
    ],
)
def test_the_mean_loss_is_that_which_keras_tells(units, activation, loss, labels, options):
    info, y = (TWO, Y % 2) if units == 1 else (THREE, Y)
    made = model(units, activation, loss, **options)
    assert labels_of(made, info) == labels
    one_hot = np.eye(info.classes, dtype=np.float32)[y]
    wanted = {"integers": y, "one-hot": one_hot, "column": y[:, None]}[labels]
    expected = made.evaluate(X, wanted, batch_size=12, verbose=0)
    losses = loss_of(made, info)(targets(y, info.classes, 0.0), made(X))
    assert losses.shape == (12,)
    assert np.mean(losses) == pytest.approx(expected, abs=1e-6)


@pytest.mark.parametrize(
    ("units", "activation", "loss"),
    [
        (3, "softmax", "categorical_crossentropy"),
        (3, None, CROSS(from_logits=True)),
        (3, None, SPARSE(from_logits=True)),
        (3, None, functools.partial(keras.losses.categorical_crossentropy, from_logits=True)),
        (3, "sigmoid", "binary_crossentropy"),
        (3, "sigmoid", "sparse_categorical_crossentropy"),
        (3, None, BINARY(from_logits=True)),
        (1, "sigmoid", "binary_crossentropy"),
        (1, None, BINARY(from_logits=True)),
    ],
)
def test_predictions_are_probabilities_that_order_classes_as_the_outputs_do(
    units, activation, loss
):
    made = model(units, activation, loss)
    info, outputs = TWO if units == 1 else THREE, np.asarray(made(X))
    probabilities = np.asarray(predictions_of(made, info)(outputs))
    assert probabilities.shape == (12, info.classes)
    assert probabilities.min() >= 0
    np.testing.assert_allclose(probabilities.sum(axis=1), 1.0, atol=1e-5)
    middle = 0.5 if activation == "sigmoid" else 0.0
    guesses = outputs.argmax(axis=1) if units > 1 else outputs[:, 0] > middle
    assert (probabilities.argmax(axis=1) == guesses).all()


def test_logits_of_several_labels_become_a_probability_each():
    outputs = np.asarray(model(3, None, BINARY(from_logits=True))(X))
    found = predictions_of(model(3, None, BINARY(from_logits=True)), LABELS)(outputs)
    np.testing.assert_allclose(found, 1 / (1 + np.exp(-outputs)), atol=1e-6)


def test_an_uncompiled_model_gets_the_loss_of_its_task():
    outputs = np.asarray(model()(X))
    wanted = RNG.integers(0, 2, (12, 3)).astype(np.float32)
    assert loss_of(model(), THREE) is cross_entropy
    binary = -(wanted * np.log(outputs) + (1 - wanted) * np.log(1 - outputs)).mean(axis=1)
    np.testing.assert_allclose(loss_of(model(), LABELS)(wanted, outputs), binary, atol=1e-5)
    squares = ((wanted - outputs) ** 2).mean(axis=1)
    np.testing.assert_allclose(loss_of(model(), NUMBERS)(wanted, outputs), squares, atol=1e-6)
    for info in (THREE, LABELS, NUMBERS):
        np.testing.assert_array_equal(predictions_of(model(), info)(outputs), outputs)


def test_a_compiled_regression_keeps_its_loss_and_its_outputs():
    made, wanted = model(3, None, "mae"), RNG.normal(size=(12, 3)).astype(np.float32)
    outputs = np.asarray(made(X))
    expected = np.abs(wanted - outputs).mean(axis=1)
    np.testing.assert_allclose(loss_of(made, NUMBERS)(wanted, outputs), expected, atol=1e-6)
    np.testing.assert_array_equal(predictions_of(made, NUMBERS)(outputs), outputs)


class OwnCall(keras.losses.Loss):
    def __call__(self, y_true, y_pred, sample_weight=None):
        return keras.ops.mean(y_pred)


@pytest.mark.parametrize(
    ("loss", "reason"),
    [
        ("mse", ""),
        (own_mean, ""),
        (CROSS(), ""),
        (CROSS(reduction="sum"), "its loss has the reduction 'sum'"),
        (SPARSE(ignore_class=1), "its loss leaves out a class"),
        (OwnCall(), "its loss OwnCall has a __call__ of its own"),
        (["mse", "mae"], "its model is compiled with 2 losses"),
    ],
)
def test_what_only_keras_can_sum_up_is_told(loss, reason):
    assert only_keras_can(model(loss=loss)) == reason


def test_a_function_may_say_itself_that_it_takes_logits():
    def own(y_true, y_pred, from_logits=True):
        return y_pred

    assert takes_logits(own)
    assert not takes_logits(own_mean)
