"""The engine: proposals are a function of the record, outcomes are told as TPE needs them."""

import numpy as np
import optuna
import pytest

from automl_sem.engines.optuna import OptunaEngine
from automl_sem.engines.samplers import STARTUP_TRIALS
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

    def make(study=None, seed=0, space=space):
        study = study or optuna.create_study(direction="minimize")
        return OptunaEngine(study, space, stripes.info, seed, space.starts(stripes.info)), study

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


def test_the_journal_lock_waits_for_nothing_that_is_gone(tmp_path):
    path = tmp_path / "study.lock"
    path.write_text("left by a process that died")
    lock = FileLock(path)
    assert lock.acquire()
    lock.release()
    assert lock.acquire()
