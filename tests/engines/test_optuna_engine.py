"""The engine: proposals are a function of the record, outcomes are told as TPE needs them."""

import numpy as np
import optuna
import pytest

from automl_sem.costs import COSTS, Demands
from automl_sem.engines.optuna import OptunaEngine
from automl_sem.engines.samplers import STARTUP_TRIALS
from automl_sem.engines.values import from_study, to_study
from automl_sem.goals import Goal, Measured
from automl_sem.run import FileLock
from automl_sem.spaces.load import load_space
from automl_sem.types import FoldResult, Outcome, Score


def scored(value: float) -> Outcome:
    empty = np.zeros(1, np.int64), np.zeros((1, 3), np.float32)
    return Outcome("scored", score=Score((FoldResult(0, *empty, value, 0.5),)))


def quality(candidate) -> Outcome:
    """A score that depends on the hyperparameters only; some candidates diverge."""
    units, rate = candidate.values["units"], candidate.values["rate"]
    if units == 13:
        return Outcome("diverged", "NaN")
    return scored((units - 9) ** 2 + abs(np.log(rate / 0.02)) + candidate.values["dropout"])


@pytest.fixture
def make_engine(tiny_space, stripes, tmp_path):
    space = load_space(tiny_space)

    def make(study=None, seed=0, space=space, goals=(), **more):
        if study is None:
            study = optuna.create_study(directions=[g.direction for g in goals] or ["minimize"])
        starts = space.starts(stripes.info)
        more = {"goals": goals, **more}
        return OptunaEngine(study, space, stripes.info, seed, starts, **more), study

    return make


def walk(engine, trials):
    asked = []
    for _ in range(trials):
        candidate = engine.ask()
        asked.append((candidate.trial, dict(candidate.values), candidate.proposed_by))
        engine.tell(candidate, quality(candidate))
    return asked


def test_trial_0_is_the_baseline_and_the_model_proposes_after_the_start(make_engine):
    asked = walk(make_engine()[0], 8)
    assert asked[0][1]["units"] == 8
    assert asked[0][1]["rate"] == 0.01
    assert [origin for *_, origin in asked[:2]] == ["baseline", "start-up"]
    assert all(origin == "model" for *_, origin in asked[STARTUP_TRIALS:])


def test_a_search_killed_after_any_ask_goes_the_way_of_an_undisturbed_one(make_engine):
    undisturbed = walk(make_engine(seed=5)[0], 14)
    study, asked = None, []
    for number in range(14):
        engine, study = make_engine(study, seed=5)
        engine.ask()  # the process dies here, the trial stays RUNNING
        engine, study = make_engine(study, seed=5)
        assert engine.unfinished()
        candidate = engine.ask()
        assert not engine.unfinished()
        assert candidate.trial == number
        asked.append((candidate.trial, dict(candidate.values), candidate.proposed_by))
        engine.tell(candidate, quality(candidate))
    assert asked == undisturbed


def test_other_seeds_propose_otherwise(make_engine):
    assert walk(make_engine(seed=1)[0], 6)[1:] != walk(make_engine(seed=2)[0], 6)[1:]


def test_the_model_finds_a_better_candidate_than_chance(make_engine):
    engine, study = make_engine()
    walk(engine, 40)
    random_engine, random_study = make_engine()
    random_study.sampler = optuna.samplers.RandomSampler(seed=0)
    walk(random_engine, 40)

    def last_mean(s):
        return np.mean([t.value for t in s.trials[20:] if t.value is not None])

    assert last_mean(study) < last_mean(random_study)


@pytest.mark.parametrize(
    ("outcome", "state", "constraints"),
    [
        (Outcome("diverged", "NaN in epoch 3"), "PRUNED", {}),
        (Outcome("out_of_memory", "too large"), "PRUNED", {"memory": 1.0}),
        (Outcome("failed", "ValueError: no"), "FAIL", {}),
        (scored(0.5), "COMPLETE", {}),
    ],
)
def test_an_outcome_is_told_as_the_sampler_needs_it(make_engine, outcome, state, constraints):
    engine, study = make_engine()
    engine.tell(engine.ask(), outcome)
    trial = study.trials[0]
    assert trial.state.name == state
    assert trial.constraints == constraints
    assert trial.user_attrs.get("reason", "") == outcome.reason


def ask_and_tell(engine, trials):
    """Run trials in which every candidate that can be built scores alike."""
    candidates = []
    for _ in range(trials):
        candidates.append(engine.ask())
        engine.tell(candidates[-1], candidates[-1].broken or scored(1.0))
    return candidates


def test_a_candidate_that_cannot_be_built_is_broken_with_its_reason(make_engine, tmp_path):
    path = tmp_path / "fragile.py"
    path.write_text(
        "from keras import Model, Input, layers\n"
        "def build(hp, data):\n"
        "    if hp.Boolean('bad'):\n"
        "        raise ValueError('no such layer')\n"
        "    x = inputs = Input(data.input_shape)\n"
        "    x = layers.Flatten()(x)\n"
        "    return Model(inputs, layers.Dense(data.classes, activation='softmax')(x))\n"
    )
    engine, _ = make_engine(space=load_space(path))
    candidates = ask_and_tell(engine, 12)
    broken = [c for c in candidates if c.broken]
    assert broken
    assert all(c.values["bad"] for c in broken)
    assert broken[0].broken == Outcome("failed", "ValueError: no such layer")
    assert any(not c.broken for c in candidates)


