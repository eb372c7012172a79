"""What the two networks of a GAN minimise.

`real` and `fake` are the discriminator's answers, (batch,): logits, above 0 for "real".
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any


def discriminator_loss(loss: str, real: Any, fake: Any, smoothing: float = 0.0) -> Any:
    """Return what the discriminator minimises, (batch,), penalties apart.

    Args:
        loss: Of `LOSSES`.
        real: Its answers to real images.
        fake: Its answers to generated ones, as many.
        smoothing: How far below 1 the target of real images lies; for `"non-saturating"`.
    """
    import tensorflow as tf

    if loss == "hinge":
        return tf.nn.relu(1.0 - real) + tf.nn.relu(1.0 + fake)
    if loss == "wgan-gp":
        return fake - real
    told_apart = tf.nn.softplus(-real) + tf.nn.softplus(fake)
    return told_apart + smoothing * real  # the same as cross-entropy to 1 - smoothing and 0


def generator_loss(loss: str, fake: Any) -> Any:
    """Return what the generator minimises, (batch,).

    Args:
        loss: Of `LOSSES`.
        fake: The discriminator's answers to its images.
    """
    import tensorflow as tf

    return tf.nn.softplus(-fake) if loss == "non-saturating" else -fake


def r1_penalty(discriminate: Callable[[Any], Any], real: Any) -> tuple[Any, Any]:
    """Return the answers to real images, (batch,), and half the squared gradient there, (batch,).

    Mescheder et al. 2018, arXiv 1801.04406, equation 9.

    Args:
        discriminate: Returns the discriminator's answers.
        real: Real images, (batch, height, width, channels).
    """
    import tensorflow as tf

    with tf.GradientTape() as tape:
        tape.watch(real)
        answers = discriminate(real)
    gradient = tape.gradient(answers, real)
    return answers, 0.5 * tf.reduce_sum(tf.square(gradient), axis=(1, 2, 3))


def gradient_penalty(discriminate: Callable[[Any], Any], real: Any, fake: Any, shares: Any) -> Any:
    """Return how far the gradient's length is from 1 between real and generated images, squared.

    Gulrajani et al. 2017, arXiv 1704.00028, algorithm 1.

    Args:
        discriminate: Returns the discriminator's answers.
        real: Real images, (batch, height, width, channels).
        fake: Generated ones, as many.
        shares: Where between them to look, (batch,), 0 to 1.
    """
    import tensorflow as tf

    between = fake + shares[:, None, None, None] * (real - fake)
    with tf.GradientTape() as tape:
        tape.watch(between)
        answers = discriminate(between)
    gradient = tape.gradient(answers, between)
    # The root of 0 has no gradient, and a discriminator may be flat somewhere.
    length = tf.sqrt(tf.reduce_sum(tf.square(gradient), axis=(1, 2, 3)) + 1e-12)
    return tf.square(length - 1.0)
