"""Which engine options mean, and what it makes of a space."""

import optuna
import pytest

from automl_sem.engines import make
from automl_sem.engines.make import (
    ORACLES,
    SAMPLERS,
    EngineChoice,
    choose_engine,
    make_engine,
    open_engine,
    plan_engine,
)
from automl_sem.engines.samplers import SAMPLERS as KINDS
from automl_sem.errors import UserError
from automl_sem.spaces.load import load_space
from automl_sem.testing.made_up import DATA, branch_space, branching_space, tiny_space


def test_what_is_left_out_has_a_default():
    assert choose_engine() == EngineChoice("optuna", "tpe", None)
    assert choose_engine("keras-tuner") == EngineChoice("keras-tuner", None, "bayesian")
    assert str(choose_engine("keras-tuner", oracle="grid")) == "keras-tuner, oracle grid"


def test_names_that_people_see_are_those_that_exist():
    assert SAMPLERS == KINDS


@pytest.mark.parametrize(
    ("options", "line"),
    [
        (("kerastuner",), "--engine: there is no engine 'kerastuner'. Did you mean 'keras-tuner'?"),
        (("optuna", "tpr"), "--sampler: there is no sampler 'tpr'. Did you mean 'tpe'?"),
        (
            ("keras-tuner", None, "bayes"),
            "--oracle: there is no oracle 'bayes'. Did you mean 'bayesian'?",
        ),
        (("optuna", None, "grid"), "--oracle: oracles are KerasTuner's, but the engine is optuna."),
        (("keras-tuner", "tpe"), "--sampler: samplers are Optuna's, but the engine is keras-tuner"),
    ],
)
def test_a_wrong_name_or_engine_is_said_in_one_line(options, line):
    with pytest.raises(UserError) as caught:
        choose_engine(*options)
    assert str(caught.value).startswith(line)
    assert "\n" not in str(caught.value)


def test_a_sampler_says_which_package_it_needs(monkeypatch):
    monkeypatch.setattr("importlib.util.find_spec", lambda _: None)
    with pytest.raises(UserError, match="pip install cmaes"):
        choose_engine("optuna", "cmaes")


def test_engine_state_of_a_newer_version_is_refused():
    study, space = optuna.create_study(), tiny_space()
    study.set_user_attr(make.STATE, make.STATE_VERSION + 1)
    factory = make_engine(EngineChoice())
    with pytest.raises(UserError, match="newer version"):
        open_engine(factory, study, space, DATA, 0, space.starts(DATA))
    with pytest.raises(UserError, match=r"newer version.*oracle 'genetic'"):
        make_engine(EngineChoice("keras-tuner", None, "genetic"))


def test_a_grid_without_an_end_is_refused(tiny_space, stripes):
    with pytest.raises(UserError, match=r"dropout takes any number.*Give hp.Float.* a step"):
        plan_engine(
            choose_engine("keras-tuner", oracle="grid"),
            load_space(tiny_space),
            stripes.info,
            13,
            "none",
        )


def test_a_grid_is_counted():
    grid = choose_engine("keras-tuner", oracle="grid")
    plan = plan_engine(grid, branch_space(), DATA, 5, "none")
    # Of a dense model 2, of a convolutional one 3 * 2.
    assert plan.candidates == 1 + 8
    assert "8 combinations beside the baseline; --trials 9 tries them all" in plan.notes[0]
    warm = plan_engine(grid, branch_space(), DATA, 5, "none", warm=2)
    assert "beside the baseline and 2 warm starts; --trials 11 tries them all" in warm.notes[0]
    many = plan_engine(grid, branching_space(), DATA, 5, "none")
    assert many.candidates is None
    assert "more than 1,000" in many.notes[0]


def test_hyperband_says_how_much_it_is_and_that_nothing_is_discarded():
    hyperband = choose_engine("keras-tuner", oracle="hyperband")
    assert not hyperband.discards
    plan = plan_engine(hyperband, branching_space(), DATA, 4, "forgiving")
    # max_epochs 9, the baseline's: brackets of 9+3+1, 5+2 and 3 trials, and the baseline.
    assert plan.candidates == 1 + 13 + 7 + 3
    assert "24 trials of 1 to 9 epochs" in plan.notes[0]
    assert "nothing is discarded (--discard forgiving)" in plan.notes[0]
    assert plan.notes[1] == "hyperband ends after 4 of its 24 trials, as --trials says"


def test_the_names_of_oracles_are_those_of_keras_tuner():
    import keras_tuner

    from automl_sem.engines.oracles import make_oracle

    for name in ORACLES:
        oracle = make_oracle(name, keras_tuner.HyperParameters(), 1)
        assert name in type(oracle).__mro__[2].__name__.lower()
