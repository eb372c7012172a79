import numpy as np
import pytest
import tensorflow as tf

from automl_sem.gans.losses import (
    discriminator_loss,
    generator_loss,
    gradient_penalty,
    r1_penalty,
)

REAL, FAKE = np.array([2.0, -1.0, 0.3]), np.array([-3.0, 0.5, 1.0])


def sigmoid(x):
    return 1 / (1 + np.exp(-x))


def test_non_saturating_is_cross_entropy():
    told = discriminator_loss("non-saturating", tf.constant(REAL), tf.constant(FAKE))
    np.testing.assert_allclose(told, -np.log(sigmoid(REAL)) - np.log(1 - sigmoid(FAKE)))
    np.testing.assert_allclose(
        generator_loss("non-saturating", tf.constant(FAKE)), -np.log(sigmoid(FAKE))
    )


def test_smoothing_is_cross_entropy_to_a_target_below_one_for_real_images_alone():
    told = discriminator_loss("non-saturating", tf.constant(REAL), tf.constant(FAKE), 0.1)
    to_real = -0.9 * np.log(sigmoid(REAL)) - 0.1 * np.log(1 - sigmoid(REAL))
    np.testing.assert_allclose(told, to_real - np.log(1 - sigmoid(FAKE)))


def test_hinge_asks_for_a_margin_of_one():
    told = discriminator_loss("hinge", tf.constant(REAL), tf.constant(FAKE))
    np.testing.assert_allclose(told, [0 + 0, 2 + 1.5, 0.7 + 2])
    np.testing.assert_allclose(generator_loss("hinge", tf.constant(FAKE)), -FAKE)


def test_wgan_is_the_difference_of_answers():
    told = discriminator_loss("wgan-gp", tf.constant(REAL), tf.constant(FAKE))
    np.testing.assert_allclose(told, FAKE - REAL)
    np.testing.assert_allclose(generator_loss("wgan-gp", tf.constant(FAKE)), -FAKE)


def images(seed, n=3):
    return tf.constant(np.random.default_rng(seed).normal(size=(n, 2, 2, 1)).astype(np.float32))


def test_r1_is_half_the_squared_gradient_at_real_images():
    def discriminate(x):  # its gradient is 2 x
        return tf.reduce_sum(tf.square(x), axis=(1, 2, 3))

    real = images(0)
    answers, penalty = r1_penalty(discriminate, real)
    squares = np.square(real.numpy()).sum(axis=(1, 2, 3))
    np.testing.assert_allclose(answers, squares, rtol=1e-5)
    np.testing.assert_allclose(penalty, 2 * squares, rtol=1e-5)


@pytest.mark.parametrize("share", [0.0, 0.3, 1.0])
def test_the_gradient_penalty_looks_between_real_and_generated_images(share):
    def discriminate(x):
        return tf.reduce_sum(tf.square(x), axis=(1, 2, 3))

    real, fake = images(0), images(1)
    penalty = gradient_penalty(discriminate, real, fake, tf.fill([3], np.float32(share)))
    between = share * real.numpy() + (1 - share) * fake.numpy()
    length = 2 * np.sqrt(np.square(between).sum(axis=(1, 2, 3)))
    np.testing.assert_allclose(penalty, np.square(length - 1), rtol=1e-4)


def test_a_flat_discriminator_has_a_finite_penalty_and_gradient():
    weight = tf.Variable(0.0)
    with tf.GradientTape() as tape:
        penalty = gradient_penalty(
            lambda x: weight * tf.reduce_sum(x, axis=(1, 2, 3)), images(0), images(1), tf.ones([3])
        )
    assert np.isfinite(penalty).all()
    assert np.isfinite(tape.gradient(penalty, weight))
