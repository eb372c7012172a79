"""The best three GANs are scored on fresh folds with two seeds each; the best there wins."""

import numpy as np
import optuna
import pytest
from optuna.trial import TrialState, create_trial

from automl_sem.finalists import Scored, contenders, score_finalists
from automl_sem.fresh import fresh_score, fresh_seed
from automl_sem.gan_recipe import GanRecipe
from automl_sem.manifest import Manifest
from automl_sem.reports.context import Context
from automl_sem.reports.sections import gan_verdict
from automl_sem.results import read_results
from automl_sem.run import RunDirectory
from automl_sem.scoring.gan.result import (
    GanCurvePoint,
    GanFoldResult,
    GanScore,
    Measures,
    mean_of_seeds,
)
from automl_sem.search_loop import CHECKS_SHARE, Limits
from automl_sem.types import Outcome
from automl_sem.workers.base import FoldDone

FOLDS = np.arange(12) % 3
SEARCH = {0: 9.0, 1: 5.0, 2: 3.0, 3: 4.0, 4: 6.0}  # distance in the search, by trial
ON_FRESH = {0: (8.0, 8.6), 1: (4.0, 4.4), 2: (6.0, 6.6), 3: (3.0, 7.0), 4: (1.0, 1.0)}  # by seed


def result(fold, distance, seconds=1.0, usefulness=None):
    distance += 0.1 * fold
    return GanFoldResult(
        fold=fold,
        indices=np.flatnonzero(fold == FOLDS),
        measures=Measures(
            score=distance, kid=distance / 10, floor=0.0, deviation=0.1, density=1.0,
            coverage=1 / (1 + distance), expected_coverage=0.9, two_sample=0.6, copying=0.5,
            usefulness=usefulness, real_usefulness=usefulness and 0.9,
        ),
        fakes=np.full((4, 8, 8, 1), int(10 * distance), np.uint8),
        labels=np.zeros(4, np.int64),
        curve=(GanCurvePoint(10, 1.0, 1.0, distance),),
        by_step=np.zeros((1, 4, 8, 8, 1), np.uint8),
        between=np.zeros((2, 2, 8, 8, 1), np.uint8),
        seconds=seconds,
    )  # fmt: skip


@pytest.fixture
def run(tmp_path):
    manifest = Manifest(
        created="", seed=3, folds=3, trials=5, generates=True, space={}, data={
            "class_names": ["a", "b"], "kind": "images", "input_shape": [8, 8, 1],
            "test_examples": 0,
        },
    )  # fmt: skip
    made = RunDirectory.create(
        tmp_path / "run", manifest, "", {"search": FOLDS, "fresh": FOLDS[::-1]}
    )
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    with made.lock():
        study = made.open_study()
        for number, distance in SEARCH.items():
            score = GanScore(tuple(result(fold, distance) for fold in range(3)))
            for fold in score.folds:
                made.write_fold(number, fold)
            study.add_trial(
                create_trial(
                    value=score.objective,
                    state=TrialState.COMPLETE,
                    user_attrs={
                        "proposed_by": "model",
                        "hyperparameters": {"width": number},
                        "recipe": GanRecipe().to_dict(),
                        "parameters": 100,
                        "networks": {"generator": 60, "discriminator": 40},
                        "score": score.record(),
                    },
                )
            )
    return made


class MadeUpPool:
    """One slot; what it is given comes to what `ON_FRESH` says, by trial and seed.

    Args:
        kill_after: Fold fits after which the whole search dies.
        diverging: Trial and number of a seed that come to nothing.
    """

    slots = 1

    def __init__(self, kill_after=None, diverging=None):
        self.left, self.diverging = kill_after, diverging
        self.tasks = []

    def submit(self, slot, task):
        np.testing.assert_array_equal(task.held_out, np.flatnonzero(task.fold == FOLDS[::-1]))
        assert slot == 0
        self.tasks.append(task)

    def wait(self):
        if self.left is not None:
            if self.left == 0:
                raise KeyboardInterrupt
            self.left -= 1
        task = self.tasks[-1]
        key = task.candidate.trial, int(task.seed != fresh_seed(3))
        if key == self.diverging:
            return FoldDone(0, outcome=Outcome("diverged", "a loss became nan"))
        return FoldDone(0, result(task.fold, ON_FRESH[key[0]][key[1]]))

    @property
    def trained(self):
        """Trial, number of the seed and fold of each fit."""
        first = fresh_seed(3)
        return [(t.candidate.trial, int(t.seed != first), t.fold) for t in self.tasks]


