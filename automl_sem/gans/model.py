"""A GAN as a Keras model: two networks, of which one is locked while the other learns."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from automl_sem.gan_recipe import GanRecipe
from automl_sem.gans.differentiable import change, draw
from automl_sem.gans.losses import (
    discriminator_loss,
    generator_loss,
    gradient_penalty,
    r1_penalty,
)
from automl_sem.gans.noise import standard_normal
from automl_sem.types import Floats, Ints

CHUNK = 256  # images that are generated at a time


@dataclass(frozen=True)
class Share:
    """A replica's share of a batch; what is random is drawn for all of it, and then shared.

    Args:
        whole: Number of images in the batch.
        first: The first of the share.
        last: The one behind its last; None where the share is all of the batch.
    """

    whole: Any
    first: Any = 0
    last: Any = None

    @property
    def divided(self) -> bool:
        """Whether there are other shares."""
        return self.last is not None

    def of(self, values: Any) -> Any:
        """Return the share's rows of values of the whole batch, (whole, ...)."""
        return values[self.first : self.last] if self.divided else values


@keras.saving.register_keras_serializable("automl_sem")
class Gan(keras.Model):  # type: ignore[misc]
    """A generator that draws, and a discriminator that tells its images from real ones.

    Goodfellow et al. 2014, Generative Adversarial Networks (arXiv 1406.2661). The one that does
    not learn is locked: it is run as in training, with the statistics of the batch and with
    dropout, but nothing of it changes, neither weights nor moving averages nor the vectors of
    spectral normalisation.

    A model like any other: `compile(GanRecipe(...))`, `fit(images)` or `fit(images, labels)`,
    `save("gan.keras")`. `gan(noise)`, or `gan([noise, labels])`, draws with the averaged
    generator, whose weights are a moving average over the steps.

    Args:
        generator: A functional or Sequential model from noise, (batch, latent_dim), to images,
            (batch, height, width, channels), 0 to 1. If it is to draw a given class, it has a
            second input for class numbers, `Input((), dtype="int32")`.
        discriminator: From images to one logit each, (batch, 1), above 0 for "real". Where the
            generator has a second input, so has this one.
        latent_dim: How many numbers the generator draws an image from.

    Raises:
        ValueError: If the two do not fit together.

    Example:
        ```python
        gan = Gan(generator, discriminator, latent_dim=32)
        gan.compile(GanRecipe(learning_rate=2e-4))
        gan.fit(images, epochs=20)  # (n, height, width, channels), 0 to 1
        drawn = gan.draw(64)
        ```
    """

    def __init__(self, generator: Any, discriminator: Any, latent_dim: int, **options: Any) -> None:
        super().__init__(**options)
        _check(generator, discriminator, latent_dim)
        self.generator = generator
        self.discriminator = discriminator
        self.latent_dim = int(latent_dim)
        self.averaged = keras.models.clone_model(generator)
        self.averaged.set_weights(generator.get_weights())
        self.averaged.trainable = False
        self.seed_generator = keras.random.SeedGenerator()
        self.recipe = GanRecipe()
        self.built = True

    @property
    def conditional(self) -> bool:
        """Whether images of a given class can be drawn."""
        return len(self.generator.inputs) > 1

    @property
    def image_shape(self) -> tuple[int, ...]:
        """Shape of an image, (height, width, channels)."""
        return tuple(self.generator.output_shape[1:])

    @property
    def networks(self) -> tuple[Any, Any, Any]:
        """Generator, discriminator and averaged generator."""
        return self.generator, self.discriminator, self.averaged

    def count_params(self) -> int:
        """Return the number of weights of both networks; the average of one is no third."""
        return int(self.generator.count_params() + self.discriminator.count_params())

    def compile(self, recipe: GanRecipe | None = None, *, adam: type | None = None) -> None:
        """Get ready to learn.

        Args:
            recipe: How; its `batch_size` and `steps` are up to who calls `fit`.
            adam: The class of the optimizers, Keras's Adam by default.
        """
        super().compile(jit_compile=False)
        self.recipe = recipe = recipe or GanRecipe()
        made, rate = adam or keras.optimizers.Adam, recipe.learning_rate
        self.g_optimizer = made(rate, beta_1=recipe.beta_1)
        self.d_optimizer = made(rate * recipe.discriminator_rate, beta_1=recipe.beta_1)
        self.g_optimizer.build(self.generator.trainable_variables)
        self.d_optimizer.build(self.discriminator.trainable_variables)

    def call(self, inputs: Any, training: bool = False) -> Any:  # noqa: ARG002
        """Return images of the averaged generator for noise, or for noise and labels."""
        return self.averaged(inputs, training=False)

    def train_step(self, data: Any) -> dict[str, Any]:
        """Let the discriminator learn `d_steps` times, and then the generator.

        Args:
            data: Images (batch, height, width, channels), 0 to 1, or images and labels.
        """
        real, labels, _ = keras.utils.unpack_x_y_sample_weight(data)
        real = tf.cast(real, tf.float32)
        seed = tf.cast(self.seed_generator.next(), tf.int32)
        told = tf.constant(0.0)
        for step in range(self.recipe.d_steps):
            told = self.learn_to_discriminate(real, labels, seed + [0, 7919 * (step + 1)])
        labels = tf.zeros(tf.shape(real)[0]) if labels is None else labels
        drawn = self.learn_to_generate(labels, seed)
        return {"d_loss": tf.reduce_mean(told), "g_loss": tf.reduce_mean(drawn)}

    def learn_to_discriminate(
        self,
        real: Any,
        labels: Any,
        seed: Any,
        fill: Any = 0.0,
        share: Share | None = None,
    ) -> Any:
        """One step of the discriminator: return its losses, (batch,).

        Args:
            real: Real images, (batch, height, width, channels), 0 to 1.
            labels: Their classes, (batch,); not looked at unless `conditional`.
            seed: int32 (2,), a stateless seed.
            fill: Background value, 0 to 1, for the recipe's `augment`.
            share: Which share of a batch `real` is, where replicas divide one; all by default.
        """
        recipe, share = self.recipe, share or Share(tf.shape(real)[0])
        fake = _locked(self.generator, self._noise_and(labels, share, seed))
        real = self._seen(real, share, seed + [1, 0], fill)
        fake = self._seen(fake, share, seed + [2, 0], fill)

        def answers(images: Any) -> Any:
            asked = [images, _as_input(labels, self.discriminator)] if self.conditional else images
            return tf.reshape(self.discriminator(asked, training=True), [-1])

        with tf.GradientTape() as tape:
            penalty: Any = 0.0
            if recipe.r1:
                to_real, penalty = r1_penalty(answers, real)
                penalty *= recipe.r1
            else:
                to_real = answers(real)
            losses = discriminator_loss(recipe.loss, to_real, answers(fake), recipe.label_smoothing)
            if recipe.loss == "wgan-gp":
                places = share.of(tf.random.stateless_uniform([share.whole], seed + [3, 0]))
                penalty += recipe.gradient_penalty * gradient_penalty(answers, real, fake, places)
            objective = _mean_over_replicas(losses + penalty, self.discriminator, share)
        variables = self.discriminator.trainable_variables
        self.d_optimizer.apply(tape.gradient(objective, variables), variables)
        return losses

    def learn_to_generate(
        self, labels: Any, seed: Any, fill: Any = 0.0, share: Share | None = None
    ) -> Any:
        """One step of the generator and of its average: return its losses, (batch,).

        Args:
            labels: Classes to draw, (batch,); unless `conditional`, only their number counts.
            seed: int32 (2,), a stateless seed.
            fill: Background value, 0 to 1, for the recipe's `augment`.
            share: Which share of a batch they are, where replicas divide one; all by default.
        """
        share = share or Share(tf.shape(labels)[0])
        inputs = self._noise_and(labels, share, seed)
        with tf.GradientTape() as tape:
            fake = self._seen(self.generator(inputs, training=True), share, seed + [2, 0], fill)
            asked = [fake, _as_input(labels, self.discriminator)] if self.conditional else fake
            answers = tf.reshape(_locked(self.discriminator, asked), [-1])
            losses = generator_loss(self.recipe.loss, answers)
            objective = _mean_over_replicas(losses, self.generator, share)
        variables = self.generator.trainable_variables
        self.g_optimizer.apply(tape.gradient(objective, variables), variables)
        self._average()
        return losses

    def draw(self, n: int, labels: Ints | None = None, seed: int = 0) -> Floats:
        """Return images of the averaged generator, (n, height, width, channels), 0 to 1.

        Args:
            n: How many.
            labels: Their classes, (n,); needed if the GAN is `conditional`.
            seed: Of the noise, which NumPy draws: it is the same on any machine.

        Raises:
            ValueError: If classes are needed and missing.
        """
        return self.draw_from(standard_normal(n, self.latent_dim, seed), labels)

    def draw_from(self, noise: Floats, labels: Ints | None = None) -> Floats:
        """Return what the averaged generator draws from noise, as `draw` does.

        Args:
            noise: (n, latent_dim).
            labels: Classes, (n,); needed if the GAN is `conditional`.

        Raises:
            ValueError: If classes are needed and missing.
        """
        if self.conditional and labels is None:
            raise ValueError("the generator draws a given class: pass labels, (n,)")
        inputs: list[Any] = [noise]
        if self.conditional:
            inputs.append(np.asarray(labels, np.int32))
        chunks = [
            self._drawn(*(values[first : first + CHUNK] for values in inputs))
            for first in range(0, len(noise), CHUNK)
        ]
        return np.concatenate([chunk.numpy() for chunk in chunks])

    @tf.function(reduce_retracing=True)  # type: ignore[untyped-decorator]
    def _drawn(self, drawn: Any, *labels: Any) -> Any:
        return self.averaged(
            [drawn, _as_input(labels[0], self.averaged)] if labels else drawn, training=False
        )

    def _noise_and(self, labels: Any, share: Share, seed: Any) -> Any:
        """Return what the generator draws from."""
        drawn = share.of(tf.random.stateless_normal((share.whole, self.latent_dim), seed))
        return [drawn, _as_input(labels, self.generator)] if self.conditional else drawn

    def _seen(self, images: Any, share: Share, seed: Any, fill: Any) -> Any:
        """Return images as the discriminator sees them."""
        augment = self.recipe.augment
        if not augment:
            return images
        return change(images, share.of(draw(share.whole, seed)), augment, fill)

    def _average(self) -> None:
        """Let the averaged generator follow, faster in the first steps."""
        done = tf.cast(self.g_optimizer.iterations, tf.float32)
        follow = 1.0 - tf.minimum(self.recipe.ema, done / (done + 10.0))
        trained, average = self.generator, self.averaged
        pairs = list(zip(average.weights, trained.weights, strict=True))
        kept = {id(v) for v in trained.trainable_variables}

        def update(strategy: Any) -> None:
            for slow, fast in pairs:
                if id(fast) in kept:
                    strategy.extended.update(
                        slow.value,
                        lambda a, b: a.assign_add(follow * (b - a)),
                        args=(fast.value,),
                    )

        # Of mirrored variables, only all replicas together may change a value.
        tf.distribute.get_replica_context().merge_call(update)
        for slow, fast in pairs:
            if id(fast) not in kept:
                slow.assign(slow + follow * (fast - slow))

    def get_config(self) -> dict[str, Any]:
        """Return what `from_config` makes the same GAN of."""
        return {
            "name": self.name,
            "generator": keras.saving.serialize_keras_object(self.generator),
            "discriminator": keras.saving.serialize_keras_object(self.discriminator),
            "latent_dim": self.latent_dim,
        }

    @classmethod
    def from_config(cls, config: dict[str, Any], custom_objects: Any = None) -> Gan:
        """Return a GAN from its configuration, with fresh weights."""
        networks = {
            name: keras.saving.deserialize_keras_object(config[name], custom_objects)
            for name in ("generator", "discriminator")
        }
        return cls(**{**config, **networks})

    def get_compile_config(self) -> dict[str, Any]:
        """Return the recipe, for files."""
        return {"recipe": self.recipe.to_dict()}

    def compile_from_config(self, config: dict[str, Any]) -> None:
        """Get ready to learn on from where a file was saved."""
        self.compile(GanRecipe.from_dict(config["recipe"]))


