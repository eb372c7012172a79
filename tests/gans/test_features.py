import numpy as np
import pytest
import tensorflow as tf
from small_gans import some_images

from automl_sem.scoring.gan.features import BATCH, UNITS, FeatureNetwork, training_order


def pixels(n, seed=0):
    images, labels = some_images(n, seed)
    return np.rint(images * 255).astype(np.uint8), labels.astype(np.int64)


@pytest.fixture(scope="module")
def classifier():
    return FeatureNetwork((8, 8, 1), 3)


def test_a_classifier_learns_the_classes_and_has_features(classifier):
    classifier.fit(*pixels(120), seed=1)
    images, labels = pixels(60, seed=1)
    assert (classifier.classify(images) == labels).mean() > 0.95
    assert classifier.features(images).shape == (60, UNITS)


def test_the_same_seed_gives_the_same_network_whatever_was_trained_before(classifier):
    images, labels = pixels(60)
    classifier.fit(images, labels, seed=1)
    first = classifier.features(images)
    classifier.fit(images[::-1], labels, seed=2)
    other = classifier.features(images)
    classifier.fit(images, labels, seed=1)
    np.testing.assert_array_equal(classifier.features(images), first)
    assert not np.allclose(other, first)


def test_weights_can_be_kept_and_taken_up_again(classifier):
    images, labels = pixels(60)
    classifier.fit(images, labels, seed=1)
    kept, first = classifier.get_weights(), classifier.features(images)
    classifier.fit(images, labels, seed=2)
    classifier.set_weights(kept)
    np.testing.assert_array_equal(classifier.features(images), first)


@pytest.mark.parametrize("shape", [(8, 8, 1), (13, 13, 3)])
def test_without_classes_it_learns_to_draw_images_again(shape):
    rng = np.random.default_rng(0)
    images = np.zeros((120, *shape), np.uint8)
    for image in images:
        row, column = rng.integers(0, shape[0] - 4, 2)
        image[row : row + 4, column : column + 4] = 255
    network = FeatureNetwork(shape, 1)
    network.fit(images, np.zeros(120, np.int64), seed=1)
    drawn = tf.sigmoid(network._answers(images.astype(np.float32))).numpy()
    assert drawn.shape == images.shape
    error = np.square(drawn - images / 255).mean()
    assert error < 0.5 * images.std(axis=0).mean() ** 2 / 255**2
    assert not network.labelled


@pytest.mark.parametrize("examples", [5, BATCH, 150])
def test_every_image_is_trained_on_equally_often(examples):
    order = training_order(examples, seed=1)
    counts = np.bincount(order.ravel(), minlength=examples)
    assert counts.max() - counts.min() <= 1
    assert order.shape[1] == min(BATCH, examples)
