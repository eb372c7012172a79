"""Classifiers that learn from fakes as well."""

import numpy as np
import pytest
from keras import Input, Model, layers
from small_forger import images_of, make_part

from automl_sem.replicas import epoch_trainer
from automl_sem.scoring.fit import FitTrainer
from automl_sem.scoring.gan.fakes import Fakes
from automl_sem.scoring.inputs import PictureInputs
from automl_sem.scoring.recipes import fold_steps
from automl_sem.scoring.trainer import FoldTrainer
from automl_sem.types import Augment, Recipe

FOLDS = {0: np.arange(9), 1: np.arange(9, 29)}


def build(classes=3):
    inputs = Input((8, 8, 1))
    x = layers.Dense(6, activation="relu")(layers.Flatten()(inputs))
    return Model(inputs, layers.Dense(classes, activation="softmax")(x))


def drawn(held_out, kept=1.0):
    """Return fakes of a fold, of each class fewer than there are real ones."""
    labels = np.delete(make_part().y, held_out)
    labels = labels[: round(kept * len(labels))]
    return Fakes(images_of(labels, 9), labels, np.zeros(3, np.int64))


def forbidden(_):
    raise AssertionError("no fakes were asked for")


def trainer(kind=FoldTrainer, draw=None, **recipe):
    given = {"learning_rate": 0.02, "batch_size": 8, "epochs": 4, **recipe}
    return kind(build, Recipe(**given), make_part(), 7, fakes=draw)


def curve(result):
    return [(point.epoch, point.loss, point.val_loss) for point in result.curve]


@pytest.mark.parametrize("kind", [FoldTrainer, FitTrainer])
def test_a_share_of_none_is_as_if_there_were_no_gan(kind, reproducible):
    without = trainer(kind).fit(0, FOLDS[0])
    none = trainer(kind, forbidden, fakes=0.0).fit(0, FOLDS[0])
    np.testing.assert_array_equal(without.probabilities, none.probabilities)
    assert curve(without) == curve(none)


def test_folds_with_different_numbers_of_fakes_share_a_trace(reproducible):
    ours = trainer(draw=drawn, fakes=1.0)
    first = ours.fit(0, FOLDS[0])
    second = ours.fit(1, FOLDS[1])
    assert ours._epoch.experimental_get_tracing_count() == 1
    np.testing.assert_array_equal(second.indices, FOLDS[1])
    alone = trainer(draw=drawn, fakes=1.0).fit(1, FOLDS[1])
    np.testing.assert_array_equal(second.probabilities, alone.probabilities)
    without = trainer().fit(0, FOLDS[0])
    assert np.abs(first.probabilities - without.probabilities).max() > 1e-3


@pytest.mark.parametrize("length", [{"epochs": 4}, {"steps": 40}])
@pytest.mark.parametrize("share", [0.0, 0.5, 1.0])
def test_steps_are_as_many_with_fakes_as_without(length, share):
    ours = trainer(draw=drawn, fakes=share, **length)
    ours.fit(0, FOLDS[0])
    steps = int(ours._optimizer.iterations)
    assert steps == int(ours._steps)  # over which the learning rate decays
    an_epoch = -(-round(36 * (1 + share)) // 8)
    assert abs(steps - fold_steps(ours._recipe, 36)) <= an_epoch / 2


@pytest.mark.slow
@pytest.mark.parametrize("augment", [False, Augment(shift=0.2, noise=0.1)])
def test_keras_fit_learns_the_same_from_fakes(augment, reproducible):
    recipe = {"fakes": 0.5, "augment": augment, "class_weight": "balanced"}
    ours = trainer(draw=drawn, **recipe).fit(0, FOLDS[0])
    theirs = trainer(FitTrainer, drawn, **recipe).fit(0, FOLDS[0])
    np.testing.assert_allclose(ours.probabilities, theirs.probabilities, atol=2e-4)


@pytest.mark.parametrize("kind", [FoldTrainer, FitTrainer])
def test_a_fold_without_fakes_says_why_and_goes_on(kind, reproducible):
    def failed(_):
        none = np.zeros((0, 8, 8, 1), np.uint8), np.zeros(0, np.int64)
        return Fakes(*none, np.zeros(3, np.int64), "it collapsed")

    ours = trainer(kind, failed, fakes=1.0)
    result = ours.fit(0, FOLDS[0])
    assert "no fake images in a fold: it collapsed" in ours.note
    np.testing.assert_array_equal(
        result.probabilities, trainer(kind).fit(0, FOLDS[0]).probabilities
    )
    with pytest.raises(ValueError, match=r"Recipe\.fakes must be from 0 to 1\. Received: 1\.5"):
        Recipe(fakes=1.5)


@pytest.fixture
def fitted_on(monkeypatch):
    """The rows of which the background was learnt, training by training."""
    seen, fit = [], PictureInputs.fit
    monkeypatch.setattr(
        PictureInputs, "fit", lambda self, rows: seen.append(rows.tolist()) or fit(self, rows)
    )
    return seen


@pytest.mark.parametrize("kind", [FoldTrainer, FitTrainer])
def test_the_background_is_that_of_real_images(kind, fitted_on):
    trainer(kind, drawn, fakes=1.0, epochs=1).fit(0, FOLDS[0])
    assert fitted_on == [list(range(9, 45))]


class Own(Model):
    def train_step(self, data):
        return super().train_step(data)


def build_own():
    made = build()
    return Own(made.inputs, made.outputs)


@pytest.mark.parametrize("make", [build, build_own])
def test_the_background_of_a_retraining_is_that_of_real_images(make, fitted_on):
    real = np.arange(30)
    epoch_trainer(make, Recipe(), make_part(), real=real, seed=1, steps=9, devices=["CPU:0"])
    assert fitted_on == [list(range(30))]
