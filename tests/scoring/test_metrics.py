"""Scores and intervals against independent implementations."""

import math

import numpy as np
import pytest
import sklearn.metrics
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from automl_sem.scoring.metrics import accuracy, fold_interval, log_loss, wilson_interval


def test_log_loss_and_accuracy_agree_with_scikit_learn():
    rng = np.random.default_rng(0)
    p = rng.dirichlet([1, 1, 1], 50).astype(np.float32)
    y = rng.integers(0, 3, 50)
    assert log_loss(y, p) == pytest.approx(sklearn.metrics.log_loss(y, p), rel=1e-5)
    assert accuracy(y, p) == sklearn.metrics.accuracy_score(y, p.argmax(1))


def test_a_certain_mistake_costs_a_finite_loss():
    assert log_loss(np.array([1]), np.array([[1.0, 0.0]], np.float32)) == -math.log(1e-7)


@given(n=st.integers(1, 500), share=st.floats(0, 1))
def test_the_wilson_interval_agrees_with_scipy(n, share):
    hits = round(share * n)
    expected = stats.binomtest(hits, n).proportion_ci(0.95, method="wilson")
    interval = wilson_interval(hits, n)
    assert (interval.low, interval.high) == pytest.approx((expected.low, expected.high), abs=1e-6)


def test_the_fold_interval_is_wider_than_the_plain_one_by_the_shared_training_data():
    values = [0.1, 0.3, 0.2, 0.4, 0.25]
    plain = stats.t.interval(0.95, 4, np.mean(values), stats.sem(values))
    ours = fold_interval(values, "log_loss")
    widening = (ours.high - ours.low) / (plain[1] - plain[0])
    assert widening == pytest.approx(math.sqrt((1 / 5 + 1 / 4) / (1 / 5)))
    assert (ours.low + ours.high) / 2 == pytest.approx(np.mean(values))


def test_an_interval_ends_where_no_value_can_be():
    values = [0.01, 0.02, 0.9]
    assert fold_interval(values, "log_loss").low < 0
    assert fold_interval(values, "log_loss", lowest=0.0).low == 0


def test_one_fold_has_no_interval():
    with pytest.raises(ValueError, match="at least two folds"):
        fold_interval([0.1], "log_loss")
