"""The affine change against SciPy's, and the background that comes into view."""

import numpy as np
import pytest
import tensorflow as tf
from scipy import ndimage

from automl_sem.augmentation.affine import RandomAffine

LAYER = RandomAffine(rotation=180, scale=0.5, aspect=0.4, shear=30, shift=0.2, flip=True)


def matrix_of(draws):
    """Return the matrix from output to input offsets, in (x, y), built step by step."""
    angle = np.radians(180) * draws[0]
    turn = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    stretch = 1.4 ** (draws[2] / 2)
    lean = np.array([[1, np.tan(np.radians(30) * draws[3])], [0, 1]])
    mirror = np.diag([-1 if draws[6] < 0 else 1, 1])
    return mirror @ lean @ np.diag([1 / stretch, stretch]) @ turn / 1.5 ** draws[1]


def test_the_change_is_the_one_scipy_makes():
    rng = np.random.default_rng(0)
    images = rng.uniform(0, 255, (8, 12, 10, 2)).astype(np.float32)
    draws = LAYER.draw(8, (12, 10, 2), np.array([3, 4], np.int32))
    ours = LAYER.change(tf.constant(images), draws, 255.0).numpy()
    swap = np.eye(2)[::-1]  # SciPy's coordinates are (row, column)
    center = np.array([5.5, 4.5])
    assert set(np.sign(draws.numpy()[:, 6])) == {-1, 1}
    for image, result, drawn in zip(images, ours, draws.numpy(), strict=True):
        matrix = swap @ matrix_of(drawn) @ swap
        moved = center + [drawn[5] * 0.2 * 12, drawn[4] * 0.2 * 10]
        for channel in range(2):
            expected = ndimage.affine_transform(
                np.pad(image[..., channel], 20, constant_values=255.0),
                matrix,
                offset=20 + center - matrix @ moved,
                output_shape=(12, 10),
                order=1,
                cval=255.0,
            )
            np.testing.assert_allclose(result[..., channel], expected, atol=0.1)


def test_what_comes_into_view_is_background():
    images = tf.fill((8, 10, 10, 1), 40.0)
    draws = LAYER.draw(8, (10, 10, 1), np.array([1, 2], np.int32))
    changed = LAYER.change(images, draws, 255.0).numpy()
    assert changed.max() > 150
    assert changed.min() == pytest.approx(40.0, abs=1e-3)


def test_as_a_layer_it_changes_images_only_while_training():
    images = np.random.default_rng(1).uniform(0, 255, (4, 12, 10, 2)).astype(np.float32)
    np.testing.assert_array_equal(LAYER(images, training=False), images)
    first, second = (np.asarray(LAYER(images, training=True)) for _ in range(2))
    assert np.abs(first - images).max() > 10
    assert np.abs(first - second).max() > 10
