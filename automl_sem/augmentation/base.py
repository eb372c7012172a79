"""What every augmentation layer is: random draws, and a change that follows from them."""

from __future__ import annotations

from typing import Any

import keras
import numpy as np


def second(seed: Any) -> Any:
    """Return the seed of what a layer draws besides its first draws, int32 (2,)."""
    return seed + np.array([15485863, 0], np.int32)


class RandomChange(keras.layers.Layer):  # type: ignore[misc]
    """A layer that changes each image at random while training, and none otherwise.

    What is random is drawn apart from what it does, so that the same draws give the same
    change on any number of devices, and a test can choose them. Both think of images with
    values from 0 to 255, (batch, height, width, channels); as part of a model the layer takes
    those that models are given.

    Args:
        fill: Background value of what comes into view, within `value_range`.
        value_range: Lowest and highest value of the images that `call` gets.
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
            batch: Number of images.
            shape: Shape of an image, (height, width, channels).
            seed: int32 (2,), a stateless seed: equal seeds give equal draws.
        """
        raise NotImplementedError

    def change(self, images: Any, draws: Any, fill: Any) -> Any:
        """Return the changed images.

        Args:
            images: float32 (batch, height, width, channels), 0 to 255.
            draws: What `draw` returned for them.
            fill: Background value, 0 to 255.
        """
        raise NotImplementedError

    def call(self, images: Any, training: bool = False) -> Any:
        """Return changed images when training, else the images themselves."""
        import tensorflow as tf

        if not training:
            return images
        low, high = self.value_range
        scale = 255.0 / (high - low)
        images = (tf.convert_to_tensor(images) - low) * scale
        seed = tf.cast(self.seed_generator.next(), tf.int32)
        draws = self.draw(tf.shape(images)[0], tuple(images.shape[1:]), seed)
        return self.change(images, draws, (self.fill - low) * scale) / scale + low

    def compute_output_shape(self, input_shape: Any) -> Any:
        """Return the shape of the images: it does not change."""
        return input_shape
