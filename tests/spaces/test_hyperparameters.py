"""The hp adapter: every value comes from the trial, and the model rebuilds from plain hp."""

import keras_tuner
import optuna
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from automl_sem.spaces.hyperparameters import OptunaHyperParameters
from automl_sem.spaces.parameters import in_range, study_name, study_value


def everything(hp):
    """Every kind of hyperparameter, nested conditions, name scopes, a name in two branches."""
    values = [
        hp.Int("depth", 1, 9, step=2),
        hp.Int("units", 8, 512, sampling="log"),
        hp.Int("log_steps", 4, 64, step=2, sampling="log"),
        hp.Float("rate", 1e-5, 1e-1, sampling="log"),
        hp.Float("share", 0.0, 1.0, step=0.25),
        hp.Float("late", 0.01, 1.0, sampling="reverse_log"),
        hp.Boolean("flag"),
        hp.Fixed("constant", 7),
    ]
    kind = hp.Choice("kind", ["plain", "deep"])
    with hp.conditional_scope("kind", ["plain"]):
        values.append(hp.Int("blocks", 1, 2))
    with hp.conditional_scope("kind", ["deep"]):
        values.append(hp.Int("blocks", 5, 9))
        nested = hp.Boolean("nested")
        with hp.conditional_scope("nested", [True]), hp.name_scope("inner"):
            values.append(hp.Float("dropout", 0.0, 0.5))
        values.append(nested)
    return [kind, *values]


def study(seed):
    return optuna.create_study(sampler=optuna.samplers.RandomSampler(seed=seed))


@given(seed=st.integers(0, 10_000))
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_a_plain_hp_with_the_recorded_values_rebuilds_the_same(seed):
    hp = OptunaHyperParameters(study(seed).ask())
    drawn = everything(hp)
    plain = keras_tuner.HyperParameters.from_config(hp.get_config())
    assert everything(plain) == drawn
    bare = keras_tuner.HyperParameters()
    bare.values = dict(hp.values)
    assert everything(bare) == drawn


@given(seed=st.integers(0, 10_000))
@settings(max_examples=40, deadline=None)
def test_every_drawn_value_is_in_range_and_of_its_type(seed):
    hp = OptunaHyperParameters(study(seed).ask())
    everything(hp)
    active = [h for h in hp.space if hp.is_active(h)]
    assert all(in_range(h, hp.values[h.name]) for h in active)
    assert isinstance(hp.values["units"], int)
    assert isinstance(hp.values["log_steps"], int)


def test_an_inactive_hyperparameter_is_not_drawn():
    trial = study(0).ask()
    hp = OptunaHyperParameters(trial)
    everything(hp)
    branch = hp.values["kind"]
    other = "deep" if branch == "plain" else "plain"
    assert f"blocks[kind={branch}]" in trial.params
    assert f"blocks[kind={other}]" not in trial.params


def test_a_trial_reopened_in_another_process_gets_its_old_values_back():
    first = study(3)
    trial = first.ask()
    drawn = everything(OptunaHyperParameters(trial))
    again = optuna.trial.Trial(first, trial._trial_id)
    first.sampler = optuna.samplers.RandomSampler(seed=99)
    assert everything(OptunaHyperParameters(again)) == drawn


def test_a_fixed_value_is_used_and_not_drawn():
    trial = study(0).ask()
    hp = OptunaHyperParameters(trial, {"depth": 4})
    assert everything(hp)[1] == 4
    assert "depth" not in trial.params


def test_start_values_survive_the_way_through_the_study():
    trial_hp = OptunaHyperParameters(study(0).ask())
    everything(trial_hp)
    by_name = {h.name: h for h in trial_hp.space if trial_hp.is_active(h)}
    wanted = {"log_steps": 16, "late": 0.3, "rate": 0.01, "share": 0.5}
    target = study(1)
    target.enqueue_trial(
        {study_name(by_name[n]): study_value(by_name[n], v) for n, v in wanted.items()}
    )
    hp = OptunaHyperParameters(target.ask())
    everything(hp)
    assert {n: hp.values[n] for n in wanted} == pytest.approx(wanted)


@pytest.mark.parametrize(
    ("make", "value", "expected"),
    [
        (lambda hp: hp.Int("a", 1, 5), 5, True),
        (lambda hp: hp.Int("a", 1, 5), 6, False),
        (lambda hp: hp.Int("a", 1, 5), 2.5, False),
        (lambda hp: hp.Int("a", 1, 5), True, False),
        (lambda hp: hp.Float("a", 0.0, 1.0), 1, True),
        (lambda hp: hp.Float("a", 0.0, 1.0), "x", False),
        (lambda hp: hp.Choice("a", ["x", "y"]), "z", False),
        (lambda hp: hp.Choice("a", [0, 1]), True, False),
        (lambda hp: hp.Boolean("a"), 1, False),
        (lambda hp: hp.Fixed("a", 3), 3, True),
    ],
)
def test_in_range(make, value, expected):
    hp = keras_tuner.HyperParameters()
    make(hp)
    assert in_range(hp.space[0], value) is expected
