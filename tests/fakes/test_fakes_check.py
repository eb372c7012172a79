"""Fakes are kept only if the interval of the paired gain lies above zero."""

import numpy as np
import pytest

from automl_sem.fakes_check import Finding, compared, sentence, to_train
from automl_sem.scoring.metrics import fold_interval
from automl_sem.types import Candidate, FoldResult, Recipe, Score


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


@pytest.mark.parametrize(("searched", "other", "word"), [(0.5, 0.0, "without"), (0.0, 1.0, "with")])
def test_the_best_trial_is_trained_the_other_way(searched, other, word):
    best = Candidate(3, {"units": 8}, Recipe(epochs=7, fakes=searched), 10, "model")
    entry = to_train(best)
    assert entry.candidate.recipe == Recipe(epochs=7, fakes=other)
    assert (entry.candidate.trial, entry.stage) == (3, f"fakes/{word}")
    assert str(entry) == f"trial 3 {word} fake images"
