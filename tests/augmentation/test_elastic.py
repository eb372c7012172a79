"""Elastic warps against SciPy's splines and interpolation."""

import numpy as np
import pytest
from scipy import ndimage
from scipy.interpolate import BSpline

from automl_sem.augmentation.elastic import RandomElastic, spline

pytestmark = pytest.mark.usefixtures("reproducible")

LAYER = RandomElastic(elastic=0.3)


def along(side, knots):
    """Return the cubic B-spline of seven knots at the pixels of a side of four cells."""
    return BSpline(np.arange(-3, 8), knots, 3)((np.arange(side) + 0.5) * 4 / side)


@pytest.mark.parametrize("fill", [0.0, 200.0, 255.0])
def test_it_is_what_scipy_reads_where_a_spline_points(images, fill):
    draws = LAYER.draw(len(images), images.shape[1:], np.array([3, 4], np.int32)).numpy()
    ours = LAYER.change(images, draws, fill).numpy()
    height, width, channels = images.shape[1:]
    for image, result, drawn in zip(images, ours, draws, strict=True):
        field = [along(width, along(height, knots).T).T for knots in drawn]
        places = np.mgrid[:height, :width].astype(float)
        places += np.stack([0.3 * height * field[0], 0.3 * width * field[1]])
        for channel in range(channels):
            wanted = ndimage.map_coordinates(
                image[..., channel], places, order=1, mode="grid-constant", cval=fill
            )
            np.testing.assert_allclose(result[..., channel], wanted, atol=0.05)


@pytest.mark.parametrize("side", [1, 5, 24])
def test_no_pixel_moves_further_than_the_largest_displacement(side):
    np.testing.assert_allclose(spline(side).sum(axis=1), 1, atol=1e-6)
    assert spline(side).min() >= 0


def test_it_is_as_strong_and_as_smooth_as_that_of_simard():
    """Their field: uniform draws on 29x29, smoothed by a Gaussian of 4 pixels, times 34."""
    rng = np.random.default_rng(0)
    theirs = np.stack(
        [34 * ndimage.gaussian_filter(rng.uniform(-1, 1, (60, 60)), 4)[15:44, 15:44]
         for _ in range(300)]
    )  # fmt: skip
    draws = rng.uniform(-1, 1, (300, 7, 7))
    ours = 0.16 * 29 * (spline(29) @ draws @ spline(29).T)
    assert ours.std() == pytest.approx(theirs.std(), rel=0.1)
    slopes = [np.diff(field, axis=1).std() for field in (ours, theirs)]
    assert slopes[0] == pytest.approx(slopes[1], rel=0.15)