def test_a_model_too_large_to_build_is_a_violated_constraint(make_engine, tmp_path):
    path = tmp_path / "huge.py"
    path.write_text(
        "from keras import Model, Input, layers\n"
        "def build(hp, data):\n"
        "    if hp.Choice('size', ['small', 'huge']) == 'huge':\n"
        "        raise MemoryError\n"
        "    x = inputs = Input(data.input_shape)\n"
        "    x = layers.Flatten()(x)\n"
        "    return Model(inputs, layers.Dense(data.classes, activation='softmax')(x))\n"
    )
    engine, _ = make_engine(space=load_space(path))
    candidates = ask_and_tell(engine, 8)
    assert {c.broken.status for c in candidates if c.broken} == {"out_of_memory"}


ACCURACY = Goal("accuracy", "accuracy", maximize=True)
PARAMS = Goal("params", "weights", cost=True)


def right(share: float, folds: int = 1) -> Score:
    empty = np.zeros(1, np.int64), np.zeros((1, 3), np.float32)
    fold = FoldResult(0, *empty, 0.5, share, measured=(Measured(ACCURACY, share),))
    return Score((fold,) * folds)


def test_a_study_speaks_peoples_numbers_and_the_search_minimises(make_engine):
    engine, study = make_engine(goals=(ACCURACY,))
    for share in (0.6, 0.9, 0.8):
        engine.tell(engine.ask(), Outcome("scored", score=right(share)))
    assert [trial.value for trial in study.trials] == [0.6, 0.9, 0.8]
    assert study.best_trial.number == 1
    assert engine.incumbent() == (-0.9,)
    engine.tell(engine.ask(), Outcome("discarded", "behind", partial=right(0.3)))
    assert study.trials[3].intermediate_values == {0: 0.3}
    assert study.trials[3].value == 0.3
    again, _ = make_engine(study, goals=(ACCURACY,))
    assert again.incumbent() == (-0.9,)
    assert from_study(study, to_study(study, [-0.25])) == [-0.25]


def test_of_several_objectives_each_has_a_value_and_the_front_is_optunas(make_engine):
    goals = (ACCURACY, PARAMS)
    engine, study = make_engine(goals=goals, demands=Demands(wanted=["params"]))
    for number in range(12):
        candidate = engine.ask()
        score = right(1 - 1 / candidate.values["units"])
        outcome = Outcome("scored", score=score) if number % 5 != 3 else Outcome("diverged", "NaN")
        engine.tell(candidate, outcome)
    told = [trial for trial in study.trials if trial.values]
    assert all(trial.values[1] == trial.user_attrs["parameters"] for trial in told)
    assert len(told) == 10
    assert study.best_trials


def test_a_candidate_beyond_a_limit_is_never_trained_and_the_model_learns_from_it(make_engine):
    demands = Demands({"params": 600.0})  # 8 units have 547 weights, 9 have 615
    engine, study = make_engine(demands=demands)
    broken = []
    for _ in range(40):
        candidate = engine.ask()
        broken.append(candidate.broken is not None)
        outcome = candidate.broken or scored(abs(np.log(candidate.values["rate"] / 0.02)))
        engine.tell(candidate, outcome)
    assert engine.infeasible == sum(broken)
    assert sum(broken[-20:]) < 20 * 4 / 13  # of chance it would be 8 in 13
    for trial, beyond in zip(study.trials, broken, strict=True):
        assert (trial.constraints["max_params"] > 0) is beyond
        assert trial.state.name == ("PRUNED" if beyond else "COMPLETE")
    first = next(t for t in study.trials if t.user_attrs.get("status") == "infeasible")
    assert first.user_attrs["reason"].endswith("weights, --max-params allows 600 weights")
    again, _ = make_engine(study, demands=demands)
    assert again.infeasible == engine.infeasible


def test_a_baseline_beyond_a_limit_is_trained_but_never_the_one_to_beat(make_engine):
    demands = Demands({"params": 500.0})
    engine, study = make_engine(demands=demands)
    baseline = engine.ask()
    assert baseline.broken is None
    assert baseline.over_limits == "547 weights, --max-params allows 500 weights"
    engine.tell(baseline, scored(0.1))
    assert engine.incumbent() is None
    assert study.trials[0].constraints["max_params"] > 0
    while (candidate := engine.ask()).broken:
        engine.tell(candidate, candidate.broken)
    engine.tell(candidate, scored(0.5))
    assert engine.incumbent() == (0.5,)
    assert study.best_trial.number == candidate.trial
    assert make_engine(study, demands=demands)[0].incumbent() == (0.5,)


def test_all_costs_of_a_baseline_beyond_a_limit_are_known_since_it_is_trained(make_engine):
    goals = ACCURACY, Goal("latency_ms", "latency", cost=True)
    demands = Demands({"params": 500.0}, wanted=["latency_ms"])
    engine, study = make_engine(goals=goals, demands=demands)
    baseline = engine.ask()
    assert baseline.over_limits
    engine.tell(baseline, Outcome("scored", score=right(0.5)))
    assert study.trials[0].values == [0.5, baseline.costs["latency_ms"]]


def test_what_is_given_up_while_it_trains_breaks_a_constraint_within_limits_too(make_engine):
    engine, study = make_engine(demands=Demands({"params": 600.0}))
    engine.tell(engine.ask(), Outcome("infeasible", "its space gave it up"))
    assert study.trials[0].constraints["given_up"] > 0
    assert study.trials[0].constraints["max_params"] < 0


def test_times_are_measured_once_even_if_the_process_dies(make_engine):
    demands = Demands(wanted=list(COSTS))
    engine, study = make_engine(demands=demands)
    first = engine.ask().costs
    assert set(first) == set(COSTS)
    again, _ = make_engine(study, demands=demands)
    assert again.ask().costs == first


def test_the_journal_lock_waits_for_nothing_that_is_gone(tmp_path):
    path = tmp_path / "study.lock"
    path.write_text("left by a process that died")
    lock = FileLock(path)
    assert lock.acquire()
    lock.release()
    assert lock.acquire()
