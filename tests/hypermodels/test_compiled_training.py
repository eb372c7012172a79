"""A compiled model learns in a fold what Keras's `fit` teaches it, in either trainer."""

from __future__ import annotations

import dataclasses
import functools

import keras
import numpy as np
import pytest
from conftest import make_stripes
from keras import layers

from automl_sem.augment import MILD
from automl_sem.errors import UserError
from automl_sem.scoring.batches import epoch_order
from automl_sem.scoring.choose import choose_trainer
from automl_sem.scoring.fit import FitTrainer
from automl_sem.scoring.kept import from_arrays, to_arrays
from automl_sem.scoring.trainer import FoldTrainer
from automl_sem.seeds import derive_seed, seeded
from automl_sem.types import Recipe

SEED, FOLD = 7, 3
ROWS = np.arange(0, 60, 5)  # held out; 48 remain
RECIPE = Recipe(batch_size=20, epochs=3)
ATOL = 2e-5  # as in the proofs of the trainers

ADAM, SGD = keras.optimizers.Adam, keras.optimizers.SGD


class Halving(keras.optimizers.schedules.LearningRateSchedule):
    """A schedule that nobody can save."""

    def __call__(self, step):
        return 0.01 * 0.5 ** keras.ops.cast(step, "float32")


def build(optimizer, loss="sparse_categorical_crossentropy", units=3, activation="softmax"):
    model = keras.Sequential([keras.Input((8, 8, 1)), layers.Flatten()])
    model.add(layers.Dense(6, activation="relu"))
    model.add(layers.Dense(units, activation=activation))
    top_two = keras.metrics.SparseTopKCategoricalAccuracy(2, name="top_two")
    sparse = "sparse" in str(loss) and units > 1
    model.compile(optimizer(), loss, metrics=["accuracy", *([top_two] if sparse else [])])
    return model


def by_keras(make, part, labels, recipe=RECIPE):
    """Return a new model that Keras trained with the batches of our fold."""
    rows = np.setdiff1d(np.arange(60), ROWS)
    fold_seed = derive_seed(SEED, FOLD)
    with seeded(fold_seed):
        model = make()
    model.jit_compile = False
    for epoch in range(1, recipe.epochs + 1):
        order = epoch_order(rows, part.y, recipe, derive_seed(fold_seed, epoch))
        x = part.x[order] / np.float32(255)
        model.fit(x, labels[order], batch_size=recipe.batch_size, shuffle=False, verbose=0)
    return model


def values(model):
    return [np.asarray(v, np.float64) for v in model.variables]


def distance(ours, theirs):
    pairs = zip(values(ours), values(theirs), strict=True)
    return max(np.abs(a - b).max() for a, b in pairs)


def two_classes():
    part = make_stripes(60)
    return dataclasses.replace(part, y=part.y % 2, class_names=("a", "b"))


LOGITS = functools.partial(keras.losses.SparseCategoricalCrossentropy, from_logits=True)


@pytest.mark.parametrize(
    "optimizer",
    [
        lambda: ADAM(0.01, amsgrad=True, clipvalue=0.01),
        lambda: SGD(0.05),
        lambda: SGD(0.05, momentum=0.9, weight_decay=0.01, global_clipnorm=0.5),
        lambda: ADAM(keras.optimizers.schedules.CosineDecay(0.01, 9)),
        lambda: ADAM(Halving()),
        lambda: "rmsprop",
    ],
    ids=["amsgrad", "sgd", "momentum", "cosine", "own schedule", "by name"],
)
def test_the_compiled_optimizer_and_loss_give_the_weights_of_fit(stripes, optimizer):
    make = functools.partial(build, optimizer, LOGITS(), activation=None)
    trainer = choose_trainer(make, RECIPE, stripes, SEED)
    assert isinstance(trainer, FoldTrainer)
    trainer.fit(1, ROWS + 1)  # what it leaves behind must not matter
    result = trainer.fit(FOLD, ROWS)
    theirs = by_keras(make, stripes, stripes.y)
    assert distance(trainer._model, theirs) < ATOL
    logits = theirs.predict(stripes.x[ROWS] / np.float32(255), verbose=0)
    expected = np.asarray(keras.ops.softmax(logits))
    np.testing.assert_allclose(result.probabilities, expected, atol=1e-4)


