import numpy as np
import pytest

from automl_sem.scoring.gan.kid import floor_of, kid


def sample(n, d=8, shift=0.0, seed=0):
    return np.random.default_rng(seed).normal(shift, 1.0, (n, d)).astype(np.float32)


def slow_kid(ours, theirs):
    """Binkowski et al. 2018, equation 4, sum by sum."""
    d = ours.shape[1]

    def k(x, y):
        return (float(np.dot(x.astype(np.float64), y.astype(np.float64))) / d + 1) ** 3

    m, n = len(ours), len(theirs)
    within_ours = sum(k(ours[i], ours[j]) for i in range(m) for j in range(m) if i != j)
    within_theirs = sum(k(theirs[i], theirs[j]) for i in range(n) for j in range(n) if i != j)
    across = sum(k(x, y) for x in ours for y in theirs)
    return within_ours / (m * (m - 1)) + within_theirs / (n * (n - 1)) - 2 * across / (m * n)


def test_it_is_the_sum_of_its_definition():
    ours, theirs = sample(7), sample(9, shift=0.3, seed=1)
    assert kid(ours, theirs) == pytest.approx(slow_kid(ours, theirs), rel=1e-9)


def test_samples_of_one_source_have_a_mean_distance_of_zero():
    found = [kid(sample(100, seed=2 * i), sample(100, seed=2 * i + 1)) for i in range(200)]
    error = np.std(found) / np.sqrt(len(found))
    assert abs(np.mean(found)) < 3 * error
    assert min(found) < 0, "it is unbiased, so half of them are below 0"


def test_it_grows_with_the_distance_of_the_sources():
    found = [kid(sample(200), sample(200, shift=shift, seed=1)) for shift in (0.0, 0.2, 0.5, 1.0)]
    assert found == sorted(found)


def test_the_floor_is_the_distance_of_samples_of_the_training_images():
    train, held_out = sample(80), sample(30, seed=1)
    floor = floor_of(train, held_out, seed=3, draws=200)
    rng = np.random.default_rng(5)
    found = [kid(train[rng.choice(80, 30, replace=False)], held_out) for _ in range(200)]
    assert floor.size == 30
    assert floor.mean == pytest.approx(np.mean(found), abs=4 * np.std(found) / np.sqrt(200))
    assert floor.deviation == pytest.approx(np.std(found), rel=0.3)


def test_what_is_at_the_floor_scores_zero_and_a_deviation_above_it_one():
    floor = floor_of(sample(80), sample(30, seed=1), seed=3)
    assert floor.above(floor.mean) == 0
    assert floor.above(floor.mean + 2 * floor.deviation) == pytest.approx(2)


def test_the_floor_follows_from_the_seed():
    train, held_out = sample(80), sample(30, seed=1)
    assert floor_of(train, held_out, 3) == floor_of(train, held_out, 3)
    assert floor_of(train, held_out, 3) != floor_of(train, held_out, 4)