class Silent:
    def fresh_fold_done(self, entry, result):
        pass

    def fresh_done(self, entry):
        pass


def finish(run, pool, room=float("inf")):
    """What a session does once the search is over."""
    candidates = {trial.number: trial.candidate() for trial in read_results(run).complete}
    may_win = contenders(list(candidates), Scored.read(run), generates=True)
    best_first = [candidates[number] for number in may_win]
    score_finalists(run, pool, best_first, candidates[0], room, Silent())
    return read_results(run)


def test_the_best_three_and_the_baseline_are_trained_with_two_seeds(run):
    pool = MadeUpPool()
    results = finish(run, pool)
    wanted = {(trial, seed, fold) for trial in (0, 1, 2, 3) for seed in (0, 1) for fold in range(3)}
    assert sorted(pool.trained) == sorted(wanted)
    assert len({task.seed for task in pool.tasks}) == 2
    assert results.fold_fits == 15 + 24


def test_the_best_on_fresh_folds_wins_by_the_mean_of_its_seeds(run):
    assert read_results(run).best.trial.number == 2  # of the search
    results = finish(run, MadeUpPool())
    assert [s.trial.number for s in results.finalists] == [1, 3, 2, 0]
    best = results.best
    assert best.trial.number == 1  # of three, trial 3 had the best single seed
    assert best.scored_on == "fresh folds"
    assert best.score == pytest.approx(4.3)
    assert best.by_seed == pytest.approx((4.1, 4.5))
    assert [fold.objective for fold in best.folds.folds] == pytest.approx([4.2, 4.3, 4.4])
    assert results.verdict.difference == pytest.approx(4.2 - 8.3)
    assert results.to_json()["finalists"][1]["by_seed"] == pytest.approx([3.1, 7.1])


def test_both_seeds_are_kept(run):
    finish(run, MadeUpPool())
    ours = [fresh_score(run, 3, stage).objective for stage in ("fresh", "fresh-again")]
    assert ours == pytest.approx([3.1, 7.1])


@pytest.mark.parametrize("after", [1, 7, 13, 22])
def test_a_kill_loses_the_fold_in_flight_alone(run, after):
    first = MadeUpPool(kill_after=after)
    with pytest.raises(KeyboardInterrupt):
        finish(run, first)
    assert read_results(run).best.trial.number == 2  # not decided before all are done
    second = MadeUpPool()
    results = finish(run, second)
    assert results.best.trial.number == 1
    assert len(first.tasks) - 1 + len(second.tasks) == 24
    assert not set(first.trained[:-1]) & set(second.trained)


@pytest.mark.parametrize(
    ("room", "trained", "winner"),
    [
        (0.0, {(2, 0), (0, 0)}, 2),
        (3.4, {(2, 0), (0, 0), (3, 0)}, 3),
        (7.9, {(2, 0), (0, 0), (3, 0), (1, 0)}, 3),
        (8.0, {(trial, seed) for trial in (0, 1, 2, 3) for seed in (0, 1)}, 1),
    ],
)
def test_what_there_is_no_time_for_is_left_out(run, room, trained, winner):
    pool = MadeUpPool()
    results = finish(run, pool, room)
    assert {(trial, seed) for trial, seed, _ in pool.trained} == trained
    assert results.best.trial.number == winner
    assert bool(results.best.by_seed) == (room == 8.0)


def test_one_that_cannot_be_trained_there_does_not_win(run):
    results = finish(run, MadeUpPool(diverging=(1, 1)))
    assert results.best.trial.number == 3
    assert results.verdict is not None
    assert results.undecided == ""
    assert [s.trial.number for s in results.finalists] == [3, 2, 0]


def test_without_the_baseline_there_is_a_winner_and_no_verdict(run):
    results = finish(run, MadeUpPool(diverging=(0, 0)))
    assert results.best.trial.number == 1
    assert results.verdict is None
    assert results.undecided == (
        "trial 0 could not be trained on the fresh folds (a loss became nan)"
    )


def go_on(run, distance=1.0):
    """What a longer search adds: trial 5, by default ahead of all in the search."""
    with run.lock():
        study = run.open_study()
        score = GanScore(tuple(result(fold, distance) for fold in range(3)))
        for fold in score.folds:
            run.write_fold(5, fold)
        attributes = dict(study.trials[1].user_attrs) | {"score": score.record()}
        study.add_trial(create_trial(value=score.objective, user_attrs=attributes))


