"""All changes together: their order, mixup, and shares of a batch."""

import numpy as np
import pytest
import tensorflow as tf
from conftest import EVERYTHING
from scipy import stats

from automl_sem.augment import MILD
from automl_sem.augmentation.mixup import draw_weights
from automl_sem.augmentation.pipeline import Augmentation, layers_of
from automl_sem.types import Augment

pytestmark = pytest.mark.usefixtures("reproducible")

SEED = np.array([3, 4], np.int32)
TARGETS = tf.one_hot([0, 1, 2, 0, 1, 2], 3)
SHARES = [slice(0, 6), slice(0, 4), slice(4, 6), slice(2, 3)]


def test_only_what_is_asked_for_is_done():
    names = [
        type(layer).__name__.removeprefix("Random") for layer in layers_of(EVERYTHING, "images")
    ]
    assert names == ["Affine", "Elastic", "Stroke", "Cutout", "Light", "Noise"]
    assert [type(layer).__name__ for layer in layers_of(MILD, "images")] == ["RandomAffine"]
    assert layers_of(Augment(mixup=1.0), "images") == layers_of(Augment(), "images") == []
    for field in ("brightness", "contrast"):
        assert len(layers_of(Augment(**{field: 0.5}), "images")) == 1


@pytest.mark.parametrize("fill", [0.0, 255.0])
@pytest.mark.parametrize("augment", [MILD, Augment(mixup=0.5), EVERYTHING])
def test_a_share_of_a_batch_changes_as_in_the_whole(images, augment, fill):
    augmentation, images = Augmentation(augment, "images", images.shape[1:]), tf.constant(images)

    @tf.function(input_signature=[tf.TensorSpec([]), tf.TensorSpec([2], tf.int32)])
    def shares(fill, bounds):
        share = slice(bounds[0], bounds[1])
        return augmentation(images, TARGETS, tf.constant(SEED), fill, share)

    whole, wanted = augmentation(images, TARGETS, SEED, fill)
    assert np.abs(whole - images).max() > 10
    for share in SHARES:
        ours, targets = shares(fill, [share.start, share.stop])
        np.testing.assert_allclose(ours, whole[share], atol=0.01)
        np.testing.assert_allclose(targets, wanted[share], atol=1e-6)


def test_mixup_mixes_an_example_with_its_counterpart_from_the_end(images):
    mixed, targets = Augmentation(Augment(mixup=1.0), "images", images.shape[1:])(
        images, TARGETS, SEED, 255.0
    )
    weights = draw_weights(6, 1.0, SEED).numpy()  # no layer draws before it
    assert len(np.unique(weights)) == 6
    for i, weight in enumerate(weights):
        both = weight * images[i] + (1 - weight) * images[5 - i]
        np.testing.assert_allclose(mixed[i], both, atol=1e-3)
        label = weight * TARGETS[i] + (1 - weight) * TARGETS[5 - i]
        np.testing.assert_allclose(targets[i], label, atol=1e-6)
    np.testing.assert_allclose(tf.reduce_sum(targets, axis=1), 1, atol=1e-6)


def test_mixup_comes_after_all_other_changes(images):
    stroke = Augmentation(Augment(stroke=1.0), "images", images.shape[1:])
    changed, _ = stroke(images, TARGETS, SEED, 255.0)
    mixed, targets = Augmentation(Augment(stroke=1.0, mixup=1.0), "images", images.shape[1:])(
        images, TARGETS, SEED, 255.0
    )
    weight = targets.numpy()[0, 0]  # labels 0 and 2 are mixed in the first example
    both = weight * changed[0] + (1 - weight) * changed[5]
    np.testing.assert_allclose(mixed[0], both, atol=1e-2)


@pytest.mark.parametrize("alpha", [0.05, 0.4, 1.0, 8.0])
def test_weights_follow_a_beta_distribution(alpha):
    weights = draw_weights(4000, alpha, SEED).numpy()
    assert np.isfinite(weights).all()
    kept = weights[(weights > 1e-6) & (weights < 1 - 1e-6)]  # float32 has no room near 1
    between = stats.beta(alpha, alpha)
    outside = 1 - len(kept) / len(weights)
    assert outside == pytest.approx(2 * between.cdf(1e-6), abs=0.03)
    low, room = between.cdf(1e-6), 1 - 2 * between.cdf(1e-6)
    test = stats.kstest(kept, lambda x: (between.cdf(x) - low) / room)
    assert test.pvalue > 0.01


@pytest.mark.parametrize("alpha", [1e-4, 1e-3])
def test_a_tiny_alpha_mixes_hardly_anything(alpha):
    weights = draw_weights(1000, alpha, SEED).numpy()
    assert ((weights < 0.01) | (weights > 0.99)).mean() > 0.9


def test_changes_are_reproducible_and_new_in_every_step(images):
    augmentation = Augmentation(EVERYTHING, "images", images.shape[1:])
    first, again, other = (
        augmentation(images, TARGETS, SEED + np.array([0, step], np.int32), 255.0)[0].numpy()
        for step in (0, 0, 7919)
    )
    np.testing.assert_array_equal(first, again)
    assert np.abs(first - other).reshape(6, -1).max(1).min() > 5
