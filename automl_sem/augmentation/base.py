"""What every augmentation layer is: random draws, and a change that follows from them."""

from __future__ import annotations

from typing import Any

import keras


class RandomChange(keras.layers.Layer):
    """A layer that changes each image at random while training, and none otherwise.

    What is random is drawn apart from what it does, so that the same draws give the same
    change on any number of devices, and a test can choose them. Images have values from 0 to
    255 (batch, height, width, channels).

    Args:
        fill: Background value, 0 to 255, of what comes into view.
        seed: Seed of the draws in `call`.
    """

    def __init__(self, *, fill: float = 0.0, seed: int | None = None, **options: Any) -> None:
        super().__init__(**options)
        self.fill = fill
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
        images = tf.convert_to_tensor(images)
        seed = tf.cast(self.seed_generator.next(), tf.int32)
        draws = self.draw(tf.shape(images)[0], tuple(images.shape[1:]), seed)
        return self.change(images, draws, self.fill)

    def compute_output_shape(self, input_shape: Any) -> Any:
        """Return the shape of the images: it does not change."""
        return input_shape
