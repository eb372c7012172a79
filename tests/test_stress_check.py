"""Whether labels survive a stress: two signs, and what is none."""

import dataclasses

import numpy as np
import pytest
from sklearn import datasets

from automl_sem import search
from automl_sem.fresh import fresh_seed, missing_folds, those_that_fit, train_on_fresh_folds
from automl_sem.manifest import Manifest
from automl_sem.run import RunDirectory
from automl_sem.stress_check import (
    Findings,
    check_stress,
    clean_cost,
    confused_pair,
    prepared,
    read_findings,
    to_train,
    with_strength,
)
from automl_sem.types import Augment, Candidate, FoldResult, Outcome, Recipe, Score, StressResult
from automl_sem.workers.base import FoldDone

CLASSES, PER_FOLD = 4, 40


def score(confusions, clean=(), loss=0.1):
    """Return a score on three folds: in each, some share of a class is taken for another.

    confusions, clean: (class, taken for, share) under stress and on images as they are.
    """
    folds = []
    for number in range(3):
        rows = np.arange(PER_FOLD) * 3 + number
        labels = np.arange(PER_FOLD) % CLASSES
        guesses, said = np.tile(labels, (1, 2, 1)), labels.copy()
        for a, b, share in confusions:
            of = np.flatnonzero(labels == a)
            guesses[0, :, of[: round(share * len(of))]] = b
        for a, b, share in clean:
            of = np.flatnonzero(labels == a)
            said[of[: round(share * len(of))]] = b
        probabilities = np.eye(CLASSES, dtype=np.float32)[said]
        true = np.full(guesses.shape, 0.9, np.float32)
        stress = StressResult(("rotate 180",), (True,), rows, labels, true, guesses)
        fold_loss = loss + 0.01 * number
        folds.append(FoldResult(number, rows, probabilities, fold_loss, 0.9, stress=stress))
    return Score(tuple(folds))


def test_a_pair_that_stays_confused_is_found():
    found = confused_pair(score([(1, 2, 0.5), (2, 1, 0.4)]), score([]), "rotate 180", CLASSES)
    assert found.pair == (1, 2)
    assert found.share == pytest.approx(0.45)
    assert found.clean == 0


@pytest.mark.parametrize(
    ("confusions", "clean", "why"),
    [
        ([(1, 2, 0.2)], (), "too few"),
        ([(0, 1, 0.5), (1, 2, 0.4), (2, 3, 0.5), (3, 0, 0.4)], (), "other pairs as well"),
        ([(1, 2, 0.5), (2, 1, 0.4)], [(1, 2, 0.4), (2, 1, 0.4)], "as they are as well"),
    ],
)
def test_what_shows_nothing_is_no_sign(confusions, clean, why):
    plain = score([], clean)
    assert confused_pair(score(confusions), plain, "rotate 180", CLASSES) is None, why


def test_a_condition_that_was_not_scored_shows_nothing():
    assert confused_pair(score([(1, 2, 0.5), (2, 1, 0.4)]), score([]), "scale 0.4", CLASSES) is None


def test_what_training_costs_is_measured_fold_by_fold():
    trained, without = score([], loss=0.5), score([], loss=0.1)
    folds = [
        dataclasses.replace(fold, log_loss=fold.log_loss + more)
        for fold, more in zip(trained.folds, (-0.1, 0.0, 0.1), strict=True)
    ]
    cost, interval = clean_cost(Score(tuple(folds)), without)
    assert cost == pytest.approx(0.4)  # of 0.3, 0.4 and 0.5: s = 0.1, t(2, .975) = 4.3027
    half = 4.302653 * 0.1 * (1 / 3 + 1 / 2) ** 0.5
    assert (interval.low, interval.high) == pytest.approx((0.4 - half, 0.4 + half), abs=1e-6)


def test_a_candidate_trains_for_a_stress_from_three_quarters_of_its_strength():
    candidate = Candidate(0, {}, Recipe(augment=Augment(rotation=20, shift=0.1)), 1, "baseline")
    assert not prepared(candidate, "rotate", 45)
    changed = with_strength(candidate, "rotate", 34)
    assert prepared(changed, "rotate", 45)
    assert changed.recipe.augment == Augment(rotation=34, shift=0.1)
    assert not prepared(with_strength(candidate, "rotate", 0), "rotate", 45)


