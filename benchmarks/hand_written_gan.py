"""The GAN loops that somebody would write for one model, to compare ours with."""

from __future__ import annotations

from typing import Any

import keras
import numpy as np
import tensorflow as tf

from automl_sem import GanRecipe
from automl_sem.data.dataset import TrainingPart
from automl_sem.types import Bytes, Floats, Ints


class HandWrittenGan:
    """A `tf.function` that lets both networks learn, nothing else.

    Each loss is as in Goodfellow et al. 2014, with Keras's Adam; the discriminator is run on
    real and on generated images apart, so that batch normalisation does not mix them.

    Args:
        gan: Its two networks are trained.
        recipe: Learning rate and momentum.
        part: The training part, images in 0..255.
    """

    def __init__(self, gan: Any, recipe: GanRecipe, part: TrainingPart) -> None:
        self.generator, self.discriminator = gan.generator, gan.discriminator
        self.latent_dim = gan.latent_dim
        self.x = tf.constant(part.x, tf.float32) / 255
        self.optimizers = [
            keras.optimizers.Adam(recipe.learning_rate, beta_1=recipe.beta_1) for _ in range(2)
        ]
        for made, network in zip(self.optimizers, (gan.generator, gan.discriminator), strict=True):
            made.build(network.trainable_variables)
        self.loss = keras.losses.BinaryCrossentropy(from_logits=True)
        self._one = tf.function(self._step, input_signature=[tf.TensorSpec([None], tf.int32)])
        self.run = tf.function(self._run, input_signature=[tf.TensorSpec([None, None], tf.int32)])

    def run_one_by_one(self, order: Ints) -> None:
        """Take some steps, a graph call each.

        Args:
            order: Rows of each step, (steps, batch).
        """
        for rows in order:
            self._one(rows)

    def _run(self, order):
        """Take some steps in one graph call; order: (steps, batch) rows."""
        total = tf.zeros([])
        for rows in order:
            total += self._step(rows)
        return total

    def _step(self, rows):
        generator, discriminator = self.generator, self.discriminator
        real = tf.gather(self.x, rows)
        noise = tf.random.normal((tf.shape(rows)[0], self.latent_dim))
        fake = generator(noise, training=True)
        with tf.GradientTape() as tape:
            to_real = discriminator(real, training=True)
            to_fake = discriminator(fake, training=True)
            loss = self.loss(tf.ones_like(to_real), to_real)
            loss += self.loss(tf.zeros_like(to_fake), to_fake)
        variables = discriminator.trainable_variables
        self.optimizers[1].apply(tape.gradient(loss, variables), variables)
        noise = tf.random.normal((tf.shape(rows)[0], self.latent_dim))
        with tf.GradientTape() as tape:
            answers = discriminator(generator(noise, training=True), training=True)
            loss = self.loss(tf.ones_like(answers), answers)
        variables = generator.trainable_variables
        self.optimizers[0].apply(tape.gradient(loss, variables), variables)
        return loss


class KerasGan(keras.Model):
    """A DCGAN whose `train_step` is overridden, as in Keras's example.

    https://keras.io/examples/generative/dcgan_overriding_train_step/, with logits in place of
    its sigmoid, the recipe's Adam, and `training=True`, since these networks have batch
    normalisation and the example's have none. What the example has of its own stays: real and
    generated images are shown together, with 1 for generated, and noise on the labels.

    Args:
        generator: From noise to images.
        discriminator: From images to a logit.
        latent_dim: Numbers in the noise.
    """

    def __init__(self, generator: Any, discriminator: Any, latent_dim: int) -> None:
        super().__init__()
        self.generator, self.discriminator = generator, discriminator
        self.latent_dim = latent_dim
        self.seed_generator = keras.random.SeedGenerator(1337)

    def compile(self, recipe: GanRecipe) -> None:
        """Make optimizers, loss and metrics."""
        super().compile(jit_compile=False)
        rate, beta = recipe.learning_rate, recipe.beta_1
        self.d_optimizer = keras.optimizers.Adam(rate, beta_1=beta)
        self.g_optimizer = keras.optimizers.Adam(rate, beta_1=beta)
        self.loss_of = keras.losses.BinaryCrossentropy(from_logits=True)
        self.d_loss_metric = keras.metrics.Mean(name="d_loss")
        self.g_loss_metric = keras.metrics.Mean(name="g_loss")

    @property
    def metrics(self):
        """What `fit` shows."""
        return [self.d_loss_metric, self.g_loss_metric]

    def train_step(self, real):
        """One step of both networks."""
        batch = tf.shape(real)[0]
        noise = keras.random.normal((batch, self.latent_dim), seed=self.seed_generator)
        shown = tf.concat([self.generator(noise, training=True), real], axis=0)
        labels = tf.concat([tf.ones((batch, 1)), tf.zeros((batch, 1))], axis=0)
        labels += 0.05 * keras.random.uniform(tf.shape(labels), seed=self.seed_generator)
        with tf.GradientTape() as tape:
            d_loss = self.loss_of(labels, self.discriminator(shown, training=True))
        variables = self.discriminator.trainable_weights
        self.d_optimizer.apply(tape.gradient(d_loss, variables), variables)
        noise = keras.random.normal((batch, self.latent_dim), seed=self.seed_generator)
        with tf.GradientTape() as tape:
            answers = self.discriminator(self.generator(noise, training=True), training=True)
            g_loss = self.loss_of(tf.zeros((batch, 1)), answers)
        variables = self.generator.trainable_weights
        self.g_optimizer.apply(tape.gradient(g_loss, variables), variables)
        self.d_loss_metric.update_state(d_loss)
        self.g_loss_metric.update_state(g_loss)
        return {"d_loss": self.d_loss_metric.result(), "g_loss": self.g_loss_metric.result()}


def shuffled_batches(images: Bytes, batch_size: int):
    """Return batches as Keras's example reads them, in another order each epoch."""
    pixels: Floats = images.astype(np.float32) / 255.0
    data = tf.data.Dataset.from_tensor_slices(pixels)
    return data.shuffle(len(images)).batch(batch_size).prefetch(2)
