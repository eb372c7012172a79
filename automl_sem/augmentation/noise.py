"""Add noise to the pixels."""

from __future__ import annotations

from typing import Any

import keras
import tensorflow as tf

from automl_sem.augmentation.base import RandomChange, second


@keras.saving.register_keras_serializable("automl_sem")
class RandomNoise(RandomChange):
    """Adds normal noise to each pixel, in each image with a standard deviation of its own.

    Args:
        noise: Largest standard deviation, a share of the full range.
        options: As of `RandomChange`.
    """

    def __init__(self, noise: float = 0.0, **options: Any) -> None:
        super().__init__(**options)
        self.noise = noise

    def draw(self, batch: Any, shape: tuple[int, ...], seed: Any) -> Any:
        """Return what is added, a share of the full range, (batch, height, width, channels)."""
        deviation = tf.random.stateless_uniform((batch, 1, 1, 1), second(seed), 0.0, self.noise)
        return deviation * tf.random.stateless_normal((batch, *shape), seed)

    def change(self, images: Any, draws: Any, fill: Any) -> Any:
        """Return the noisy images, 0 to 255."""
        return tf.clip_by_value(images + 255.0 * draws, 0.0, 255.0)
