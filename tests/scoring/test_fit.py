"""Keras's `fit` as a trainer: the graph trainer's results, and what only `fit` can do."""

from __future__ import annotations

import dataclasses

import keras
import numpy as np
import pytest
import tensorflow as tf
from conftest import EVERYTHING
from keras import layers

from automl_sem.data.dataset import read_rows
from automl_sem.errors import UserError
from automl_sem.failures import Diverged
from automl_sem.scoring.fit import Fitter, FitTrainer, input_kind
from automl_sem.scoring.recipes import make_optimizer
from automl_sem.scoring.trainer import FoldTrainer
from automl_sem.types import Recipe

ROWS = np.arange(0, 60, 5)
# 48 examples to train on: the last batch of an epoch has 8.
RECIPE = Recipe(learning_rate=0.003, batch_size=20, epochs=3)


def plain():
    return keras.Sequential(
        [
            keras.Input((8, 8, 1)),
            layers.Conv2D(4, 3, activation="relu"),
            layers.Flatten(),
            layers.Dense(3, activation="softmax"),
        ]
    )


def with_statistics():
    x = inputs = keras.Input((8, 8, 1))
    # A bias before normalisation has no gradient but rounding, which Adam makes a full step of.
    penalty = keras.regularizers.L2(0.01)
    x = layers.Conv2D(4, 3, use_bias=False, kernel_regularizer=penalty)(x)
    x = layers.BatchNormalization(momentum=0.9)(x)
    x = layers.Flatten()(layers.ReLU()(x))
    return keras.Model(inputs, layers.Dense(3, activation="softmax")(x))


class Densify(layers.Layer):
    """Before `Flatten`, which older versions of Keras do not apply to sparse images."""

    def call(self, x):
        dense = tf.sparse.to_dense(x) if isinstance(x, tf.SparseTensor) else x
        return tf.ensure_shape(dense, (None, 8, 8, 1))


def dense(**options):
    return keras.Sequential(
        [
            keras.Input((8, 8, 1), **options),
            Densify(),
            layers.Flatten(),
            layers.Dense(3, activation="softmax"),
        ]
    )


class Counting(keras.Model):
    """Counts the gradient steps that its own training step takes."""

    def __init__(self, *args, **options):
        super().__init__(*args, **options)
        self.steps = self.add_weight(shape=(), initializer="zeros", trainable=False)

    def train_step(self, data):
        self.steps.assign_add(1.0)
        return super().train_step(data)


def counting():
    inputs = keras.Input((8, 8, 1))
    x = layers.Flatten()(inputs)
    return Counting(inputs, layers.Dense(3, activation="softmax")(x))


def unbalanced(part):
    """Nine of ten examples of one class are left out."""
    keep = (part.y != 0) | (np.arange(len(part.y)) % 30 == 0) | np.isin(np.arange(60), ROWS)
    return dataclasses.replace(part, x=part.x[keep], y=part.y[keep])


def on_disk(part, path):
    np.save(path, part.x)
    return dataclasses.replace(part, x=np.load(path, mmap_mode="r"))


# The same results as the graph trainer


@pytest.mark.parametrize("build", [plain, with_statistics])
@pytest.mark.parametrize("augmented", [False, EVERYTHING], ids=bool)
def test_it_gives_what_the_graph_trainer_gives(stripes, build, augmented):
    recipe = dataclasses.replace(RECIPE, augment=augmented)
    ours = FitTrainer(build, recipe, stripes, 7).fit(1, ROWS)
    theirs = FoldTrainer(build, recipe, stripes, 7).fit(1, ROWS)
    np.testing.assert_allclose(ours.probabilities, theirs.probabilities, atol=2e-4)
    assert [p.epoch for p in ours.curve] == [p.epoch for p in theirs.curve]
    np.testing.assert_allclose(
        [(p.val_loss, p.val_share) for p in ours.curve],
        [(p.val_loss, p.val_share) for p in theirs.curve],
        atol=1e-3,
    )


