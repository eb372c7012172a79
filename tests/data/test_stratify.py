"""Folds of examples with several labels, and of numbers."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from automl_sem.data.split import even_holdout, stratified_folds, usable_folds
from automl_sem.data.stratify import even_folds
from automl_sem.errors import UserError


def labels(n: int, seed: int = 0) -> np.ndarray:
    shares = [0.5, 0.2, 0.05]
    return (np.random.default_rng(seed).uniform(size=(n, 3)) < shares).astype(np.int64)


class TestLabels:
    def test_every_fold_gets_its_share_of_every_label(self):
        y = labels(400)
        folds = stratified_folds(y, 5, seed=1)
        counts = np.array([y[folds == fold].sum(axis=0) for fold in range(5)])
        assert (np.ptp(counts, axis=0) <= 2).all()
        assert np.ptp(np.bincount(folds)) <= 6

    def test_the_seed_decides(self):
        y = labels(100)
        assert (stratified_folds(y, 5, 1) == stratified_folds(y, 5, 1)).all()
        assert (stratified_folds(y, 5, 1) != stratified_folds(y, 5, 2)).any()

    def test_no_group_is_divided(self):
        y, groups = labels(200), np.arange(200) // 5
        folds = stratified_folds(y, 4, 0, groups)
        assert all(len(set(folds[groups == group])) == 1 for group in range(40))
        assert np.ptp(np.bincount(folds)) <= 15

    def test_copies_stay_together(self):
        copies = np.arange(60) % 30
        folds = stratified_folds(labels(60), 3, 0, None, copies)
        assert (folds[:30] == folds[30:]).all()

    def test_a_rare_label_is_spoken_of(self):
        y = np.zeros((20, 2), np.int64)
        y[::2, 0], y[:3, 1] = 1, 1
        folds, note = usable_folds(y, 5, ["often", "rare"])
        assert folds == 5
        assert note == (
            "label 'rare' is in 3 different examples, so that some of the 5 folds cannot score it"
        )


class TestNumbers:
    def test_every_fold_gets_small_and_large_ones(self):
        y = np.random.default_rng(0).lognormal(0, 1, (200, 1)).astype(np.float32)
        folds = stratified_folds(y, 5, 0)
        assert np.bincount(folds).tolist() == [40] * 5
        medians = [np.median(y[folds == fold]) for fold in range(5)]
        assert max(medians) < 1.2 * min(medians)

    def test_each_of_several_numbers_is_shared_out(self):
        y = np.random.default_rng(0).normal(size=(300, 2)).astype(np.float32)
        folds = stratified_folds(y, 3, 0)
        means = np.array([y[folds == fold].mean(axis=0) for fold in range(3)])
        assert (np.ptp(means, axis=0) < 0.1).all()

    def test_too_few_examples_make_fewer_folds(self):
        y = np.arange(3, dtype=np.float32)[:, None]
        assert usable_folds(y, 5, ["age"])[0] == 3
        with pytest.raises(UserError, match="fewer than 2 groups"):
            usable_folds(y, 5, ["age"], np.zeros(3, np.int64))

    def test_a_fifth_is_held_out(self):
        y = np.random.default_rng(0).normal(size=(50, 1)).astype(np.float32)
        mask = even_holdout(y, 0.2, 0, np.arange(50))
        assert mask.sum() == 10
        assert abs(y[mask].mean() - y.mean()) < 0.2


@settings(deadline=None)
@given(
    st.integers(0, 1000),
    st.integers(2, 5),
    st.integers(6, 40),
    st.integers(1, 4),
)
def test_all_folds_have_examples_and_all_examples_a_fold(seed, folds, n, columns):
    marks = np.random.default_rng(seed).uniform(size=(n, columns)) < 0.3
    number = even_folds(marks, np.arange(n), folds, seed)
    assert set(number.tolist()) == set(range(folds))