def test_averages_that_the_optimizer_keeps_take_the_place_of_the_weights(stripes):
    make = functools.partial(build, lambda: ADAM(0.05, use_ema=True, ema_momentum=0.9))
    recipe = dataclasses.replace(RECIPE, epochs=1)
    trainer = choose_trainer(make, recipe, stripes, SEED)
    trainer.fit(FOLD, ROWS)
    assert distance(trainer._model, by_keras(make, stripes, stripes.y, recipe)) < ATOL


def test_metrics_are_those_that_keras_tells_of_the_held_out_rows(stripes):
    make = functools.partial(build, lambda: ADAM(0.01), LOGITS(), activation=None)
    result = choose_trainer(make, RECIPE, stripes, SEED).fit(FOLD, ROWS)
    x, y = stripes.x[ROWS] / np.float32(255), stripes.y[ROWS]
    told = by_keras(make, stripes, stripes.y).evaluate(x, y, verbose=0, return_dict=True)
    assert result.metrics.keys() == {"accuracy", "top_two"}
    for name, value in result.metrics.items():
        assert value == pytest.approx(told[name], abs=1e-6)
    assert result.metrics["accuracy"] == pytest.approx(result.accuracy)
    assert from_arrays(FOLD, to_arrays(result)).metrics == result.metrics


@pytest.mark.parametrize(
    ("loss", "units", "activation", "encode"),
    [
        ("categorical_crossentropy", 3, "softmax", lambda y: np.eye(3)[y]),
        ("binary_crossentropy", 3, "sigmoid", lambda y: np.eye(3)[y]),
        ("binary_crossentropy", 1, "sigmoid", lambda y: y[:, None]),
        (keras.losses.CategoricalCrossentropy(reduction="sum"), 3, "softmax",
         lambda y: np.eye(3)[y]),
        (keras.losses.SparseCategoricalCrossentropy(reduction="sum"), 3, "softmax", lambda y: y),
    ],
    ids=["categorical", "one by one", "one unit", "sum", "sparse sum"],
)  # fmt: skip
def test_labels_are_encoded_as_the_loss_wants_them(loss, units, activation, encode):
    part = make_stripes(60) if units == 3 else two_classes()
    make = functools.partial(build, lambda: ADAM(0.01), loss, units, activation)
    trainer = choose_trainer(make, RECIPE, part, SEED)
    assert isinstance(trainer, FoldTrainer if isinstance(loss, str) else FitTrainer)
    result = trainer.fit(FOLD, ROWS)
    theirs = by_keras(make, part, encode(part.y).astype(np.float32))
    predicted = theirs.predict(part.x[ROWS] / np.float32(255), verbose=0)
    if units == 1:
        predicted = np.concatenate([1 - predicted, predicted], axis=1)
    predicted /= predicted.sum(axis=1, keepdims=True)
    np.testing.assert_allclose(result.probabilities, predicted, atol=1e-4)


class Counting(keras.Model):
    def train_step(self, data):
        return {**super().train_step(data), "steps": 1.0}


def test_a_compiled_model_with_a_training_step_of_its_own_is_trained_by_fit(stripes):
    def make():
        inner = build(lambda: "adam")
        model = Counting(inner.inputs, inner.outputs)
        model.compile(ADAM(0.01), "sparse_categorical_crossentropy", metrics=["accuracy"])
        return model

    trainer = choose_trainer(make, RECIPE, stripes, SEED)
    assert "train_step of its own" in trainer.note
    result = trainer.fit(FOLD, ROWS)
    theirs = by_keras(make, stripes, stripes.y).predict(stripes.x[ROWS] / np.float32(255))
    np.testing.assert_allclose(result.probabilities, theirs, atol=1e-4)
    assert result.metrics["accuracy"] == pytest.approx(result.accuracy)


def test_labels_of_several_classes_need_a_loss_that_takes_them(stripes):
    sparse = functools.partial(build, lambda: "adam")
    recipe = dataclasses.replace(RECIPE, label_smoothing=0.1)
    with pytest.raises(UserError, match="the compiled loss takes class numbers"):
        choose_trainer(sparse, recipe, stripes, SEED)
    dense = functools.partial(sparse, "categorical_crossentropy")
    augmented = dataclasses.replace(recipe, augment=MILD, epochs=1)
    assert choose_trainer(dense, augmented, stripes, SEED).fit(FOLD, ROWS).probabilities.any()
