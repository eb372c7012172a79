"""KerasTuner's oracles as an engine: what is particular to each."""

from dataclasses import replace

import optuna
import pytest

from automl_sem.costs import Demands
from automl_sem.engines.keras_tuner import ENDED, NOTED, KerasTunerEngine
from automl_sem.engines.whole_space import whole_space
from automl_sem.errors import UserError
from automl_sem.spaces.load import load_space
from automl_sem.testing.made_up import (
    DATA,
    branch_space,
    branching_space,
    made_up,
    outcome_of,
    score_of,
    sized_space,
    tiny_space,
)
from automl_sem.types import Outcome


def open_engine(oracle, space=None, study=None, warm=(), seed=0, **more):
    space = space or branching_space()
    study = study or optuna.create_study()
    starts = space.starts(DATA)
    engine = KerasTunerEngine(study, space, DATA, seed, starts, warm=warm, oracle=oracle, **more)
    return engine, study


def walk(engine, trials=100, outcome=made_up):
    found = []
    while len(found) < trials and (candidate := engine.ask()) is not None:
        found.append(candidate)
        engine.tell(candidate, outcome_of(candidate, outcome))
    return found


@pytest.mark.parametrize("oracle", ["random", "grid", "hyperband"])
def test_the_baseline_and_warm_starts_come_first(oracle):
    warm = {"kind": "none", "width": 5, "rate": 0.01}
    engine, _ = open_engine(oracle, warm=[branching_space().fitting(warm, DATA)])
    found = walk(engine, 3)
    assert [c.proposed_by for c in found[:2]] == ["baseline", "warm start"]
    assert found[0].values["units"] == 8
    assert found[1].values == {**warm, "rate": pytest.approx(0.01)}
    assert found[2].proposed_by == ("grid" if oracle == "grid" else "random")


def test_hyperband_trains_each_rung_from_scratch_for_its_epochs():
    engine, study = open_engine("hyperband")
    found = walk(engine)
    assert len(found) == 24
    assert engine.ask() is None
    epochs = [candidate.recipe.epochs for candidate in found]
    # The baseline for as long as its recipe says; then 9 trials of an epoch, 3 of 3, 1 of 9.
    assert epochs[:14] == [9] + [1] * 9 + [3] * 3 + [9]
    promoted = found[10]
    assert promoted.proposed_by == "promoted"
    below = min(found[1:10], key=lambda c: made_up(c).score.objective)
    assert promoted.values == below.values
    assert promoted.repeats is None  # as long as it is trained otherwise
    # Nothing of KerasTuner's is among what rebuilds a model.
    assert not any("tuner/" in name for c in found for name in c.values)
    branching_space().rebuild(promoted.values, DATA)
    assert study.trials[10].user_attrs[NOTED]["values"]["tuner/epochs"] == 3


def test_hyperband_takes_its_longest_training_from_the_flag():
    engine, _ = open_engine("hyperband", branching_space().with_fixed(epochs=2))
    assert [candidate.recipe.epochs for candidate in walk(engine)] == [2, 2, 2]


def test_hyperband_waits_while_a_rung_is_under_way():
    engine, _ = open_engine("hyperband", branching_space().with_fixed(epochs=2))
    under_way = [engine.ask() for _ in range(3)]
    assert engine.ask() is None
    for candidate in under_way:
        engine.tell(candidate, made_up(candidate))
    assert engine.ask() is None
    assert engine.told == 3


def test_a_grid_tries_every_combination_once_and_ends():
    engine, study = open_engine("grid", branch_space())
    found = walk(engine)
    values = {tuple(sorted(candidate.values.items())) for candidate in found}
    assert len(values) == 8
    # The baseline, before the grid, is one of them: its score is not worked out again.
    assert [candidate.trial for candidate in found if candidate.repeats == 0] == [1]
    assert len(found) == 9
    assert study.trials[1].value == study.trials[0].value


def test_failures_in_a_row_do_not_end_a_search():
    engine, _ = open_engine("random")
    assert len(walk(engine, 12, lambda _: Outcome("failed", "made up"))) == 12


def test_a_discarded_trial_is_told_with_the_mean_of_its_folds():
    engine, _ = open_engine("random")
    candidate = engine.ask()
    engine.tell(candidate, Outcome("discarded", "made up", partial=score_of(0.25, folds=2)))
    trial = engine._oracle.get_trial(engine._ids[0])
    assert (trial.status, trial.score) == ("COMPLETED", pytest.approx(0.25))


def test_an_oracle_that_raises_leaves_a_study_that_goes_on(monkeypatch):
    whole = [c.values for c in walk(open_engine("random")[0], 6)]
    engine, study = open_engine("random")
    walk(engine, 3)
    with monkeypatch.context() as broken:
        broken.setattr(type(engine._oracle), "populate_space", lambda *_: 1 / 0)
        with pytest.raises(ZeroDivisionError):
            engine.ask()
    engine, _ = open_engine("random", study=study)
    assert [c.values for c in walk(engine, 3)] == whole[3:]


def test_proposals_other_than_those_on_record_are_noticed():
    engine, study = open_engine("random")
    walk(engine, 4)
    with pytest.raises(UserError, match="trial 1: keras-tuner's random oracle proposes something"):
        open_engine("random", study=study, seed=1)


def test_each_trial_tells_in_what_order_it_was_asked_and_told():
    engine, study = open_engine("random")
    first, second = engine.ask(), engine.ask()
    engine.tell(second, made_up(second))
    engine.ask()
    engine.tell(first, made_up(first))
    assert [t.user_attrs[NOTED]["after"] for t in study.trials] == [0, 0, 1]
    assert [t.user_attrs.get(ENDED) for t in study.trials] == [1, 0, None]


