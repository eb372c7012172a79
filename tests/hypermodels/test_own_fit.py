"""A hypermodel's own fit, called as KerasTuner calls it."""

from __future__ import annotations

import keras
import keras_tuner
import numpy as np
import pytest
from hypermodel_files import LOOP, OWN_FIT

from automl_sem.errors import UserError
from automl_sem.failures import explain
from automl_sem.own_space import check_named
from automl_sem.scoring.choose import choose_trainer
from automl_sem.spaces.load import load_space
from automl_sem.spaces.own_fit import call, loss_of_fit, rehearse
from automl_sem.types import DataInfo, Recipe

INFO = DataInfo("images", (8, 8, 1), 3, 60)
ROWS = np.arange(0, 60, 5)
OPTIONS = {"epochs": 3, "callbacks": [], "verbose": 0}
X, Y = np.zeros((4, 2)), np.zeros(4)


class Recorder:
    """A model that notes what it is asked to learn."""

    def fit(self, *args, **options):
        self.args, self.options = args, options
        return {"loss": 1.0}


def own_epochs(hp, model, *args, **kwargs):
    return model.fit(*args, epochs=hp.Int("epochs", 5, 9), verbose=2, **kwargs)


def named(hp, model, x, y, validation_data, epochs=1):
    return model.fit(x, y, validation_data=validation_data, epochs=epochs)


@pytest.mark.parametrize(
    ("fit", "expected"),
    [
        (own_epochs, {"epochs": 5, "verbose": 2, "callbacks": [], "validation_data": (X, Y)}),
        (named, {"epochs": 3, "validation_data": (X, Y)}),
    ],
)
def test_what_a_fit_sets_itself_is_left_to_it(fit, expected):
    model, hp = Recorder(), keras_tuner.HyperParameters()
    call(fit, hp, model, X, Y, {**OPTIONS, "validation_data": (X, Y)})
    assert model.options == expected
    assert model.args == (X, Y)


def test_other_errors_of_a_fit_come_through():
    def broken(hp, model, x, y, **kwargs):
        raise TypeError("got multiple values for argument 'units'")

    with pytest.raises(TypeError, match="units"):
        call(broken, None, None, X, Y, OPTIONS)


def test_a_rehearsal_names_hyperparameters_and_trains_nothing():
    seen = []

    def fit(hp, model, x, y, validation_data, **kwargs):
        size = hp.Choice("batch_size", [8, 16])
        seen.append((x.shape, set(y.tolist()), len(validation_data), model.count_params()))
        try:
            model(x[:size], training=True)
        except Exception:
            seen.append("stopped by an error that can be caught")
        hp.Int("later", 1, 2)
        seen.append("after the training")

    model = keras.Sequential([keras.Input((8, 8, 1)), keras.layers.Flatten()])
    hp = keras_tuner.HyperParameters()
    rehearse(fit, hp, model, INFO, OPTIONS)
    assert seen == [((24, 8, 8, 1), {0, 1, 2}, 2, 0)]
    assert hp.values == {"batch_size": 8}


@pytest.mark.parametrize(
    ("info", "shape"),
    [
        (DataInfo("images", (8, 8, 1), 0, 60, task="regression", outputs=2), (2,)),
        (DataInfo("images", (8, 8, 1), 4, 60, task="multi-label"), (4,)),
        (INFO, (3,)),  # as a loss wants them that is not sparse
        (INFO, ()),
    ],
)
def test_a_rehearsal_has_targets_as_the_data_have_them(info, shape):
    def picky(hp, model, x, y, **kwargs):
        assert y.shape[1:] == shape
        hp.Boolean("named")
        model.fit(x, y)

    hp = keras_tuner.HyperParameters()
    rehearse(picky, hp, None, info, OPTIONS)
    assert hp.values == {"named": False}


def test_a_rehearsal_that_fails_for_the_examples_sake_is_no_matter():
    def picky(hp, model, x, y, **kwargs):
        hp.Boolean("named")
        raise ValueError("these are not my data")

    hp = keras_tuner.HyperParameters()
    rehearse(picky, hp, None, INFO, OPTIONS)
    assert hp.values == {"named": False}


