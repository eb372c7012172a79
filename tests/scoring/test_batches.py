"""Batches: order, background, and the affine change against SciPy."""

import numpy as np
import pytest
import tensorflow as tf
from hypothesis import given
from hypothesis import strategies as st
from scipy import ndimage

from automl_sem.scoring import batches


@given(n=st.integers(1, 60), size=st.integers(1, 100), seed=st.integers(1, 2**31))
def test_an_epoch_shows_every_row_and_fills_at_least_one_batch(n, size, seed):
    rows = np.arange(100, 100 + n)
    order = batches.epoch_order(rows, size, seed)
    assert set(order) == set(rows)
    assert len(order) == max(n, size)
    counts = np.unique(order, return_counts=True)[1]
    assert counts.max() - counts.min() <= 1


def test_epochs_are_shuffled_each_in_its_own_way():
    orders = [batches.epoch_order(np.arange(50), 8, seed).tolist() for seed in (1, 2)]
    assert orders[0] != orders[1]
    assert orders[0] == batches.epoch_order(np.arange(50), 8, 1).tolist()


def test_the_background_is_what_the_border_shows():
    x = np.full((3, 9, 9, 1), 250, np.uint8)
    x[:, 2:7, 2:7] = 10
    assert batches.background(x) == 250


def test_the_change_is_the_one_scipy_makes():
    rng = np.random.default_rng(0)
    images = rng.uniform(0, 255, (6, 12, 10, 2)).astype(np.float32)
    seed = np.array([3, 4], np.int32)
    ours = batches.augment(tf.constant(images), seed, 255.0).numpy()
    draws = tf.random.stateless_uniform((6, 4), seed, -1.0, 1.0).numpy()
    center = np.array([5.5, 4.5])  # row, column
    for image, result, (turn, zoom, move_x, move_y) in zip(images, ours, draws, strict=True):
        angle, scale = turn * batches.MAX_ROTATION, np.exp(zoom * batches.MAX_ZOOM)
        cos, sin = np.cos(angle) / scale, np.sin(angle) / scale
        matrix = np.array([[cos, sin], [-sin, cos]])
        moved = center + [move_y * batches.MAX_SHIFT * 12, move_x * batches.MAX_SHIFT * 10]
        for channel in range(2):
            expected = ndimage.affine_transform(
                np.pad(image[..., channel], 3, constant_values=255.0),
                matrix,
                offset=3 + center - matrix @ moved,
                output_shape=(12, 10),
                order=1,
                cval=255.0,
            )
            np.testing.assert_allclose(result[..., channel], expected, atol=0.1)


def test_what_comes_into_view_is_background():
    images = tf.fill((8, 10, 10, 1), 40.0)
    changed = batches.augment(images, np.array([1, 2], np.int32), 255.0).numpy()
    assert changed.max() > 150
    assert changed.min() == pytest.approx(40.0, abs=1e-3)
