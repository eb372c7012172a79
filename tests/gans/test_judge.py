"""The score of a GAN is worse for worse images: shown on real ones that are made worse."""

import dataclasses

import numpy as np
import pytest
from scipy.ndimage import gaussian_filter
from scipy.stats import spearmanr

from automl_sem.data import load_dataset
from automl_sem.data.split import stratified_folds
from automl_sem.scoring.gan.features import FeatureNetwork
from automl_sem.scoring.gan.judge import as_pixels, judge_of

FOLDS = 3


@pytest.fixture(scope="module")
def digits():
    return load_dataset("digits").train


@pytest.fixture(scope="module")
def held_out(digits):
    return np.flatnonzero(stratified_folds(digits.y, FOLDS, 0) == 0)


@pytest.fixture(scope="module")
def real(digits, held_out):
    """Training images and their classes, shuffled."""
    rows = np.setdiff1d(np.arange(len(digits.x)), held_out)
    rows = np.random.default_rng(1).permutation(rows)
    return digits.x[rows], digits.y[rows]


@pytest.fixture(scope="module", params=[10, 1], ids=["classes", "no classes"])
def judge(request, digits, held_out):
    return judge_of(FeatureNetwork(digits.x.shape[1:], request.param), digits, held_out, seed=0)


@pytest.fixture(scope="module")
def classifier(digits, held_out):
    return judge_of(FeatureNetwork(digits.x.shape[1:], 10), digits, held_out, seed=0)


def blurred(images, by):
    made = gaussian_filter(images.astype(np.float32), (0, by, by, 0))
    return np.rint(made).clip(0, 255).astype(np.uint8)


def noisy(images, by):
    made = images + np.random.default_rng(2).normal(0, 255 * by, images.shape)
    return np.rint(made).clip(0, 255).astype(np.uint8)


def repeated(images, different):
    """As many images, but only so many different ones."""
    rows = np.resize(np.arange(different), len(images))
    return images[np.random.default_rng(3).permutation(rows)]


def test_real_images_score_about_zero(judge, real):
    """(a) A sample of the training images against the held-out ones."""
    images, _ = real
    found = judge.measures(images[: len(judge.held_out)])
    assert abs(found.score) < 2.5
    assert found.kid == pytest.approx(0.0, abs=0.02)
    assert found.density == pytest.approx(1.0, abs=0.1)
    assert found.coverage == pytest.approx(found.expected_coverage, abs=0.04)
    assert found.two_sample == pytest.approx(0.5, abs=0.06)


WORSE = {
    "blur": lambda images, _, by: blurred(images, by),
    "noise": lambda images, _, by: noisy(images, by),
    "classes": lambda images, labels, by: images[labels < by],
    "different images": lambda images, _, by: repeated(images, by),
}
DEGREES = {
    "blur": (0.5, 0.7, 1.0, 1.5),
    "noise": (0.1, 0.2, 0.4, 0.8),
    "classes": (9, 7, 6, 5),
    "different images": (200, 50, 15, 5),
}


@pytest.mark.parametrize("what", WORSE)
def test_worse_images_score_worse(judge, real, what):
    """(b) The more so, the worse they are."""
    images, labels = real
    enough = images[: len(judge.held_out)]
    made = [WORSE[what](images, labels, by) for by in DEGREES[what]]
    scores = [judge.distance(some) for some in (enough, *made)]
    assert scores == sorted(scores)
    assert scores[1] > scores[0] + 1


def test_fewer_classes_and_fewer_different_images_cover_less(judge, real):
    images, labels = real
    n = len(judge.held_out)
    coverage = [judge.measures(some[:n]).coverage for some in (
        images, np.resize(images[labels < 7], images.shape), repeated(images, 50),
    )]  # fmt: skip
    assert coverage == sorted(coverage, reverse=True)
    assert coverage[1] < 0.85 * coverage[0]


def test_copies_of_training_images_are_noticed(judge, digits, held_out, real):
    """Though by all other measures nothing could be better."""
    images, _ = real
    n = len(judge.held_out)
    new = digits.x[np.random.default_rng(4).permutation(held_out)]
    assert judge.measures(images[:n]).copying > 0.65
    assert judge.measures(new).copying < 0.2


def generators(images, labels):
    """Ten of graded quality and of many faults."""
    yield images
    yield noisy(images, 0.1)
    yield images[labels < 9]
    yield noisy(images, 0.25)
    yield repeated(images, 100)
    yield blurred(images, 0.6)
    yield images[labels < 6]
    yield blurred(images, 1.0)
    yield blurred(images, 1.6)
    yield noisy(images, 1.0)


@pytest.mark.slow
@pytest.mark.parametrize("classes", [10, 1], ids=["classes", "no classes"])
def test_another_seed_of_the_features_ranks_generators_alike(digits, held_out, real, classes):
    """(c) Ten of graded quality, by three networks."""
    network = FeatureNetwork(digits.x.shape[1:], classes)
    fakes = list(generators(*real))
    scores = []
    for seed in range(3):
        judge = judge_of(network, digits, held_out, seed)
        scores.append([judge.distance(some) for some in fakes])
    for ours, theirs in ((0, 1), (0, 2), (1, 2)):
        assert spearmanr(scores[ours], scores[theirs]).statistic >= 0.9


def test_a_judge_follows_from_fold_and_seed_alone(digits, held_out, classifier, real):
    """Judges may share a network: each has its own weights in it."""
    images, _ = real
    before = classifier.measures(images[:500])
    again = judge_of(classifier.network, digits, held_out, seed=0)
    judge_of(classifier.network, digits, held_out, seed=1)
    assert classifier.measures(images[:500]) == before == again.measures(images[:500])


def test_the_judge_has_not_seen_the_held_out_images(digits, held_out, classifier):
    """Planted there, they change neither its network nor its scale."""
    x = digits.x.copy()
    x[held_out] = 255 - x[held_out]
    marked = dataclasses.replace(digits, x=x)
    other = judge_of(FeatureNetwork(x.shape[1:], 10), marked, held_out, seed=0)
    for ours, theirs in zip(classifier.weights, other.weights, strict=True):
        np.testing.assert_array_equal(ours, theirs)
    np.testing.assert_array_equal(classifier.standard.mean, other.standard.mean)
    np.testing.assert_array_equal(classifier.train, other.train)


def test_a_classifier_that_learnt_from_good_fakes_reads_real_images(classifier, real):
    """Usefulness: what the generator draws is worth as much as what can be learnt from it."""
    images, labels = real
    good = classifier.usefulness(images[:400], labels[:400], seed=0)
    blur = classifier.usefulness(blurred(images[:400], 1.5), labels[:400], seed=0)
    wrong = classifier.usefulness(images[:400], np.roll(labels[:400], 1), seed=0)
    assert good > 0.9
    assert good > blur > wrong
    assert wrong < 0.3
    assert classifier.real_usefulness > 0.93


def test_pixels_are_rounded_and_kept_in_range():
    assert as_pixels(np.array([-0.1, 0.5, 0.9999, 1.2], np.float32)).tolist() == [0, 128, 255, 255]
