"""What every augmentation layer is: random draws, and a change that follows from them."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

import keras
import numpy as np

from automl_sem.augmentation.marks import marked
from automl_sem.augmentation.padding import zeros_to_nan

Change = Callable[[Any, Any, Any, Any], Any]


def second(seed: Any) -> Any:
    """Return the seed of what a layer draws besides its first draws, int32 (2,)."""
    return seed + np.array([15485863, 0], np.int32)


def framewise(change: Change) -> Change:
    """Let a `change` of images take clips, (batch, frames, height, width, channels), as well.

    All frames of a clip change by the same draws.
    """

    @functools.wraps(change)
    def of_images_or_clips(self: Any, examples: Any, draws: Any, fill: Any) -> Any:
        import tensorflow as tf

        if len(examples.shape) == 4:
            return change(self, examples, draws, fill)
        shape = tf.shape(examples)
        frames = tf.reshape(examples, (-1, *examples.shape[2:]))
        changed = change(self, frames, tf.repeat(draws, shape[1], axis=0), fill)
        return tf.reshape(changed, shape)

    return of_images_or_clips


class RandomChange(keras.layers.Layer):  # type: ignore[misc]
    """A layer that changes each example at random while training, and none otherwise.

    What is random is drawn apart from what it does, so that the same draws give the same
    change on any number of devices, and a test can choose them. Both think of images or clips
    with values from 0 to 255, (batch, [frames,] height, width, channels), or of series with NaN
    where they are padded, (batch, time, channels). As part of a model the layer takes what
    models are given: images and clips in `value_range`, series padded with zeros.

    Args:
        fill: Background value of what comes into view, within `value_range`.
        value_range: Lowest and highest value of the images or clips that `call` gets.
        seed: Seed of the draws in `call`.
    """

    def __init__(
        self,
        *,
        fill: float = 0.0,
        value_range: tuple[float, float] = (0.0, 1.0),
        seed: int | None = None,
        **options: Any,
    ) -> None:
        # Half precision would round the values of a byte.
        super().__init__(**{"dtype": "float32", **options})
        self.fill = fill
        self.value_range = value_range
        self.seed_generator = keras.random.SeedGenerator(seed)

    def draw(self, batch: Any, shape: tuple[int, ...], seed: Any) -> Any:
        """Return what is random about a batch, (batch, ...).

        Args:
            batch: Number of examples.
            shape: Shape of one, ([frames,] height, width, channels) or (time, channels).
            seed: int32 (2,), a stateless seed: equal seeds give equal draws.
        """
        raise NotImplementedError

    def change(self, images: Any, draws: Any, fill: Any) -> Any:
        """Return the changed examples.

        Args:
            images: float32 (batch, [frames,] height, width, channels), 0 to 255, or series,
                (batch, time, channels), NaN where they are padded.
            draws: What `draw` returned for them.
            fill: Background value, 0 to 255; of series 0.
        """
        raise NotImplementedError

    def call(self, images: Any, training: bool = False) -> Any:
        """Return changed examples when training, else the examples themselves."""
        import tensorflow as tf

        if not training:
            return images
        images = tf.convert_to_tensor(images)
        seed = tf.cast(self.seed_generator.next(), tf.int32)
        sizes = zip(images.shape, tf.unstack(tf.shape(images)), strict=True)
        batch, *shape = (size if known is None else known for known, size in sizes)
        draws = self.draw(batch, tuple(shape), seed)
        if len(images.shape) == 3:
            return marked(self.change(zeros_to_nan(images), draws, 0.0))
        low, high = self.value_range
        scale = 255.0 / (high - low)
        images = (images - low) * scale
        return self.change(images, draws, (self.fill - low) * scale) / scale + low

    def compute_output_shape(self, input_shape: Any) -> Any:
        """Return the shape of the examples: it does not change."""
        return input_shape
