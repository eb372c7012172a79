"""Stroke thickness against SciPy's grey morphology, and that no line is lost."""

import numpy as np
import pytest
from conftest import DRAWINGS
from PIL import Image
from scipy import ndimage

from automl_sem.augmentation.stroke import RandomStroke

pytestmark = pytest.mark.usefixtures("reproducible")

LAYER = RandomStroke(stroke=3.0)
CROSS = ndimage.generate_binary_structure(2, 1)
SQUARE = np.ones((3, 3), bool)


def thicker(ink, radius):
    """Return a dilation by a cross and a square in turns, as one footprint."""
    footprint = np.zeros((7, 7), bool)
    footprint[3, 3] = True
    for step in range(radius):
        footprint = ndimage.binary_dilation(footprint, SQUARE if step % 2 else CROSS)
    return ndimage.grey_dilation(ink, footprint=footprint, mode="constant", cval=-1e6)


def thinner(ink, radius):
    for step in range(radius):
        footprint = SQUARE if step % 2 else CROSS
        eroded = ndimage.grey_erosion(ink, footprint=footprint, mode="constant", cval=1e6)
        opened = ndimage.grey_dilation(eroded, footprint=footprint, mode="constant", cval=-1e6)
        ink = ink - (opened - eroded)
    return ink


def expected(ink, amount):
    by_whole_pixels = thicker if amount > 0 else thinner
    below = int(abs(amount))
    share = abs(amount) - below
    return (1 - share) * by_whole_pixels(ink, below) + share * by_whole_pixels(ink, below + 1)


@pytest.mark.parametrize("amount", [-2.5, -1.0, -0.3, 0.4, 1.0, 1.7, 2.2, 2.9])
def test_it_is_grey_dilation_and_erosion(images, amount):
    draws = np.full(len(images), amount, np.float32)
    light = LAYER.change(images, draws, 0.0).numpy()
    dark = LAYER.change(255 - images, draws, 255.0).numpy()
    np.testing.assert_allclose(dark, 255 - light, atol=1e-3)
    for image, result in zip(images, light, strict=True):
        for channel in range(images.shape[-1]):
            wanted = expected(image[..., channel].astype(float), amount)
            np.testing.assert_allclose(result[..., channel], wanted, atol=1e-2)


def test_half_the_drawings_become_thicker():
    draws = RandomStroke(1.5).draw(4000, (8, 8, 1), np.array([1, 2], np.int32)).numpy()
    assert np.abs(draws).max() <= 1.5
    assert draws.mean() == pytest.approx(0, abs=0.05)
    assert draws.std() == pytest.approx(1.5 / 3**0.5, abs=0.05)


@pytest.mark.parametrize("amount", [-3.0, -1.0])
@pytest.mark.parametrize("width", [1, 2])
def test_thin_lines_stay_as_they_are(amount, width):
    image = np.zeros((1, 15, 15, 1), np.float32)
    image[0, 3:12, 5 : 5 + width] = 255
    thin = LAYER.change(image, np.array([amount], np.float32), 0.0)
    np.testing.assert_array_equal(thin, image)


def test_a_bar_of_five_pixels_becomes_one_of_three_and_then_a_line():
    image = np.zeros((1, 5, 15, 1), np.float32)
    image[0, :, 5:10] = 255
    for amount, ink in ((-1.0, 3), (-2.0, 1), (-3.0, 1), (1.0, 7)):
        changed = LAYER.change(image, np.array([amount], np.float32), 0.0).numpy()
        assert (changed[0, 2, :, 0] > 127).sum() == ink


@pytest.mark.skipif(not DRAWINGS.is_dir(), reason=f"the real drawings are not at {DRAWINGS}")
@pytest.mark.parametrize("amount", [-0.5, -1.0, -3.0])
def test_real_drawings_are_thinned_but_not_broken(amount):
    files = sorted(DRAWINGS.glob("train/*/*.png"))
    drawings = np.stack([np.asarray(Image.open(file).convert("L")) for file in files])
    ink = 255.0 - drawings[..., None].astype(np.float32)
    draws = np.full(len(ink), amount, np.float32)
    thin = 255.0 - LAYER.change(255.0 - ink, draws, 255.0).numpy()
    shares = thin.sum(axis=(1, 2, 3)) / ink.sum(axis=(1, 2, 3))
    assert 0.3 < shares.min() < shares.max() < 0.95
    for before, after in zip(ink[..., 0], thin[..., 0], strict=True):
        # Wherever a stroke was, a dark pixel of it is left within reach of the change.
        near = ndimage.grey_dilation(after, size=(5, 5))
        assert near[before > 200].min() > 120
