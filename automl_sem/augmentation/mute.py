"""Mute channels of series, as where a sensor fails."""

from __future__ import annotations

from typing import Any

import keras
import tensorflow as tf

from automl_sem.augmentation.base import RandomChange, second


@keras.saving.register_keras_serializable("automl_sem")
class RandomMute(RandomChange):
    """Sets channels of each series to 0, the mean of standardised ones; never all of them.

    Args:
        channels: Largest share of channels that are muted; each series has its own.
        options: As of `RandomChange`.
    """

    def __init__(self, channels: float = 0.0, **options: Any) -> None:
        super().__init__(**options)
        self.channels = channels

    def draw(self, batch: Any, shape: tuple[Any, ...], seed: Any) -> Any:
        """Return whether each channel is muted, (batch, channels)."""
        share = tf.random.stateless_uniform((batch, 1), second(seed), 0.0, self.channels)
        drawn = tf.random.stateless_uniform((batch, shape[-1]), seed)
        return drawn < tf.minimum(share, tf.reduce_max(drawn, axis=1, keepdims=True))

    def change(self, images: Any, draws: Any, fill: Any) -> Any:
        """Return the series without these channels; padding stays NaN."""
        return images * tf.cast(~draws, tf.float32)[:, None]
