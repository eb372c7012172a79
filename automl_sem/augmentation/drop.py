"""Drop steps of sequences, as where a video stalls or a sensor is late."""

from __future__ import annotations

from typing import Any

import keras
import tensorflow as tf

from automl_sem.augmentation.base import RandomChange, second
from automl_sem.augmentation.padding import keep_padding


@keras.saving.register_keras_serializable("automl_sem")
class RandomDrop(RandomChange):
    """Drops steps of each sequence; the last one before them that is kept stays in their place.

    The first step is always kept.

    Args:
        drop: Largest share of steps that are dropped; each sequence has its own.
        options: As of `RandomChange`.
    """

    def __init__(self, drop: float = 0.0, **options: Any) -> None:
        super().__init__(**options)
        self.drop = drop

    def draw(self, batch: Any, shape: tuple[Any, ...], seed: Any) -> Any:
        """Return whether each step is dropped, (batch, steps)."""
        share = tf.random.stateless_uniform((batch,), second(seed), 0.0, self.drop)
        # Drawn step by step, so that steps of padding at the end change none of the others.
        dropped = tf.random.stateless_uniform((shape[0], batch), seed) < share
        return tf.transpose(dropped)

    def change(self, images: Any, draws: Any, fill: Any) -> Any:
        """Return the sequences that stall."""
        first = tf.range(tf.shape(draws)[1]) == 0
        kept = tf.cumsum(tf.cast(first | ~draws, tf.float32), axis=1)  # how many so far
        # The last one that is kept is the first step with as many.
        source = tf.searchsorted(kept, kept)
        return keep_padding(tf.gather(images, source, batch_dims=1), images)
