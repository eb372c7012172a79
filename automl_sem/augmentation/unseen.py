"""Distortions that nothing trains on: they show how a network fares with what it never met."""

from __future__ import annotations

from typing import Any

import tensorflow as tf

from automl_sem.augmentation.base import RandomChange


class RandomPerspective(RandomChange):
    """Looks at each image from aslant: far parts shrink.

    Args:
        strength: Largest difference in scale between the middle and a border: 0.3 is 30 %.
        fill: Background value, 0 to 255, of what comes into view.
        seed: Seed of the draws in `call`.
    """

    def __init__(self, strength: float = 0.3, **options: Any) -> None:
        super().__init__(**options)
        self.strength = strength

    def draw(self, batch: Any, shape: tuple[int, ...], seed: Any) -> Any:
        """Return (batch, 2) in -1..1: turned about the vertical and the horizontal."""
        return tf.random.stateless_uniform((batch, 2), seed, -1.0, 1.0)

    def change(self, images: Any, draws: Any, fill: Any) -> Any:
        """Return the images seen from aslant; their middle stays where it is."""
        height, width = images.shape[1], images.shape[2]
        middle_x, middle_y = (width - 1) / 2.0, (height - 1) / 2.0
        p = draws[:, 0] * self.strength / max(middle_x, 1.0)
        q = draws[:, 1] * self.strength / max(middle_y, 1.0)
        # Read at middle + (x, y) / (1 + p x + q y), x and y counted from the middle.
        k = 1.0 - p * middle_x - q * middle_y
        a = [(1.0 + p * middle_x) / k, q * middle_x / k, (middle_x * k - middle_x) / k]
        b = [p * middle_y / k, (1.0 + q * middle_y) / k, (middle_y * k - middle_y) / k]
        return tf.raw_ops.ImageProjectiveTransformV3(
            images=images,
            transforms=tf.stack([*a, *b, p / k, q / k], axis=1),
            output_shape=[height, width],
            fill_value=fill,
            interpolation="BILINEAR",
            fill_mode="CONSTANT",
        )


class RandomBlur(RandomChange):
    """Blurs each image with a Gaussian of its own width.

    Args:
        strength: Largest standard deviation in pixels, up to 3.
        fill: Background value, 0 to 255, beyond the border.
        seed: Seed of the draws in `call`.
    """

    def __init__(self, strength: float = 1.0, **options: Any) -> None:
        super().__init__(**options)
        self.strength = strength

    def draw(self, batch: Any, shape: tuple[int, ...], seed: Any) -> Any:
        """Return (batch, 1) in 0..1: the width, as a share of the largest."""
        return tf.random.stateless_uniform((batch, 1), seed)

    def change(self, images: Any, draws: Any, fill: Any) -> Any:
        """Return the blurred images."""
        reach = max(1, round(3 * self.strength))
        at = tf.range(-reach, reach + 1, dtype=tf.float32)
        sigma = tf.maximum(draws * self.strength, 1e-3)  # (batch, 1)
        kernel = tf.exp(-0.5 * tf.square(at / sigma))
        kernel /= tf.reduce_sum(kernel, axis=1, keepdims=True)  # (batch, 2 reach + 1)
        for axis in (1, 2):
            padding = [[0, 0], [0, 0], [0, 0], [0, 0]]
            padding[axis] = [reach, reach]
            padded = tf.pad(images, padding, constant_values=fill)
            size = images.shape[axis]
            shifted = [
                tf.gather(padded, tf.range(first, first + size), axis=axis)
                for first in range(2 * reach + 1)
            ]
            images = tf.einsum("kbhwc,bk->bhwc", tf.stack(shifted), kernel)
        return images