@pytest.mark.parametrize(
    ("told", "loss"),
    [
        (0.5, 0.5),
        ({"val_loss": 2.0, "loss": 1.0}, 1.0),
        ({"val_accuracy": 0.7}, 0.7),
        ({"loss": [3.0, 2.0]}, 2.0),
    ],
)
def test_a_fit_tells_its_loss_in_the_ways_that_kerastuner_takes(told, loss):
    assert loss_of_fit(told) == loss
    history = keras.callbacks.History()
    history.history = {"loss": [loss]}
    assert loss_of_fit(history) == loss


@pytest.mark.parametrize("told", [None, {}, "0.5 or so"])
def test_a_fit_that_tells_nothing_is_named(told):
    with pytest.raises(UserError, match=r"the fit of the hypermodel returned .* must return what"):
        loss_of_fit(told)


@pytest.mark.parametrize("text", [OWN_FIT, LOOP], ids=["model.fit", "loop"])
def test_a_fold_is_trained_by_the_fit_and_scored_on_what_the_model_predicts(
    tmp_path, stripes, reproducible, text
):
    path = tmp_path / "mine.py"
    path.write_text(text)
    space = load_space(path)
    values, recipe = {"units": 8, "batch_size": 8}, Recipe(epochs=1)

    def fold():
        trainer = choose_trainer(
            lambda: space.rebuild(values, INFO),
            recipe,
            stripes,
            7,
            build_to_fit=lambda: space.rebuild_to_fit(values, INFO, recipe),
        )
        assert "sees the held-out examples" in trainer.note
        return trainer.fit(0, ROWS)

    result = fold()
    assert result.probabilities.shape == (12, 3)
    assert np.isfinite(result.curve[-1].loss)
    assert result.metrics == (
        {"accuracy": pytest.approx(result.accuracy)} if text == OWN_FIT else {}
    )
    np.testing.assert_array_equal(fold().probabilities, result.probabilities)


def test_a_check_does_not_say_that_what_a_fit_asks_for_does_nothing(tmp_path, stripes):
    np.savez(tmp_path / "stripes.npz", x_train=stripes.x, y_train=stripes.y)

    def found(text):
        (tmp_path / "mine.py").write_text(text)
        return check_named(str(tmp_path / "mine.py"), str(tmp_path / "stripes.npz"), samples=5)

    plain = found(OWN_FIT)
    assert plain.fine, plain.summary()
    assert (plain.hyperparameters, plain.notes) == (4, ())
    single = found(OWN_FIT.replace('"shuffle")', '"shuffle"), x=hp.Choice("single", [1])'))
    assert [(d.kind, d.names) for d in single.defects] == [("constant", ("single",))]


def test_a_fit_is_given_the_epochs_of_its_candidate(tmp_path, monkeypatch):
    path = tmp_path / "mine.py"
    path.write_text(OWN_FIT.replace('epochs=hp.Int("epochs", 1, 2),', ""))
    space, asked = load_space(path), []
    monkeypatch.setattr(
        keras.Model, "fit", lambda self, *_, epochs, **more: asked.append(epochs) or {"loss": 1.0}
    )
    for epochs in (1, 3):  # as Hyperband's rungs have them
        _, fit = space.rebuild_to_fit({"units": 8}, INFO, Recipe(epochs=epochs))
        fit(X, Y, None)
    assert asked == [1, 3]


def test_a_fit_is_not_said_to_train_on_changed_examples(stripes):
    with pytest.raises(UserError, match="is given the examples as they are"):
        choose_trainer(None, Recipe(augment=True), stripes, 7, build_to_fit=lambda: None)


def test_a_candidate_that_is_given_up_is_no_defect():
    outcome = explain(keras_tuner.errors.FailedTrialError("too\nslow"))
    assert (outcome.status, outcome.reason) == ("infeasible", "too slow")
    assert explain(ValueError("no")).status == "failed"
