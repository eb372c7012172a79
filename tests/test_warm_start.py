"""A search that begins with what another run found best."""

import numpy as np
import pytest
from conftest import TINY_SPACE

from automl_sem import load_run, resume, search
from automl_sem.engines.optuna import OptunaEngine
from automl_sem.errors import UserError
from automl_sem.manifest import Manifest
from automl_sem.run import RunDirectory
from automl_sem.spaces.load import load_space
from automl_sem.types import FoldResult, Outcome, Score
from automl_sem.warm_start import TOP, warm_start


def change(**texts):
    """Return the tiny space with some of its code replaced."""
    source = TINY_SPACE
    for text, other in texts.values():
        assert text in source
        source = source.replace(text, other)
    return source


@pytest.fixture
def space_of(tmp_path):
    def load(source=TINY_SPACE, name="other"):
        path = tmp_path / f"{name}.py"
        path.write_text(source)
        return load_space(path)

    return load


@pytest.fixture
def earlier(tmp_path, space_of, stripes):
    """A run of the tiny space whose scores get better with every trial."""

    def make(trials=6, space=None):
        space = space or space_of(name="tiny")
        manifest = Manifest(created="", seed=3, folds=2, trials=trials, space={}, data={})
        splits = {"search": np.arange(60) % 2, "fresh": np.arange(60) // 30}
        run = RunDirectory.create(tmp_path / "earlier", manifest, space.source, splits)
        study = run.open_study()
        engine = OptunaEngine(study, space, stripes.info, 3, space.starts(stripes.info))
        for number in range(trials):
            candidate = engine.ask()
            probabilities = np.full((30, 3), 1 / 3, np.float32)
            score = Score(
                tuple(
                    FoldResult(f, np.arange(f, 60, 2), probabilities, 9.0 - number, 0.5)
                    for f in range(2)
                )
            )
            for fold in score.folds:
                run.write_fold(number, fold)
            engine.tell(candidate, Outcome("scored", score=score))
        return run

    return make


def started(run, space, stripes):
    baseline, *_ = space.starts(stripes.info)
    return warm_start(run.path, space, stripes.info, baseline)


def test_the_best_trials_are_taken_over_best_first(earlier, space_of, stripes):
    run = earlier()
    kept, note = started(run, space_of(), stripes)
    assert kept.run == str(run.path)
    assert kept.trials == [5, 4, 3]
    found = [t.hyperparameters for t in load_run(run.path).results.trials]
    assert kept.starts == [found[number] for number in (5, 4, 3)]
    assert note == (
        "warm start from earlier: trial 5 (3 of 3 hyperparameters), "
        "trial 4 (3 of 3 hyperparameters), trial 3 (3 of 3 hyperparameters)"
    )


def test_what_does_not_fit_is_left_to_the_search(earlier, space_of, stripes):
    run = earlier()
    other = change(
        narrower=('hp.Int("units", 4, 16)', 'hp.Int("units", 4, 16, step=4)'),
        renamed=('hp.Float("dropout", 0.0, 0.4)', 'hp.Float("drop", 0.0, 0.4)'),
    )
    kept, note = started(run, space_of(other), stripes)
    found = load_run(run.path).results.trials
    for number, start in zip(kept.trials, kept.starts, strict=True):
        values = found[number].hyperparameters
        on_step = {"units": values["units"]} if values["units"] % 4 == 0 else {}
        assert start == {**on_step, "rate": values["rate"]}
    assert "of 3 hyperparameters" in note


def test_a_branch_is_taken_over_with_what_it_depends_on(space_of, stripes):
    source = change(
        branch=(
            'x = layers.Dropout(hp.Float("dropout", 0.0, 0.4))(x)',
            'if hp.Boolean("drops"):\n'
            '        with hp.conditional_scope("drops", [True]):\n'
            '            x = layers.Dropout(hp.Float("dropout", 0.0, 0.4))(x)',
        )
    )
    space = space_of(source, "branched")
    taken = space.fitting({"drops": True, "dropout": 0.3, "units": 99}, stripes.info)
    assert taken == {"drops": True, "dropout[drops=True]": 0.3}
    assert space.fitting({"drops": False, "dropout": 0.3}, stripes.info) == {"drops": False}


def test_the_baseline_is_not_tried_again(earlier, space_of, stripes):
    kept, note = started(earlier(trials=1), space_of(), stripes)
    assert kept.starts == []
    assert "its best trials are the baseline of this search" in note


def test_what_a_flag_fixes_is_not_taken_over(earlier, space_of, stripes):
    searched = change(epochs=("epochs=3", 'epochs=hp.Int("epochs", 1, 3)'))
    space = space_of(searched)
    run = earlier(space=space)
    assert all("epochs" in start for start in started(run, space, stripes)[0].starts)
    kept, _ = started(run, space.with_fixed(epochs=2), stripes)
    assert not any("epochs" in start for start in kept.starts)


def test_a_space_with_nothing_in_common_is_refused(earlier, space_of, stripes):
    other = change(
        units=('"units"', '"width"'), dropout=('"dropout"', '"drop"'), rate=('"rate"', '"speed"')
    ).replace('{"units": 8, "rate": 0.01}', "{}")
    other = other.replace('BASELINE = {"width": 8, "speed": 0.01}', "BASELINE = {}")
    with pytest.raises(UserError) as caught:
        started(earlier(), space_of(other), stripes)
    assert "no hyperparameter that space 'other' takes: dropout, rate, units" in str(caught.value)
    assert "--warm-start" in caught.value.where


def test_a_run_without_a_score_is_refused(earlier, space_of, stripes):
    with pytest.raises(UserError, match="no trial with a score"):
        started(earlier(trials=0), space_of(), stripes)


def test_warm_starts_come_between_baseline_and_good_starts(space_of, stripes):
    import optuna

    good = TINY_SPACE.replace("\n\ndef build", '\nGOOD_STARTS = [{"units": 6}]\n\n\ndef build', 1)
    space = space_of(good)
    study = optuna.create_study()
    warm = [{"units": 11, "rate": 0.02}, {"units": 12}]
    starts = space.starts(stripes.info)
    engine = OptunaEngine(study, space, stripes.info, 0, starts, warm=warm)
    asked = [engine.ask() for _ in range(5)]
    assert [candidate.proposed_by for candidate in asked] == [
        "baseline", "warm start", "warm start", "good start", "start-up",
    ]  # fmt: skip
    assert [candidate.values["units"] for candidate in asked[:4]] == [8, 11, 12, 6]
    assert asked[1].values["rate"] == 0.02


@pytest.mark.slow
def test_a_warm_search_goes_on_without_the_other_run(earlier, tiny_space, stripes_npz, tmp_path):
    lines = []
    run = earlier()
    options = {"folds": 2, "space": str(tiny_space), "workers": 0, "say": lines.append}
    with pytest.raises(UserError, match="not a run directory"):
        search(str(stripes_npz), warm_start=tmp_path / "none", out=tmp_path / "new", **options)
    assert not (tmp_path / "new").exists()
    new = search(str(stripes_npz), warm_start=run.path, trials=2, out=tmp_path / "new", **options)
    assert any("warm start from earlier: trial 5 (3 of 3" in line for line in lines)
    run.path.rename(tmp_path / "moved")
    new = resume(new.path, trials=1 + TOP, say=lines.append)
    trials = new.results.trials
    assert [t.proposed_by for t in trials] == ["baseline"] + ["warm start"] * TOP
    best = load_run(tmp_path / "moved").results.complete[:TOP]
    assert [t.hyperparameters for t in trials[1:]] == [t.hyperparameters for t in best]
    assert "warm start" in (new.path / "report.html").read_text(encoding="utf-8")
