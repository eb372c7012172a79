"""Folds and held-out parts: every example once, every class in its share."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from automl_sem.data.dataset import TrainingPart
from automl_sem.data.split import (
    check_classes,
    hold_out_test,
    stratified_folds,
    stratified_holdout,
    usable_folds,
)
from automl_sem.errors import Unlabelled, UserError

seeds = st.integers(0, 2**31 - 1)


@st.composite
def labels(draw, smallest=2):
    counts = draw(st.lists(st.integers(smallest, 30), min_size=2, max_size=5))
    y = np.repeat(np.arange(len(counts)), counts)
    return draw(st.permutations(list(y)).map(np.array))


@given(y=labels(smallest=5), folds=st.integers(2, 5), seed=seeds)
@settings(max_examples=50, deadline=None)
def test_folds_are_a_stratified_partition(y, folds, seed):
    number = stratified_folds(y, folds, seed)
    assert number.dtype == np.int8
    assert set(number) == set(range(folds))
    for label in np.unique(y):
        per_fold = np.bincount(number[y == label], minlength=folds)
        assert per_fold.sum() == (y == label).sum()
        assert per_fold.max() - per_fold.min() <= 1


def test_the_seed_decides_the_folds():
    y = np.arange(60) % 3
    assert (stratified_folds(y, 5, seed=4) == stratified_folds(y, 5, seed=4)).all()
    assert (stratified_folds(y, 5, seed=4) != stratified_folds(y, 5, seed=5)).any()


def test_as_many_folds_as_wanted_need_no_note():
    assert usable_folds(np.array([0] * 5 + [1] * 9), 5, ("a", "b")) == (5, None)


def test_the_smallest_class_limits_the_folds_and_the_note_names_it():
    folds, note = usable_folds(np.array([0] * 9 + [1] * 3), 5, ("cat", "dog"))
    assert folds == 3
    assert note is not None
    assert "3 folds instead of 5" in note
    assert "'dog'" in note


@pytest.mark.parametrize(
    ("y", "wanted", "names", "message"),
    [
        ([0, 0, 0, 1], 5, ("cat", "dog"), "class 'dog' has a single example"),
        ([0, 0, 0], 5, ("cat", "dog"), "class 'dog' has no example"),
        ([0, 0, 1, 1], 1, ("cat", "dog"), "Received: 1"),
        ([0, 0, 1, 1], 101, ("cat", "dog"), "Received: 101"),
    ],
)
def test_folds_that_cannot_be_made_are_refused(y, wanted, names, message):
    with pytest.raises(UserError, match=message):
        usable_folds(np.array(y), wanted, names)


def test_one_class_is_nothing_to_tell_apart_but_can_be_drawn():
    y = np.zeros(6, np.int64)
    with pytest.raises(Unlabelled, match="only one class, 'cat'"):
        check_classes(y, ("cat",))
    assert check_classes(y, ("cat",), fewest=1) == ("cat", 6)
    assert usable_folds(y, 3, ("cat",)) == (3, None)


@given(y=labels(), share=st.floats(0.05, 0.5), seed=seeds)
@settings(max_examples=100, deadline=None)
def test_holding_out_takes_its_share_of_each_class_and_leaves_two(y, share, seed):
    mask = stratified_holdout(y, share, seed)
    for label in np.unique(y):
        n, held = (y == label).sum(), mask[y == label].sum()
        assert n - held >= 2
        assert held <= max(1, round(share * n))
        assert held >= 1 or n < 3


def test_a_fifth_is_held_out_and_the_note_says_so():
    y = np.arange(40) % 2
    part = TrainingPart(
        np.arange(40 * 64, dtype=np.int64).astype(np.uint8).reshape(40, 8, 8, 1),
        y,
        tuple(map(str, range(40))),
        ("a", "b"),
    )
    train, test, note = hold_out_test(part, seed=0)
    assert np.bincount(train.y).tolist() == [16, 16]
    assert np.bincount(test.y).tolist() == [4, 4]
    assert sorted(train.names + test.names, key=int) == list(part.names)
    assert all((part.x[int(name)] == x).all() for name, x in zip(test.names, test.x, strict=True))
    assert "8 of 40" in note
