"""Who trains a candidate: the graph trainer whenever it can, Keras's `fit` with a reason."""

from __future__ import annotations

import dataclasses

import keras
import numpy as np
import pytest
from keras import layers

from automl_sem.data import examples
from automl_sem.errors import UserError
from automl_sem.failures import explain
from automl_sem.recipe import OPTIMIZERS
from automl_sem.scoring.choose import choose_trainer, only_fit_can
from automl_sem.scoring.fit import FitTrainer
from automl_sem.scoring.trainer import FoldTrainer
from automl_sem.types import Recipe

ROWS = np.arange(0, 60, 5)
RECIPE = Recipe(learning_rate=0.003, batch_size=16, epochs=2)


class OwnStep(keras.Model):
    def train_step(self, data):
        return super().train_step(data)


class Inherited(OwnStep):
    pass


class OwnLoss(keras.Model):
    def compute_loss(self, *args, **options):
        return super().compute_loss(*args, **options)


class OnlyCall(keras.Model):
    def call(self, *args, **options):
        return super().call(*args, **options)


class OnlyTestStep(keras.Model):
    def test_step(self, data):
        return super().test_step(data)


def model(kind=keras.Model, **options):
    inputs = keras.Input((8, 8, 1), **options)
    x = layers.Reshape((64,))(inputs)
    return kind(inputs, layers.Dense(3, activation="softmax")(x))


def sequential():
    return keras.Sequential(
        [keras.Input((8, 8, 1)), layers.Flatten(), layers.Dense(3, activation="softmax")]
    )


def on_disk(part, path):
    np.save(path, part.x)
    return dataclasses.replace(part, x=np.load(path, mmap_mode="r"))


@pytest.mark.parametrize(
    "build",
    [model, sequential, lambda: model(OnlyCall), lambda: model(OnlyTestStep)],
    ids=["functional", "sequential", "own call", "own test_step"],
)
def test_the_graph_trainer_takes_what_it_can(stripes, build):
    trainer = choose_trainer(build, RECIPE, stripes, 7)
    assert isinstance(trainer, FoldTrainer)
    assert trainer.note == ""


@pytest.mark.parametrize("optimizer", [*OPTIMIZERS, "AdamW"])
def test_the_graph_trainer_takes_the_optimizers_of_recipes(stripes, optimizer):
    recipe = dataclasses.replace(RECIPE, optimizer=optimizer)
    assert isinstance(choose_trainer(model, recipe, stripes, 7), FoldTrainer)


@pytest.mark.parametrize(
    ("build", "reason"),
    [
        (lambda: model(OwnStep), "its model has a train_step of its own"),
        (lambda: model(Inherited), "its model has a train_step of its own"),
        (lambda: model(OwnLoss), "its model has a compute_loss of its own"),
        (lambda: model(sparse=True), "its model takes a sparse input"),
        (lambda: model(ragged=True), "its model takes a ragged input"),
    ],
    ids=["train_step", "inherited train_step", "compute_loss", "sparse", "ragged"],
)
def test_fit_takes_such_models_and_says_why(stripes, build, reason):
    trainer = choose_trainer(build, RECIPE, stripes, 7)
    assert isinstance(trainer, FitTrainer)
    assert trainer.note == f"trained by Keras's fit: {reason}"


def test_a_step_given_to_the_model_alone_counts_too():
    changed = model()
    changed.train_step = lambda _data: {"loss": 0.0}
    assert only_fit_can(changed) == ["its model has a train_step of its own"]


def test_fit_takes_other_optimizers_of_keras_and_trains(stripes):
    recipe = dataclasses.replace(RECIPE, optimizer="Lion")
    trainer = choose_trainer(model, recipe, stripes, 7)
    assert trainer.note == (
        "trained by Keras's fit: optimizer 'lion' is not one of adam, adamw, sgd, rmsprop"
    )
    assert np.isfinite(trainer.fit(0, ROWS).log_loss)


def test_fit_takes_what_is_larger_than_memory_and_only_that(stripes, tmp_path, monkeypatch):
    part = on_disk(stripes, tmp_path / "x.npy")
    assert isinstance(choose_trainer(model, RECIPE, part, 7), FoldTrainer)
    monkeypatch.setattr(examples, "SHARE_OF_MEMORY", 0.0)
    trainer = choose_trainer(model, RECIPE, part, 7)
    assert isinstance(trainer, FitTrainer)
    assert trainer.note == "trained by Keras's fit: the examples are too large to be held in memory"


def test_several_reasons_stand_on_one_line(stripes):
    recipe = dataclasses.replace(RECIPE, optimizer="nadam")
    note = choose_trainer(lambda: model(OwnStep, sparse=True), recipe, stripes, 7).note
    assert "train_step" in note
    assert "sparse" in note
    assert "nadam" in note
    assert "\n" not in note


def test_an_optimizer_that_keras_does_not_know_fails_the_trial_before_it_trains(stripes):
    recipe = dataclasses.replace(RECIPE, optimizer="adan")
    with pytest.raises(UserError) as caught:
        choose_trainer(model, recipe, stripes, 7)
    outcome = explain(caught.value)
    assert outcome.status == "failed"
    assert outcome.reason.startswith("recipe: unknown optimizer 'adan'. Did you mean 'adam'?")
