"""Distortions that nothing trains on, against SciPy's."""

import numpy as np
import pytest
import tensorflow as tf
from scipy import ndimage

from automl_sem.augmentation.unseen import RandomBlur, RandomPerspective

SEED = np.array([3, 4], np.int32)


@pytest.fixture
def images():
    return np.random.default_rng(0).uniform(0, 255, (6, 12, 10, 2)).astype(np.float32)


def test_perspective_shrinks_what_is_far(images):
    layer = RandomPerspective(0.3)
    draws = layer.draw(6, (12, 10, 2), SEED)
    ours = layer.change(tf.constant(images), draws, 255.0).numpy()
    rows, columns = np.mgrid[:12, :10].astype(float)
    for image, result, (p, q) in zip(images, ours, draws.numpy(), strict=True):
        y, x = rows - 5.5, columns - 4.5
        far = 1 + 0.3 * p * x / 4.5 + 0.3 * q * y / 5.5
        at = [20 + 5.5 + y / far, 20 + 4.5 + x / far]
        for channel in range(2):
            padded = np.pad(image[..., channel], 20, constant_values=255.0)
            expected = ndimage.map_coordinates(padded, at, order=1)
            np.testing.assert_allclose(result[..., channel], expected, atol=0.1)


def test_blur_is_gaussian(images):
    layer = RandomBlur(1.5)
    draws = layer.draw(6, (12, 10, 2), SEED)
    ours = layer.change(tf.constant(images), draws, 255.0).numpy()
    for image, result, (share,) in zip(images, ours, draws.numpy(), strict=True):
        for channel in range(2):
            expected = ndimage.gaussian_filter(
                image[..., channel], 1.5 * share, mode="constant", cval=255.0, radius=4
            )
            np.testing.assert_allclose(result[..., channel], expected, atol=0.1)