WITHIN = Demands({"params": 160.0})  # of the sized space 8 units have 154 weights, 9 have 173


def the_larger_the_better(candidate):
    return Outcome("scored", score=score_of(-float(candidate.values["units"])))


@pytest.mark.usefixtures("_fast_bayesian")
def test_bayesian_optimization_tries_all_starts_before_its_model_proposes():
    starts = tuple({"units": units} for units in range(3, 11))
    space = replace(sized_space(), good_starts=starts)
    engine, _ = open_engine("bayesian", space)
    found = walk(engine, 10, the_larger_the_better)
    assert [c.values["units"] for c in found[:9]] == [2, *range(3, 11)]
    assert [c.proposed_by for c in found] == ["baseline"] + ["good start"] * 8 + ["model"]


@pytest.mark.slow
@pytest.mark.usefixtures("_fast_bayesian")
@pytest.mark.parametrize("limits", [True, False])
def test_bayesian_optimization_leaves_where_candidates_come_to_nothing(limits):
    def outcome(candidate):
        fine = candidate.values["units"] <= 8
        return the_larger_the_better(candidate) if fine else Outcome("diverged", "NaN")

    engine, _ = open_engine("bayesian", sized_space(), demands=WITHIN if limits else Demands())
    found = walk(engine, 26, outcome)
    beyond = [candidate.values["units"] > 8 for candidate in found[-12:]]
    assert sum(beyond) < 6  # of chance it would be half
    assert max(c.values["units"] for c in found if c.values["units"] <= 8) >= 7


@pytest.mark.usefixtures("_fast_bayesian")
def test_bayesian_optimization_repeats_nothing_while_there_is_something_else(monkeypatch):
    space = branch_space()  # of eight candidates, with the branches that KerasTuner knows
    monkeypatch.setattr(
        "automl_sem.engines.oracles.BayesianOptimizationOracle._vector_to_values",
        lambda *_: {"kind": "dense", "wide": False},  # the baseline, whatever was found
    )
    engine, study = open_engine("bayesian", space)
    found = walk(engine, 9)
    assert [candidate.proposed_by for candidate in found[5:]] == ["random"] * 3 + ["model"]
    assert [candidate.repeats for candidate in found] == [None] * 8 + [0]
    again, _ = open_engine("bayesian", space, study=study)
    assert again._oracle.position() == engine._oracle.position()


def test_hyperband_takes_another_candidate_for_one_that_breaks_a_limit():
    space = sized_space().with_fixed(epochs=9)
    engine, _ = open_engine("hyperband", space, demands=WITHIN)
    found = walk(engine, 200, the_larger_the_better)
    assert engine.infeasible > 5
    trained = [candidate.recipe.epochs for candidate in found if not candidate.broken]
    # As many as without a limit: the baseline, then brackets of 9+3+1, 5+2 and 3 trials.
    assert len(trained) == 24
    assert (trained.count(1), trained.count(3), trained.count(9)) == (9, 3 + 5, 1 + 1 + 2 + 3)


def test_who_proposed_a_candidate_is_told_of_promoted_and_late_starts():
    starts = tuple({"units": units} for units in range(3, 8))
    space = replace(sized_space(), good_starts=starts).with_fixed(epochs=3)
    found = walk(open_engine("hyperband", space)[0], 10, the_larger_the_better)
    origins = ["baseline", *["good start"] * 3, "promoted", *["good start"] * 2]
    assert [c.proposed_by for c in found] == origins
    assert [c.values["units"] for c in found] == [2, 3, 4, 5, 5, 6, 7]


def test_hyperband_asked_in_vain_is_played_back_as_if_it_had_not_been():
    def build(hp):
        import keras

        hp.Choice("one", ["a", "b", "c"])
        inputs = keras.Input(DATA.input_shape)
        outputs = keras.layers.Dense(2, activation="softmax")(keras.layers.Flatten()(inputs))
        return keras.Model(inputs, outputs)

    # The first rung takes all that there are, and the next bracket begins in vain.
    small = replace(tiny_space(), build_fn=build, baseline={"one": "a"}).with_fixed(epochs=3)
    engine, study = open_engine("hyperband", small)
    under_way = []
    while (candidate := engine.ask()) is not None:
        under_way.append(candidate)
    assert len(under_way) == 1 + 3
    for ended in under_way:
        engine.tell(ended, made_up(ended))
    promoted = engine.ask()
    assert promoted.proposed_by == "promoted"
    again, _ = open_engine("hyperband", small, study=study)
    assert again.ask().values == promoted.values


SPACE_WITH_LOOPS = """
from keras import Model, Input, layers

def build(hp, data):
    x = inputs = Input(data.input_shape)
    x = layers.Flatten()(x)
    for i in range(hp.Int("layers", 1, 3)):
        x = layers.Dense(hp.Choice(f"units_{i}", [2, 4]))(x)
    head = hp.Choice("head", ["plain", "wide"])
    with hp.conditional_scope("head", ["wide"]):
        if head == "wide":
            x = layers.Dense(hp.Int("head_units", 2, 4))(x)
    return Model(inputs, layers.Dense(data.classes, activation="softmax")(x))
"""


def test_all_branches_and_layers_of_a_space_are_found(tmp_path):
    path = tmp_path / "loops.py"
    path.write_text(SPACE_WITH_LOOPS)
    found = whole_space(load_space(path), DATA)
    names = {hp.name for hp in found.space}
    assert names == {"layers", "units_0", "units_1", "units_2", "head", "head_units"}