CLEAN = Recipe(augment=Augment(shift=0.1))
STRESS = {"rotate": 180.0, "shift": 0.1}
FRESH = np.arange(3 * PER_FOLD) % 3


class MadeUpPool:
    """One slot, whose networks take classes for one another when they train for turns.

    Args:
        turned: What `score` makes of a network that trains for turns.
        kill_after: Fold fits after which the whole search dies.
    """

    slots = 1

    def __init__(self, turned=None, kill_after=None):
        self._turned = turned
        self._left = kill_after
        self.tasks = []

    def submit(self, slot, task):
        assert slot == 0
        np.testing.assert_array_equal(task.held_out, np.flatnonzero(task.fold == FRESH))
        self.tasks.append(task)

    def wait(self):
        if self._left is not None:
            if self._left == 0:
                raise KeyboardInterrupt
            self._left -= 1
        task = self.tasks[-1]
        turns = task.candidate.recipe.augment.rotation > 0
        if turns and self._turned is None:
            return FoldDone(0, outcome=Outcome("diverged", "the training loss became nan"))
        made = self._turned if turns else score([])
        return FoldDone(0, made.folds[task.fold])


@pytest.fixture
def run(tmp_path):
    """A run with results on fresh folds: the baseline, and trial 1 that trains for shifts."""

    def new(asked, best):
        manifest = Manifest(
            created="", seed=3, folds=3, trials=2, stress=STRESS, check_stress=asked, space={},
            data={"class_names": list("abcd")},
        )  # fmt: skip
        made = RunDirectory.create(tmp_path / "run", manifest, "", {"fresh": FRESH})
        for trial, found in ((0, score([])), (1, best)):
            for fold in found.folds:
                made.write_fold(trial, fold, "fresh")
        return made

    return new


class Heard:
    """A listener that keeps what it hears."""

    def __init__(self):
        self.folds, self.ended = [], []

    def fresh_fold_done(self, entry, result):
        self.folds.append((entry.variant, result.fold))

    def fresh_done(self, entry):
        self.ended.append(entry.variant)


BEST = Candidate(1, {}, CLEAN, 1, "model")
TURNS = Candidate(1, {}, Recipe(augment=Augment(rotation=180, shift=0.1)), 1, "model")
BASELINE = Candidate(0, {}, Recipe(), 1, "baseline")
CONFUSING = score([(1, 2, 0.5), (2, 1, 0.4)], loss=0.5)


def checked(run, pool, best=BEST, baseline=BASELINE, entries=slice(None)):
    heard = Heard()
    ended = train_on_fresh_folds(run, pool, to_train(run, best)[entries], heard)
    check_stress(run, best, baseline, ended)
    return read_findings(run), heard


def test_the_best_trial_is_trained_once_more_for_each_kind_and_no_more(run):
    pool = MadeUpPool(turned=score([]))
    findings, heard = checked(run(True, score([])), pool)
    assert findings == Findings([], [])
    variants = ["with rotate", "without shift"]
    assert heard.folds == [(variant, fold) for variant in variants for fold in range(3)]
    assert heard.ended == variants
    assert [task.candidate.recipe.augment for task in pool.tasks[::3]] == [
        Augment(rotation=180, shift=0.1),
        Augment(),
    ]
    assert {task.seed for task in pool.tasks} == {fresh_seed(3)}  # that of the best trial there


def test_what_training_for_a_stress_does_is_a_warning(run):
    findings, _ = checked(run(True, score([])), MadeUpPool(CONFUSING))
    confused, costs = findings.warnings
    assert confused == (
        "rotate 180 may change labels: 45% of 'b' and 'c' are taken for one another by a network "
        "that trains for it, 0% as they are by one that does not"
    )
    assert costs == (
        "rotate 180 may change labels: log-loss on images as they are is 0.51 with training for it "
        "and 0.11 without, 0.4 more (95 % interval 0.4 to 0.4); distorted so, 45% of 'b' and 'c' "
        "are taken for one another"
    )


