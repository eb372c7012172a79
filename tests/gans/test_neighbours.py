import numpy as np
import pytest

from automl_sem.scoring.gan.neighbours import (
    copying,
    density_and_coverage,
    expected_coverage,
    two_sample_accuracy,
)


def sample(n, d=4, shift=0.0, seed=0):
    return np.random.default_rng(seed).normal(shift, 1.0, (n, d)).astype(np.float32)


def far(x, y):
    return float(np.linalg.norm(x.astype(np.float64) - y.astype(np.float64)))


def slow_density_and_coverage(real, fake, k):
    """Naeem et al. 2020, equations 5 and 6, ball by ball."""
    radii = []
    for i, x in enumerate(real):
        others = sorted(far(x, y) for j, y in enumerate(real) if j != i)
        radii.append(others[k - 1])
    inside = [[far(x, y) < r for y in fake] for x, r in zip(real, radii, strict=True)]
    density = sum(map(sum, inside)) / (k * len(fake))
    return density, sum(map(any, inside)) / len(real)


def slow_two_sample_accuracy(real, fake):
    points = [(x, "real") for x in real] + [(x, "fake") for x in fake]
    right = 0
    for i, (x, kind) in enumerate(points):
        rest = [(far(x, y), other) for j, (y, other) in enumerate(points) if j != i]
        right += min(rest)[1] == kind
    return right / len(points)


@pytest.mark.parametrize("k", [1, 3, 5])
def test_density_and_coverage_are_those_of_their_definition(k):
    real, fake = sample(25), sample(40, shift=0.4, seed=1)
    assert density_and_coverage(real, fake, k) == pytest.approx(
        slow_density_and_coverage(real, fake, k)
    )


def test_two_sample_accuracy_is_that_of_leaving_one_out():
    real, fake = sample(30), sample(30, shift=0.5, seed=1)
    assert two_sample_accuracy(real, fake) == pytest.approx(slow_two_sample_accuracy(real, fake))


def test_of_one_source_density_is_one_and_coverage_as_expected():
    found = [
        density_and_coverage(sample(200, seed=2 * i), sample(200, seed=2 * i + 1))
        for i in range(30)
    ]
    density, coverage = np.mean(found, axis=0)
    assert density == pytest.approx(1.0, abs=0.03)
    assert coverage == pytest.approx(expected_coverage(200, 200), abs=0.01)


def test_of_one_source_neighbours_cannot_tell_two_samples_apart():
    found = [
        two_sample_accuracy(sample(100, seed=2 * i), sample(100, seed=2 * i + 1)) for i in range(30)
    ]
    assert np.mean(found) == pytest.approx(0.5, abs=0.03)


def test_expected_coverage_of_equal_numbers_is_nearly_all_but_one_in_two_to_the_k():
    assert expected_coverage(10_000, 10_000, 5) == pytest.approx(1 - 2**-5, abs=1e-3)


def test_unlike_samples_are_told_apart_and_cover_nothing():
    real, fake = sample(50), sample(50, shift=9.0, seed=1)
    assert two_sample_accuracy(real, fake) == 1
    assert density_and_coverage(real, fake) == (0, 0)


def test_images_of_one_place_alone_are_dense_and_cover_little():
    real = sample(100)
    crowd = np.repeat(real[:1], 100, axis=0) + sample(100, seed=2) * 1e-3
    density, coverage = density_and_coverage(real, crowd)
    assert density > 1
    assert coverage < 0.2


def test_copies_of_training_images_are_nearer_to_them():
    train, held_out = sample(60), sample(60, seed=1)
    assert copying(train[:20], train, held_out) == 1
    assert copying(held_out[:20], train, held_out) == 0
    assert copying(sample(2000, seed=2), train, held_out) == pytest.approx(0.5, abs=0.1)


def test_as_near_to_the_one_as_to_the_other_counts_half():
    same = sample(10)
    assert copying(sample(10, seed=1), same, same) == 0.5


def test_samples_of_unequal_size_are_refused():
    with pytest.raises(ValueError, match=r"same size. Received: 10 and 9"):
        two_sample_accuracy(sample(10), sample(9))
    with pytest.raises(ValueError, match=r"same size. Received: 10 and 9"):
        copying(sample(5), sample(10), sample(9))