def _locked(network: Any, inputs: Any) -> Any:
    """Return what a network answers while training, without changing anything of it."""
    trainable = [variable.value for variable in network.trainable_variables]
    others = [variable.value for variable in network.non_trainable_variables]
    outputs, _ = network.stateless_call(trainable, others, inputs, training=True)
    return outputs


def _mean_over_replicas(losses: Any, network: Any, share: Share) -> Any:
    """Return a replica's part of the mean loss over all replicas, with its penalties."""
    replicas = tf.distribute.get_replica_context().num_replicas_in_sync
    whole = share.whole if share.divided else tf.size(losses) * replicas
    penalties = sum(tf.reduce_sum(penalty) for penalty in network.losses)
    # Gradients are summed over replicas, so each divides by the whole.
    return tf.reduce_sum(losses) / tf.cast(whole, tf.float32) + penalties / replicas


def _as_input(labels: Any, network: Any) -> Any:
    """Return class numbers in the shape of a network's second input."""
    taken = network.inputs[1]
    return tf.reshape(tf.cast(labels, taken.dtype), [-1, *taken.shape[1:]])


def _check(generator: Any, discriminator: Any, latent_dim: int) -> None:
    """Raise a ValueError if two networks do not make a GAN."""
    for name, network in (("generator", generator), ("discriminator", discriminator)):
        if not isinstance(network, keras.Model) or not getattr(network, "inputs", None):
            raise ValueError(
                f"the {name} must be a functional or Sequential model with an Input. "
                f"Received: {type(network).__name__}"
            )
    taken, drawn = tuple(generator.inputs[0].shape), tuple(generator.output_shape)
    if taken != (None, latent_dim):
        raise ValueError(
            f"the generator must take noise of shape (None, {latent_dim}). Received: {taken}"
        )
    seen = tuple(discriminator.inputs[0].shape)
    if len(drawn) != 4 or None in drawn[1:] or drawn != seen:
        raise ValueError(
            "the generator must draw what the discriminator looks at, images of shape (None, "
            f"height, width, channels). Received: {drawn} and {seen}"
        )
    answers = tuple(discriminator.output_shape)
    if answers not in ((None, 1), (None,)):
        raise ValueError(
            f"the discriminator must return one logit an image, (None, 1). Received: {answers}"
        )
    inputs: Sequence[int] = (len(generator.inputs), len(discriminator.inputs))
    if inputs not in ((1, 1), (2, 2)):
        raise ValueError(
            "either both networks take class numbers as their second input, or neither. "
            f"Received: {inputs[0]} and {inputs[1]} inputs"
        )
