"""Change brightness and contrast."""

from __future__ import annotations

import math
from typing import Any

import keras
import tensorflow as tf

from automl_sem.augmentation.base import RandomChange


@keras.saving.register_keras_serializable("automl_sem")
class RandomLight(RandomChange):
    """Makes each image or clip brighter or darker, with more or less contrast around its mean.

    Args:
        brightness: Largest change of brightness, a share of the full range.
        contrast: Largest change of contrast: 0.5 draws from 1/1.5 to 1.5 times, uniform in
            its logarithm.
        options: As of `RandomChange`.
    """

    def __init__(self, brightness: float = 0.0, contrast: float = 0.0, **options: Any) -> None:
        super().__init__(**options)
        self.brightness = brightness
        self.contrast = contrast

    def draw(self, batch: Any, shape: tuple[int, ...], seed: Any) -> Any:
        """Return (batch, 2) in -1..1: brightness and contrast."""
        return tf.random.stateless_uniform((batch, 2), seed, -1.0, 1.0)

    def change(self, images: Any, draws: Any, fill: Any) -> Any:
        """Return the images in their new light, 0 to 255."""
        others = range(1, len(images.shape))  # a clip has one light, and one mean
        draws = tf.reshape(draws, [-1, 2, *(1 for _ in others)])
        brighter = draws[:, 0] * (255.0 * self.brightness)
        factor = tf.exp(draws[:, 1] * math.log1p(self.contrast))
        mean = tf.reduce_mean(images, axis=tuple(others), keepdims=True)
        return tf.clip_by_value(images + (factor - 1) * (images - mean) + brighter, 0.0, 255.0)
