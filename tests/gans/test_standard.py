import numpy as np
import pytest

from automl_sem.scoring.gan.kid import kid
from automl_sem.scoring.gan.standard import SMALLEST, Standard


def features(n, seed):
    found = np.random.default_rng(seed).normal(2.0, 3.0, (n, 6)).astype(np.float32)
    found[:, 0] = 0.0  # a dead unit
    return found


def test_training_features_have_mean_zero_and_deviation_one():
    train = features(200, 0)
    scaled = Standard.of(train).scaled(train)
    assert scaled.shape == (200, 5)
    np.testing.assert_allclose(scaled.mean(axis=0), 0, atol=1e-5)
    np.testing.assert_allclose(scaled.std(axis=0), 1, atol=1e-5)


@pytest.mark.parametrize("alive", [0.0, 1e-9, 1e-3])
def test_a_unit_that_is_dead_on_training_images_does_not_decide_the_distance(alive):
    """Divided by its tiny deviation it made the distance 1e16, or negative."""
    train, held_out, fake = features(200, 0), features(200, 1), features(200, 2)
    train[:3, 0] = alive
    held_out[:2, 0] = 5.0
    fake[:4, 0] = 5.0
    standard = Standard.of(train)
    without = Standard.of(train[:, 1:])
    clean = kid(without.scaled(fake[:, 1:]), without.scaled(held_out[:, 1:]))
    assert kid(standard.scaled(fake), standard.scaled(held_out)) == pytest.approx(clean)


def test_no_feature_is_divided_by_next_to_nothing():
    train = features(200, 0)
    train[:, 1] *= 0.03
    standard = Standard.of(train)
    median = np.median(train.std(axis=0)[1:])
    assert standard.divisor.min() == pytest.approx(SMALLEST * median, rel=1e-5)


def test_features_that_say_nothing_at_all_are_refused():
    with pytest.raises(ValueError, match="all features are constant"):
        Standard.of(np.ones((10, 3), np.float32))
