"""A GAN is a Keras model, and the network that does not learn is locked."""

import keras
import numpy as np
import pytest
import tensorflow as tf
from keras import Input, layers
from small_gans import LATENT, small_discriminator, small_gan, small_generator, some_images

from automl_sem import DiffAugment, Gan, GanRecipe

SEED = np.array([3, 5], np.int32)
AUGMENT = DiffAugment(translation=0.125, cutout=0.25, brightness=0.1, contrast=0.2)


def values(network):
    return {variable.path: variable.numpy() for variable in network.variables}


def changed(before, after):
    """Return the paths of the variables that differ in any bit."""
    return {path for path in before if before[path].tobytes() != after[path].tobytes()}


def d_step(gan, images, labels):
    tf.function(gan.learn_to_discriminate)(tf.constant(images), tf.constant(labels), SEED)


def g_step(gan, _, labels):
    tf.function(gan.learn_to_generate)(tf.constant(labels), SEED)


SETTINGS = {
    "batch normalisation": (False, "batch", GanRecipe()),
    "by class": (True, "batch", GanRecipe()),
    "spectral normalisation": (True, "spectral", GanRecipe(loss="hinge")),
    "gradient penalty": (False, "none", GanRecipe(loss="wgan-gp")),
    "R1 and augmentation": (False, "batch", GanRecipe(r1=1.0, augment=AUGMENT)),
}


@pytest.mark.parametrize("setting", SETTINGS)
def test_the_discriminator_is_locked_while_the_generator_learns(setting):
    """Weights, moving averages, spectral vectors, states of Dropout: all of it, bit for bit."""
    conditional, normalization, recipe = SETTINGS[setting]
    gan = small_gan(conditional, normalization)
    gan.compile(recipe)
    images, labels = some_images()
    d_step(gan, images, labels)  # so that nothing has its first value
    before, optimizer = values(gan.discriminator), gan.d_optimizer.iterations.numpy()
    generator = values(gan.generator)
    g_step(gan, images, labels)
    assert changed(before, values(gan.discriminator)) == set()
    assert gan.d_optimizer.iterations.numpy() == optimizer
    weights = {v.path for v in gan.generator.trainable_variables}
    assert weights <= changed(generator, values(gan.generator)), "the generator does learn"


@pytest.mark.parametrize("setting", SETTINGS)
def test_the_generator_is_locked_while_the_discriminator_learns(setting):
    """Its moving averages too: only its own steps move them."""
    conditional, normalization, recipe = SETTINGS[setting]
    gan = small_gan(conditional, normalization)
    gan.compile(recipe)
    images, labels = some_images()
    g_step(gan, images, labels)
    before, averaged = values(gan.generator), values(gan.averaged)
    discriminator = values(gan.discriminator)
    d_step(gan, images, labels)
    assert changed(before, values(gan.generator)) == set()
    assert changed(averaged, values(gan.averaged)) == set()
    moved = changed(discriminator, values(gan.discriminator))
    # The last bias has no gradient where a loss is a difference.
    assert {v.path for v in gan.discriminator.trainable_variables if "kernel" in v.path} <= moved
    if normalization == "batch":
        assert any("moving_mean" in path for path in moved)
    if normalization == "spectral":
        assert any("vector_u" in path for path in moved)


def test_the_locked_network_works_as_in_training():
    """With the statistics of the batch: as its own step would see the same images."""
    gan = small_gan(dropout=0.0)
    gan.compile(GanRecipe())
    images, labels = some_images()
    for _ in range(3):
        d_step(gan, images, labels)
    drawn = gan.generator(tf.random.stateless_normal((48, LATENT), SEED), training=True)
    losses = gan.learn_to_generate(tf.constant(labels), SEED)
    answers = tf.reshape(gan.discriminator(drawn, training=True), [-1])
    np.testing.assert_allclose(losses, tf.nn.softplus(-answers), rtol=1e-5)


def test_the_averaged_generator_follows_the_generator_over_the_steps():
    gan = small_gan()
    gan.compile(GanRecipe(ema=0.8))
    _, labels = some_images()
    average = [weight.numpy() for weight in gan.averaged.weights]
    learn = tf.function(gan.learn_to_generate)
    for step in range(1, 60):
        learn(tf.constant(labels), SEED)
        follow = 1 - min(0.8, step / (step + 10))
        average = [
            a + follow * (weight.numpy() - a)
            for a, weight in zip(average, gan.generator.weights, strict=True)
        ]
    for ours, theirs in zip(gan.averaged.weights, average, strict=True):
        np.testing.assert_allclose(ours, theirs, rtol=1e-4, atol=1e-6)