def test_what_diverges_leaves_the_question_open_and_says_so(run):
    made = run(True, score([]))
    findings, heard = checked(made, MadeUpPool(turned=None))
    assert findings.warnings == []
    assert findings.unknown == [
        "whether rotate 180 changes labels is not known: trial 1 with rotate could not be trained "
        "(the training loss became nan)"
    ]
    assert heard.ended == ["with rotate", "without shift"]
    assert "trial 1 with rotate on fresh folds: diverged" in (made.path / "run.log").read_text()


def test_what_there_was_no_time_for_is_open(run):
    findings, _ = checked(run(True, score([])), MadeUpPool(CONFUSING), entries=slice(1))
    assert len(findings.warnings) == 2
    assert findings.unknown == [
        "whether shift 0.1 changes labels is not known: the time limit left none for trial 1 "
        "without shift"
    ]


def test_without_a_fresh_score_of_the_best_there_is_nothing_to_compare(run):
    pool = MadeUpPool(CONFUSING)
    made = run(True, score([]))
    (made.path / "fresh" / "1" / "2.npz").unlink()
    findings, _ = checked(made, pool)
    assert pool.tasks == []
    assert findings.warnings == []
    assert [line.partition(": ")[2] for line in findings.unknown] == [
        "trial 1 could not be trained on the fresh folds"
    ] * 2


def test_a_check_that_was_killed_goes_on_after_the_last_fold(run):
    made = run(True, score([]))
    with pytest.raises(KeyboardInterrupt):
        checked(made, MadeUpPool(CONFUSING, kill_after=4))
    assert [missing_folds(made, entry) for entry in to_train(made, BEST)] == [0, 2]
    findings, heard = checked(made, MadeUpPool(CONFUSING))
    assert heard.folds == [("without shift", 1), ("without shift", 2)]
    assert len(findings.warnings) == 2


def test_a_stress_of_the_space_is_checked_on_what_was_trained_anyway(run):
    pool = MadeUpPool()
    findings, _ = checked(run(False, CONFUSING), pool, TURNS)
    (warning,) = findings.warnings
    assert warning.startswith("rotate 180 may change labels: 45% of 'b' and 'c'")
    assert findings.unknown == []
    assert pool.tasks == []


def test_networks_that_both_train_for_a_stress_of_the_space_or_neither_show_nothing(run):
    made = run(False, CONFUSING)
    prepared_baseline = dataclasses.replace(TURNS, trial=0)
    for best, baseline in ((BEST, BASELINE), (TURNS, prepared_baseline), (TURNS, None)):
        findings, _ = checked(made, MadeUpPool(), best, baseline)
        assert findings == Findings([], [])


def test_a_cost_without_confusion_names_no_classes(run):
    findings, _ = checked(run(True, score([])), MadeUpPool(score([], loss=0.5)))
    (costs,) = findings.warnings
    assert costs.endswith("0.4 more (95 % interval 0.4 to 0.4)")


def test_what_is_done_takes_no_room(run):
    made = run(True, score([]))
    with pytest.raises(KeyboardInterrupt):
        checked(made, MadeUpPool(CONFUSING, kill_after=4))
    rotate, shift = to_train(made, BEST)  # done, and one of three folds done
    assert those_that_fit(made, [rotate, shift], 0.0) == [rotate]
    assert those_that_fit(made, [rotate, shift], 0.6) == [rotate]
    assert those_that_fit(made, [rotate, shift], 0.7) == [rotate, shift]
    assert those_that_fit(made, [shift, rotate], float("inf")) == [shift, rotate]


@pytest.mark.slow
def test_a_six_turned_by_180_degrees_is_a_nine(tmp_path):
    images, labels = datasets.load_digits(return_X_y=True)
    chosen = np.isin(labels, [0, 6, 9])
    x = np.rint(images[chosen].reshape(-1, 8, 8, 1) * (255 / 16)).astype(np.uint8)
    found = {}
    for name, stress in (("turned", "rotate=180"), ("moved", "shift=0.1")):
        run = search(
            (x, labels[chosen]),
            space="shapes",
            stress=stress,
            trials=1,
            folds=3,
            epochs=8,
            batch_size=32,
            out=tmp_path / name,
            say=lambda _: None,
        )
        found[name] = run.results.to_json()["stress_warnings"]
        assert (run.path / "stress.json").exists()
    assert any("'6' and '9'" in warning for warning in found["turned"])
    assert found["moved"] == []