@pytest.mark.parametrize("room", [float("inf"), 0.0])
@pytest.mark.parametrize(("there", "winner"), [((4.0, 4.2), 5), ((4.0, 9.0), 1)])
def test_a_better_trial_of_a_longer_search_leads_until_it_is_scored_there(
    run, monkeypatch, room, there, winner
):
    finish(run, MadeUpPool())
    go_on(run)
    before = read_results(run)
    assert (before.best.trial.number, before.finalists) == (5, ())
    pool = MadeUpPool()
    monkeypatch.setitem(ON_FRESH, 5, there)
    results = finish(run, pool, room)
    assert {(trial, seed) for trial, seed, _ in pool.trained} == {(5, 0), (5, 1)}
    # Trial 1 is none of the best three of the search any more, but was scored on fresh folds.
    assert {s.trial.number for s in results.finalists} == {0, 1, 2, 3, 5}
    assert results.best.trial.number == winner
    assert results.finalists[0] is results.best


def test_those_that_come_later_are_trained_twice_or_not_at_all(run, monkeypatch):
    finish(run, MadeUpPool())
    go_on(run, distance=3.5)  # second in the search
    monkeypatch.setitem(ON_FRESH, 5, (1.0, 1.0))
    pool = MadeUpPool()
    assert finish(run, pool, room=1.9).best.trial.number == 1
    assert pool.tasks == []
    results = finish(run, pool, room=2.0)
    assert {(trial, seed) for trial, seed, _ in pool.trained} == {(5, 0), (5, 1)}
    assert results.best.trial.number == 5


@pytest.mark.parametrize(("generates", "wanted"), [(True, [5, 2, 0, 1]), (False, [5])])
def test_those_may_win_that_lead_the_search_or_were_scored_on_fresh_folds(generates, wanted):
    scored = Scored(trials=(2, 0, 1), failed={3: "diverged"})
    assert contenders([5, 2, 0, 3, 1, 4], scored, generates) == wanted
    assert 0 not in contenders([5, 2, 4, 3, 1, 0], scored, generates)


def test_the_report_has_a_table_of_finalists(run):
    results = finish(run, MadeUpPool())
    page = gan_verdict.render(Context.of(results, None))
    table = page[page.index('<table class="finalists">') :]
    table = table[: table.index("</table>")]
    names = ["Trial 1", "Trial 3", "Trial 2", "Baseline (trial 0)"]
    places = [table.index(f">{name}<") for name in names]
    assert places == sorted(places)
    assert "4.10; 4.50" in table
    assert "while trial 2 led the search" in gan_verdict.chosen(results)
    assert "chosen by its numbers on these very folds" in gan_verdict.luck(results)
    alone = finish_alone(run)
    assert "Finalists" not in gan_verdict.render(Context.of(alone, None))
    assert "chosen by its numbers" not in gan_verdict.luck(alone)


def finish_alone(run):
    (run.path / "finalists.json").unlink()
    for folder in ("fresh", "fresh-again"):
        for trial in (1, 2, 3):
            for file in (run.path / folder / str(trial)).iterdir():
                file.unlink()
    return read_results(run)


def test_the_mean_of_two_seeds_keeps_the_images_of_the_first():
    ours, theirs = result(0, 1.0, usefulness=0.5), result(0, 2.0, usefulness=0.7)
    both = mean_of_seeds((ours, theirs))
    assert both.measures.score == pytest.approx(1.5)
    assert both.measures.usefulness == pytest.approx(0.6)
    assert both.seconds == 2.0
    np.testing.assert_array_equal(both.fakes, ours.fakes)
    assert mean_of_seeds((result(0, 1.0), result(0, 2.0))).measures.usefulness is None


def test_the_time_of_finalists_is_kept_free_up_to_a_third():
    limits = Limits(100, 600.0, lambda: 250.0, checks=6)
    # One more trial and two on fresh folds, 60 s each, and 200 s of the six after these.
    assert CHECKS_SHARE * 600 < 6 * 60
    assert limits.reached(5, [20.0], 3, 1)
    assert not Limits(100, 600.0, lambda: 219.0, checks=6).reached(5, [20.0], 3, 1)