def test_its_curve_tells_the_training_loss_of_the_graph_trainer(stripes):
    ours = FitTrainer(plain, RECIPE, stripes, 7).fit(1, ROWS)
    theirs = FoldTrainer(plain, RECIPE, stripes, 7).fit(1, ROWS)
    np.testing.assert_allclose(
        [p.loss for p in ours.curve], [p.loss for p in theirs.curve], rtol=1e-3
    )


@pytest.mark.parametrize(
    "change",
    [
        {"optimizer": "adamw", "weight_decay": 0.01},
        {"optimizer": "sgd", "schedule": "constant"},
        {"optimizer": "rmsprop"},
        {"clip_norm": 0.1, "optimizer": "sgd"},
        {"batch_size": 64},
        {"class_weight": "balanced"},
    ],
)
def test_it_gives_what_the_graph_trainer_gives_for_any_recipe(stripes, change):
    recipe, part = dataclasses.replace(RECIPE, **change), unbalanced(stripes)
    rows = np.arange(0, len(part.y), 5)
    ours = FitTrainer(plain, recipe, part, 7).fit(0, rows).probabilities
    theirs = FoldTrainer(plain, recipe, part, 7).fit(0, rows).probabilities
    np.testing.assert_allclose(ours, theirs, atol=2e-4)
    if "class_weight" in change or "clip_norm" in change:  # that it does something at all
        without = dataclasses.replace(recipe, class_weight="none", clip_norm=0.0)
        other = FitTrainer(plain, without, part, 7).fit(0, rows).probabilities
        assert np.abs(ours - other).max() > 1e-3


def test_a_fold_does_not_depend_on_the_folds_before_it(stripes):
    def random():
        model = with_statistics()
        x = layers.Dropout(0.3)(model.output)
        return keras.Model(model.input, layers.Softmax()(x))

    trainer = FitTrainer(random, RECIPE, stripes, 7)
    first = trainer.fit(0, ROWS).probabilities
    trainer.fit(1, ROWS + 1)
    np.testing.assert_array_equal(first, trainer.fit(0, ROWS).probabilities)


def test_it_never_trains_on_the_held_out_rows(stripes):
    seen = []
    part = dataclasses.replace(stripes, y=stripes.y.copy())
    part.x[:, 0, 0, 0] = np.arange(60)  # each image carries its row

    rows = np.setdiff1d(np.arange(60), ROWS)
    fitter = Fitter(plain(), RECIPE, part, rows, real=rows, seed=3, noise=3, steps=9)
    fitter._epoch = 1
    for images, labels, _ in fitter._read_epoch():
        seen += images[:, 0, 0, 0].tolist()
        np.testing.assert_array_equal(labels, part.y[images[:, 0, 0, 0]])
    assert sorted(seen) == rows.tolist()


# What only it can do


def test_a_training_step_of_the_model_itself_is_what_runs(stripes):
    models = []
    trainer = FitTrainer(lambda: models.append(counting()) or models[-1], RECIPE, stripes, 7)
    trainer.fit(0, ROWS)
    assert float(models[-1].steps) == 9  # 3 epochs of 3 batches


def test_a_training_step_that_tells_no_loss_is_named(stripes):
    class Silent(keras.Model):
        def train_step(self, data):
            super().train_step(data)
            return {"steps": 1.0}

    def build():
        inputs = keras.Input((8, 8, 1))
        return Silent(inputs, layers.Dense(3, activation="softmax")(layers.Flatten()(inputs)))

    with pytest.raises(ValueError, match='must return its "loss", but returned steps'):
        FitTrainer(build, RECIPE, stripes, 7).fit(0, ROWS)


def test_a_sparse_input_gets_sparse_batches_and_gives_the_dense_result(stripes):
    assert input_kind(dense(sparse=True)) == "sparse"
    ours = FitTrainer(lambda: dense(sparse=True), RECIPE, stripes, 7).fit(0, ROWS)
    theirs = FitTrainer(dense, RECIPE, stripes, 7).fit(0, ROWS)
    np.testing.assert_allclose(ours.probabilities, theirs.probabilities, atol=2e-4)


