"""KerasTuner's oracles as an engine: what is particular to each."""

import optuna
import pytest

from automl_sem.engines.keras_tuner import ENDED, NOTED, KerasTunerEngine
from automl_sem.engines.whole_space import whole_space
from automl_sem.errors import UserError
from automl_sem.spaces.load import load_space
from automl_sem.testing.engines import DATA, branch_space, branching_space, made_up, outcome_of
from automl_sem.types import Outcome


def open_engine(oracle, space=None, study=None, warm=(), seed=0):
    space = space or branching_space()
    study = study or optuna.create_study()
    starts = space.starts(DATA)
    return KerasTunerEngine(study, space, DATA, seed, starts, warm=warm, oracle=oracle), study


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
    from automl_sem.testing.engines import score_of

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
