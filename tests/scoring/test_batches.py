"""Batches: order, targets, class weights."""

import numpy as np
import tensorflow as tf
from hypothesis import given
from hypothesis import strategies as st

from automl_sem.scoring import batches
from automl_sem.types import Recipe

LABELS = np.zeros(200, np.int64)


@given(n=st.integers(1, 60), size=st.integers(1, 100), seed=st.integers(1, 2**31))
def test_an_epoch_shows_every_row_and_fills_at_least_one_batch(n, size, seed):
    rows = np.arange(100, 100 + n)
    order = batches.epoch_order(rows, LABELS, Recipe(batch_size=size), seed)
    assert set(order) == set(rows)
    assert len(order) == max(n, size)
    counts = np.unique(order, return_counts=True)[1]
    assert counts.max() - counts.min() <= 1


def test_epochs_are_shuffled_each_in_its_own_way():
    first, second, again = (
        batches.epoch_order(np.arange(50), LABELS, Recipe(batch_size=8), seed).tolist()
        for seed in (1, 2, 1)
    )
    assert first != second
    assert first == again


@given(batch_size=st.integers(1, 200), seed=st.integers(1, 2**31))
def test_balanced_sampling_shows_all_classes_equally_often(batch_size, seed):
    labels = np.repeat([0, 1, 2], [80, 15, 5])
    rows = np.flatnonzero(np.arange(100) % 10 != 3)
    recipe = Recipe(batch_size=batch_size, class_weight="sampling")
    order = batches.epoch_order(rows, labels, recipe, seed)
    assert set(order) <= set(rows)
    assert len(order) == max(len(rows), batch_size)
    once = order[: len(rows)]
    counts = np.bincount(labels[once])
    assert counts.max() - counts.min() <= 1
    for number in (1, 2):  # an example is repeated only when all of its class were shown
        shown = np.unique(once[labels[once] == number], return_counts=True)[1]
        assert len(shown) == np.count_nonzero(labels[rows] == number)
        assert shown.max() - shown.min() <= 1


def test_labels_are_smoothed():
    wanted = batches.targets(tf.constant([1, 0]), 4, 0.2).numpy()
    np.testing.assert_allclose(wanted, [[0.05, 0.85, 0.05, 0.05], [0.85, 0.05, 0.05, 0.05]])
