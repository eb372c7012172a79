"""Batches: order, background, targets."""

import dataclasses

import numpy as np
import tensorflow as tf
from hypothesis import given
from hypothesis import strategies as st

from automl_sem.data import load_dataset
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


def test_the_background_is_what_the_border_shows():
    x = np.full((3, 9, 9, 1), 250, np.uint8)
    x[:, 2:7, 2:7] = 10
    assert batches.background(x) == 250


def test_drawings_are_told_from_pictures():
    drawings = load_dataset("shapes").train
    assert batches.looks_drawn(drawings)
    inverted = dataclasses.replace(drawings, x=255 - drawings.x)
    assert batches.looks_drawn(inverted)
    noise = np.random.default_rng(0).integers(0, 256, drawings.x.shape, np.uint8)
    assert not batches.looks_drawn(dataclasses.replace(drawings, x=noise))
    assert not batches.looks_drawn(dataclasses.replace(drawings, x=drawings.x.repeat(3, axis=-1)))
    assert not batches.looks_drawn(dataclasses.replace(drawings, x=drawings.x.repeat(4, axis=1)))
