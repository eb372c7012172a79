"""Whole searches by KerasTuner's oracles: what is recorded, said, reported and gone on with."""

import pytest

from automl_sem import resume, search
from automl_sem.reports.sections.reproduce import command

SPACE = """
from keras import Input, Model, layers
from automl_sem import Recipe

BASELINE = {"units": 2, "wide": True}

def build(hp, data):
    x = inputs = Input(data.input_shape)
    x = layers.Dense(hp.Choice("units", [2, 4]))(layers.Flatten()(x))
    if hp.Boolean("wide"):
        x = layers.Dense(4)(x)
    return Model(inputs, layers.Dense(data.classes, activation="softmax")(x))

def recipe(hp, data):
    return Recipe(batch_size=20, epochs=2)
"""


@pytest.fixture
def find(tmp_path, stripes_npz):
    space = tmp_path / "few.py"
    space.write_text(SPACE)

    def run(**options):
        said = []
        found = search(
            str(stripes_npz), space=str(space), folds=2, workers=0, out=tmp_path / "run",
            engine="keras-tuner", say=said.append, **options,
        )  # fmt: skip
        return found, said

    return run


@pytest.mark.slow
def test_a_grid_is_searched_in_parts_and_its_repeat_of_the_baseline_not_trained(find):
    run, said = find(oracle="grid", trials=3)
    assert any("the grid has 4 combinations" in line for line in said)
    run = resume(run.path, trials=20, say=said.append)
    results = run.results
    assert [t.proposed_by for t in results.trials] == ["baseline"] + ["grid"] * 4
    repeated = [t for t in results.trials if t.state == "repeated"]
    assert len(repeated) == 1
    assert repeated[0].reason == "the same candidate as trial 0"
    assert repeated[0].number not in [t.number for t in results.complete]
    assert not run.directory.read_folds(repeated[0].number)
    assert any("grid oracle has no more candidates after 5 trials" in line for line in said)
    assert results.verdict is not None
    assert "1 repeated" in (run.path / "report.html").read_text()
    assert "--engine keras-tuner --oracle grid" in command(results)


@pytest.mark.slow
def test_hyperband_trains_for_the_epochs_of_its_rungs_and_discards_nothing(find):
    run, said = find(oracle="hyperband", seed=1)
    assert any("nothing is discarded (--discard forgiving)" in line for line in said)
    assert run.directory.manifest.discard == "none"
    assert run.directory.manifest.engine_choice.oracle == "hyperband"
    trials = run.results.trials
    assert [t.recipe.epochs for t in trials] == [2] * len(trials)
    curves = run.directory.read_folds(trials[-1].number)
    assert all(fold.curve[-1].epoch == 2 for fold in curves.values())
    assert run.best.fresh
