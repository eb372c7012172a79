"""The verdict rests on paired differences on the same fresh folds."""

import numpy as np
import pytest

from automl_sem.finalists import compare
from automl_sem.scoring.metrics import fold_interval
from automl_sem.types import FoldResult, Score


def score(*losses):
    empty = np.zeros(1, np.int64), np.zeros((1, 2), np.float32)
    return Score(tuple(FoldResult(i, *empty, loss, 0.5) for i, loss in enumerate(losses)))


BASELINE = score(0.9, 1.4, 0.6, 1.1, 1.0)


@pytest.mark.parametrize(
    ("best", "word"),
    [
        (score(0.5, 1.0, 0.2, 0.72, 0.6), "better"),
        (score(1.3, 1.8, 1.0, 1.52, 1.4), "worse"),
        (score(0.5, 1.8, 0.2, 1.5, 0.6), "not distinguishable"),
        (BASELINE, "not distinguishable"),
    ],
)
def test_the_word_follows_the_paired_interval(best, word):
    assert compare(best, BASELINE, same=False).word == word


def test_the_interval_is_of_the_differences_fold_by_fold():
    best = score(0.5, 1.1, 0.3, 0.6, 0.9)
    verdict = compare(best, BASELINE, same=False)
    expected = fold_interval([-0.4, -0.3, -0.3, -0.5, -0.1], "log_loss difference")
    assert verdict.interval.low == pytest.approx(expected.low)
    assert verdict.interval.high == pytest.approx(expected.high)
    assert verdict.difference == pytest.approx(-0.32)


def test_a_large_gain_in_every_fold_shows_although_folds_differ_much():
    """Unpaired intervals of these two overlap; the paired one does not."""
    folds = np.array([0.2, 2.0, 0.5, 1.5, 1.0])
    assert compare(score(*(folds - 0.1)), score(*folds), same=False).word == "better"


def test_the_baseline_is_not_compared_with_itself():
    verdict = compare(BASELINE, BASELINE, same=True)
    assert (verdict.word, verdict.interval) == ("the baseline itself", None)
