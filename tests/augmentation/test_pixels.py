"""Light, noise and cutout against slow NumPy."""

import numpy as np
import pytest

from automl_sem.augmentation import RandomCutout, RandomLight, RandomNoise

pytestmark = pytest.mark.usefixtures("reproducible")

SEED = np.array([3, 4], np.int32)


def test_light_changes_contrast_around_the_mean_and_then_brightness(images):
    layer = RandomLight(brightness=0.4, contrast=0.5)
    draws = layer.draw(len(images), images.shape[1:], SEED).numpy()
    ours = layer.change(images, draws, 0.0).numpy()
    for image, result, (brighter, contrast) in zip(images, ours, draws, strict=True):
        wanted = image.mean() + (image - image.mean()) * 1.5**contrast + 255 * 0.4 * brighter
        np.testing.assert_allclose(result, np.clip(wanted, 0, 255), atol=0.01)


def test_noise_has_a_deviation_of_its_own_in_each_image():
    layer = RandomNoise(noise=0.1)
    grey = np.full((300, 20, 20, 1), 127, np.float32)
    draws = layer.draw(300, (20, 20, 1), SEED).numpy()
    ours = layer.change(grey, draws, 0.0).numpy()
    np.testing.assert_allclose(ours, np.clip(grey + 255 * draws, 0, 255), atol=1e-3)
    deviations = draws.std(axis=(1, 2, 3))
    assert deviations.mean() == pytest.approx(0.05, rel=0.1)
    assert deviations.min() < 0.005
    assert 0.09 < deviations.max() < 0.12
    standardised = draws / deviations[:, None, None, None]
    assert (standardised**4).mean() == pytest.approx(3, rel=0.05)  # as normal noise has it


@pytest.mark.parametrize("fill", [0.0, 255.0])
def test_cutout_paints_a_square_of_background(images, fill):
    layer = RandomCutout(cutout=0.6)
    draws = layer.draw(len(images), images.shape[1:], SEED).numpy()
    ours = layer.change(images, draws, fill).numpy()
    height, width = images.shape[1:3]
    for image, result, (side, y, x) in zip(images, ours, draws, strict=True):
        half = side * 0.6 * min(height, width) / 2
        fine = 100  # hundredths of a pixel
        rows, columns = (
            (np.abs((np.arange(n * fine) + 0.5) / fine - middle) < half).reshape(n, fine).mean(1)
            for n, middle in ((height, y * height), (width, x * width))
        )
        painted = np.outer(rows, columns)[..., None]
        np.testing.assert_allclose(result, image + painted * (fill - image), atol=6)
        untouched = painted[..., 0] == 0
        np.testing.assert_array_equal(result[untouched], image[untouched])


def test_a_square_as_wide_as_the_image_can_hide_all_of_it(images):
    whole = np.tile(np.float32([1, 0.5, 0.5]), (len(images), 1))
    shorter = min(images.shape[1:3])
    hidden = RandomCutout(1.0).change(images[:, :shorter, :shorter], whole, 255.0)
    np.testing.assert_allclose(hidden, 255.0, atol=1e-3)
