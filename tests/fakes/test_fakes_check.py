"""Fakes are kept only if the interval of the paired gain lies above zero."""

from dataclasses import replace

import numpy as np
import pytest

from automl_sem.fakes_check import (
    DRAWN,
    Finding,
    check_fakes,
    compared,
    read_finding,
    sentence,
    to_train,
)
from automl_sem.manifest import Manifest
from automl_sem.run import RunDirectory
from automl_sem.scoring.gan.fakes import Fakes, fakes_key
from automl_sem.scoring.metrics import fold_interval
from automl_sem.types import Candidate, FoldResult, Outcome, Recipe, Score


def score(*losses):
    empty = np.zeros(1, np.int64), np.zeros((1, 2), np.float32)
    return Score(tuple(FoldResult(i, *empty, loss, 0.5) for i, loss in enumerate(losses)))


REAL = score(0.9, 1.4, 0.6, 1.1, 1.0)
HELP = score(0.5, 1.0, 0.2, 0.72, 0.6)
HARM = score(1.3, 1.8, 1.0, 1.52, 1.4)
LUCK = score(0.5, 1.8, 0.2, 1.5, 0.6)


def finding(fakes, trial=3, searched=0.5):
    return compared(Finding(trial, searched, searched or 1.0), fakes, REAL)


@pytest.mark.parametrize(
    ("fakes", "searched", "kept", "stage"),
    [
        (HELP, 0.5, 0.5, "fresh"),
        (HELP, 0.0, 1.0, "fakes/with"),
        (LUCK, 0.5, 0.0, "fakes/without"),
        (LUCK, 0.0, 0.0, "fresh"),
        (HARM, 0.5, 0.0, "fakes/without"),
        (REAL, 0.5, 0.0, "fakes/without"),
    ],
)
def test_they_are_kept_only_where_the_interval_is_above_zero(fakes, searched, kept, stage):
    found = finding(fakes, searched=searched)
    assert (found.kept, found.stage) == (kept, stage)
    assert found.helped == (fakes is HELP)


def test_the_gain_is_paired_fold_by_fold():
    found = finding(HELP)
    expected = fold_interval([0.4, 0.4, 0.4, 0.38, 0.4], "gain")
    assert found.gain == pytest.approx(0.396)
    assert (found.low, found.high) == pytest.approx((expected.low, expected.high))


def test_the_baseline_stays_as_it_is():
    found = finding(HELP, trial=0, searched=0.0)
    assert (found.helped, found.kept, found.stage) == (True, 0.0, "fresh")
    assert sentence(found).endswith(
        "The trial is the baseline, which stays as it is, without them."
    )


def test_where_nobody_knows_the_trial_stays_as_it_was():
    found = Finding(3, 0.5, 0.5, unknown="trial 3 without fake images could not be trained (why)")
    assert (found.helped, found.kept, found.stage) == (False, 0.5, "fresh")
    assert sentence(found) == (
        "Whether fake images help is not known: trial 3 without fake images could not be trained "
        "(why)."
    )


@pytest.mark.parametrize(
    ("fakes", "begin", "end"),
    [
        (
            HELP,
            "Fake images helped: with 0.5 for each real one, trial 3 gets 50.0 %",
            "on with them.",
        ),
        (LUCK, "Fake images did not help:", "So the trial goes on without them."),
        (HARM, "Fake images made it worse:", "So the trial goes on without them."),
    ],
)
def test_the_sentence_is_plain(fakes, begin, end):
    text = sentence(finding(fakes))
    assert text.startswith(begin)
    assert text.endswith(end)
    assert "95 % interval" in text


Y = np.arange(30) % 2  # so that a fold of five learns from 24
BEST = Candidate(3, {"units": 8}, Recipe(epochs=7, fakes=0.5), 10, "model")


@pytest.fixture
def run(tmp_path):
    """A run whose best trial has a score on the fresh folds."""
    splits = {"search": np.arange(30) % 5, "fresh": np.arange(30)[::-1] % 5}
    manifest = Manifest(created="", seed=3, folds=5, trials=5, space={}, data={})
    made = RunDirectory.create(tmp_path / "run", manifest, "", splits)
    for fold in HELP.folds:
        made.write_fold(3, fold, "fresh")
    return made


def draw(run, of_each, reason=""):
    """What the GANs of the fresh folds drew, so many images of each class."""
    (run.path / DRAWN).mkdir()
    labels = np.repeat([0, 1], of_each)
    for fold in range(5):
        fakes = Fakes(np.zeros((len(labels), 8, 8, 1)), labels, np.array([9, 9]), reason)
        key = fakes_key(3, np.flatnonzero(run.splits("fresh") == fold))
        np.savez(run.path / DRAWN / f"{key}.npz", **vars(fakes))


def check(run, **best):
    candidate = replace(BEST, **best)
    entries = to_train(run, candidate)
    return check_fakes(run, candidate, [(e, Outcome("complete", score=REAL)) for e in entries], Y)


@pytest.mark.parametrize(
    ("of_each", "share", "said"),
    [
        (12, 1.0, "with 1 for each real one, trial 3"),
        (6, 0.5, "with 0.5 for each real one, trial 3"),
        (
            5,
            1.0,
            "with 1 for each real one (of these the filter let 10 of 24 pass in a fold), trial 3",
        ),
    ],
)
def test_it_is_said_where_the_filter_let_few_pass(run, of_each, share, said):
    draw(run, of_each)
    found = check(run, recipe=replace(BEST.recipe, fakes=share))
    assert found == read_finding(run)
    assert sentence(found).startswith(f"Fake images helped: {said} gets")


def test_where_no_fold_had_fakes_nobody_knows_whether_they_help(run):
    draw(run, 0, "its GAN failed, a loss became nan")
    found = check(run)
    assert (found.kept, found.stage) == (0.5, "fresh")
    assert sentence(found) == (
        "Whether fake images help is not known: no GAN drew a usable image (its GAN failed, a loss "
        "became nan)."
    )


def test_without_a_score_of_the_best_trial_the_other_side_is_not_trained(run):
    assert to_train(run, replace(BEST, trial=4)) == []
    found = check(run, trial=4)
    assert found.unknown == "trial 4 could not be trained on the fresh folds"


@pytest.mark.parametrize(("searched", "other", "word"), [(0.5, 0.0, "without"), (0.0, 1.0, "with")])
def test_the_best_trial_is_trained_the_other_way(run, searched, other, word):
    best = replace(BEST, recipe=Recipe(epochs=7, fakes=searched))
    (entry,) = to_train(run, best)
    assert entry.candidate.recipe == Recipe(epochs=7, fakes=other)
    assert (entry.candidate.trial, entry.stage) == (3, f"fakes/{word}")
    assert str(entry) == f"trial 3 {word} fake images"