def test_without_averaging_the_generator_itself_draws():
    gan = small_gan()
    gan.compile(GanRecipe(ema=0.0))
    images, labels = some_images()
    g_step(gan, images, labels)
    noise = np.random.default_rng(0).normal(size=(4, LATENT)).astype(np.float32)
    np.testing.assert_allclose(gan(noise), gan.generator(noise, training=False), rtol=1e-6)


@pytest.mark.parametrize("conditional", [False, True], ids=["any", "by class"])
def test_fit_makes_images_more_alike_to_those_it_is_shown(conditional):
    keras.utils.set_random_seed(1)
    gan = small_gan(conditional)
    gan.compile(GanRecipe(learning_rate=5e-3, ema=0.9))
    images, labels = some_images(96)
    data = (images, labels) if conditional else (images,)
    before = np.abs(gan.draw(200, np.resize(labels, 200)).mean(axis=0) - images.mean(axis=0)).mean()
    history = gan.fit(*data, batch_size=24, epochs=60, verbose=0).history
    drawn = gan.draw(200, np.resize(labels, 200))
    after = np.abs(drawn.mean(axis=0) - images.mean(axis=0)).mean()
    assert after < before / 2
    assert set(history) == {"d_loss", "g_loss"}
    if conditional:
        for label in range(3):
            ours = gan.draw(50, np.full(50, label)).mean(axis=0)
            theirs = [images[labels == other].mean(axis=0) for other in range(3)]
            distances = [np.square(ours - other).sum() for other in theirs]
            assert int(np.argmin(distances)) == label


def test_several_steps_of_the_discriminator_come_before_one_of_the_generator():
    gan = small_gan()
    gan.compile(GanRecipe(d_steps=3))
    images, _ = some_images(48)
    gan.fit(images, batch_size=24, epochs=2, verbose=0)
    assert gan.d_optimizer.iterations.numpy() == 12
    assert gan.g_optimizer.iterations.numpy() == 4


@pytest.mark.parametrize("conditional", [False, True], ids=["any", "by class"])
def test_a_saved_gan_goes_on_as_if_it_had_never_stopped(conditional, tmp_path):
    keras.utils.set_random_seed(2)
    gan = small_gan(conditional, dropout=0.0)
    gan.compile(GanRecipe(learning_rate=1e-3, discriminator_rate=2.0, r1=0.1, augment=AUGMENT))
    images, labels = some_images()
    gan.fit(images, labels, batch_size=24, epochs=2, verbose=0)
    gan.save(tmp_path / "gan.keras")
    loaded = keras.models.load_model(tmp_path / "gan.keras")
    assert loaded.recipe == gan.recipe
    np.testing.assert_array_equal(loaded.draw(5, labels[:5]), gan.draw(5, labels[:5]))
    for one in (gan, loaded):
        d_step(one, images, labels)
        g_step(one, images, labels)
    for ours, theirs in zip(loaded.networks, gan.networks, strict=True):
        for a, b in zip(ours.weights, theirs.weights, strict=True):
            np.testing.assert_allclose(a, b, rtol=1e-5, atol=1e-6)


def test_the_same_noise_draws_the_same_images_however_many_are_asked_for():
    gan = small_gan()
    np.testing.assert_allclose(gan.draw(300, seed=7)[:5], gan.draw(5, seed=7), atol=1e-6)
    assert not np.allclose(gan.draw(5, seed=7), gan.draw(5, seed=8))


def test_weights_are_counted_once():
    gan = small_gan()
    assert gan.count_params() == gan.generator.count_params() + gan.discriminator.count_params()


def test_a_class_is_needed_where_one_can_be_drawn():
    with pytest.raises(ValueError, match="pass labels"):
        small_gan(conditional=True).draw(3)


MISFITS = {
    "noise of shape \\(None, 5\\). Received: \\(None, 6\\)": lambda: (
        small_generator(), small_discriminator(), 5,
    ),
    "Received: \\(None, 16, 16, 1\\) and \\(None, 8, 8, 1\\)": lambda: (
        small_generator(side=16), small_discriminator(), LATENT,
    ),
    "one logit an image, \\(None, 1\\). Received: \\(None, 2\\)": lambda: (
        small_generator(),
        keras.Sequential([Input((8, 8, 1)), layers.Flatten(), layers.Dense(2)]),
        LATENT,
    ),
    "Received: 2 and 1 inputs": lambda: (small_generator(True), small_discriminator(), LATENT),
    "the discriminator must be a functional": lambda: (small_generator(), None, LATENT),
    "the generator must be a functional": lambda: (
        keras.Sequential([layers.Dense(3)]), small_discriminator(), LATENT,
    ),
}  # fmt: skip


@pytest.mark.parametrize("message", MISFITS)
def test_networks_that_make_no_gan_are_refused(message):
    with pytest.raises(ValueError, match=message):
        Gan(*MISFITS[message]())