@pytest.mark.parametrize("name", ["lion", "nadam", "adafactor", "muon", "lamb"])
def test_other_optimizers_of_keras_train(stripes, name):
    recipe = Recipe(optimizer=name, learning_rate=0.003, batch_size=16, epochs=2)
    result = FitTrainer(plain, recipe, stripes, 7).fit(0, ROWS)
    still = dataclasses.replace(recipe, learning_rate=1e-12)
    before = FitTrainer(plain, still, stripes, 7).fit(0, ROWS)
    assert np.abs(result.probabilities - before.probabilities).max() > 1e-3


def test_a_memory_mapped_part_gives_the_same_result_as_one_in_memory(stripes, tmp_path):
    recipe = dataclasses.replace(RECIPE, augment=True)
    mapped = FitTrainer(plain, recipe, on_disk(stripes, tmp_path / "x.npy"), 7).fit(0, ROWS)
    in_memory = FitTrainer(plain, recipe, stripes, 7).fit(0, ROWS)
    np.testing.assert_array_equal(mapped.probabilities, in_memory.probabilities)


def test_rows_are_read_in_the_order_asked_for(tmp_path):
    np.save(tmp_path / "x.npy", np.arange(20).reshape(10, 2))
    x = np.load(tmp_path / "x.npy", mmap_mode="r")
    rows = np.array([7, 0, 7, 3])
    np.testing.assert_array_equal(read_rows(x, rows), np.asarray(x)[rows])
    assert not isinstance(read_rows(x, rows), np.memmap)


# Failures


def test_a_loss_that_is_no_longer_finite_is_reported_with_its_epoch(stripes):
    wild = Recipe(optimizer="sgd", learning_rate=1e30, epochs=5)
    with pytest.raises(Diverged, match=r"in epoch \d of fold 2|predictions of fold 2"):
        FitTrainer(plain, wild, stripes, 7).fit(2, ROWS)


def test_outputs_that_are_no_probabilities_fail_the_trial(stripes):
    def logits():
        model = plain()
        model.layers[-1].activation = keras.activations.linear
        return model

    with pytest.raises(ValueError, match="end it with a softmax"):
        FitTrainer(logits, RECIPE, stripes, 7).fit(0, ROWS)


# Optimizers by name


def test_another_optimizer_follows_the_recipe():
    recipe = Recipe(
        optimizer="Lion", learning_rate=0.5, weight_decay=0.1, clip_norm=2.0, schedule="constant"
    )
    made = make_optimizer(recipe, 5)
    assert isinstance(made, keras.optimizers.Lion)
    assert float(made.learning_rate) == 0.5
    assert (made.weight_decay, made.global_clipnorm) == (0.1, 2.0)


def test_a_schedule_reaches_other_optimizers():
    made = make_optimizer(Recipe(optimizer="nadam", learning_rate=0.5), 10)
    made.build([keras.Variable(np.zeros(1, np.float32))])
    made.iterations.assign(10)
    assert float(made.learning_rate) == pytest.approx(0.0)


def test_no_decay_means_none_for_every_weight():
    made = make_optimizer(Recipe(optimizer="muon"), 5)
    assert (made.weight_decay, made.adam_weight_decay) == (None, None)


def test_an_optimizer_that_keras_does_not_know_is_named_with_those_it_does():
    with pytest.raises(UserError) as caught:
        make_optimizer(Recipe(optimizer="adan"), 5)
    assert "unknown optimizer 'adan'" in str(caught.value)
    assert "Did you mean 'adam'?" in str(caught.value)
    assert "lion" in str(caught.value)
    assert "multioptimizer" not in str(caught.value)


@pytest.mark.parametrize("optimizer", ["", "  ", None])
def test_a_recipe_refuses_an_optimizer_without_a_name(optimizer):
    with pytest.raises(ValueError, match=r"Recipe.optimizer must be a name"):
        Recipe(optimizer=optimizer)
