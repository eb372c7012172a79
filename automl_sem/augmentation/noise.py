"""Add noise to pixels, or to the values of series."""

from __future__ import annotations

from typing import Any

import keras
import tensorflow as tf

from automl_sem.augmentation.base import RandomChange, second


@keras.saving.register_keras_serializable("automl_sem")
class RandomNoise(RandomChange):
    """Adds normal noise to each value, in each example with a standard deviation of its own.

    Args:
        noise: Largest standard deviation: of pixels a share of the full range, of series, which
            are standardised, a share of a channel's own.
        options: As of `RandomChange`.
    """

    def __init__(self, noise: float = 0.0, **options: Any) -> None:
        super().__init__(**options)
        self.noise = noise

    def draw(self, batch: Any, shape: tuple[Any, ...], seed: Any) -> Any:
        """Return what is added, (batch, *shape): to pixels as a share of the full range."""
        ones = [1] * len(shape)
        deviation = tf.random.stateless_uniform((batch, *ones), second(seed), 0.0, self.noise)
        if len(shape) > 2:
            return deviation * tf.random.stateless_normal((batch, *shape), seed)
        # Drawn step by step, so that steps of padding at the end change none of the others.
        steps, channels = shape
        normal = tf.random.stateless_normal((steps, batch, channels), seed)
        return deviation * tf.transpose(normal, (1, 0, 2))

    def change(self, images: Any, draws: Any, fill: Any) -> Any:
        """Return the noisy examples; images and clips 0 to 255."""
        if len(images.shape) == 3:
            return images + draws
        return tf.clip_by_value(images + 255.0 * draws, 0.0, 255.0)
