"""Distortions that nothing trains on: they show how a network fares with what it never met."""

from __future__ import annotations

from typing import Any

import tensorflow as tf

from automl_sem.augmentation.base import RandomChange, framewise
from automl_sem.augmentation.elastic import CELLS, knot_weights
from automl_sem.augmentation.padding import keep_padding, lengths


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

    @framewise
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

    @framewise
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


class RandomDrift(RandomChange):
    """Lets the values of each series wander slowly, as a sensor's do that warms up.

    Each channel has a curve of its own, a cubic B-spline of 7 knots over the series.

    Args:
        strength: Largest offset, a share of a channel's standard deviation.
        seed: Seed of the draws in `call`.
    """

    def __init__(self, strength: float = 0.5, **options: Any) -> None:
        super().__init__(**options)
        self.strength = strength

    def draw(self, batch: Any, shape: tuple[Any, ...], seed: Any) -> Any:
        """Return (batch, knots, channels) in -1..1: offsets."""
        return tf.random.stateless_uniform((batch, CELLS + 3, shape[-1]), seed, -1.0, 1.0)

    def change(self, images: Any, draws: Any, fill: Any) -> Any:
        """Return the series with what is added; padding stays NaN."""
        at = tf.range(tf.shape(images)[1])
        cells = CELLS / tf.maximum(lengths(images), 1.0)
        weights = knot_weights((tf.cast(at, tf.float32) + 0.5) * cells)  # (batch, time, knots)
        return images + self.strength * (weights @ draws)


class RandomSmoothing(RandomChange):
    """Smooths each series by a moving average of its own width, as a slow sensor does.

    Args:
        strength: Largest width, a share of the length.
        seed: Seed of the draws in `call`.
    """

    def __init__(self, strength: float = 0.1, **options: Any) -> None:
        super().__init__(**options)
        self.strength = strength

    def draw(self, batch: Any, shape: tuple[Any, ...], seed: Any) -> Any:
        """Return (batch, 1) in 0..1: the width, as a share of the largest."""
        return tf.random.stateless_uniform((batch, 1), seed)

    def change(self, images: Any, draws: Any, fill: Any) -> Any:
        """Return means over what lies within the width and within the series."""
        long = tf.maximum(lengths(images), 1.0)
        half = (1.0 + draws * self.strength * long) / 2  # never less than a step
        middle = tf.range(tf.cast(tf.shape(images)[1], tf.float32)) + 0.5
        first = tf.clip_by_value(middle - half, 0.0, long - 1)
        end = tf.minimum(tf.maximum(middle + half, 1.0), long)
        values = tf.where(tf.math.is_nan(images), 0.0, images)
        sums = tf.cumsum(tf.cast(values, tf.float64), axis=1, exclusive=True)

        def up_to(places: Any) -> Any:
            """Return the integral of the values, each of which lasts for a step."""
            whole = tf.minimum(tf.cast(places, tf.int32), tf.cast(long, tf.int32) - 1)
            rest = tf.cast(places - tf.cast(whole, tf.float32), tf.float64)[..., None]
            value = tf.cast(tf.gather(values, whole, batch_dims=1), tf.float64)
            return tf.gather(sums, whole, batch_dims=1) + rest * value

        width = tf.cast(end - first, tf.float64)[..., None]
        means = tf.cast((up_to(end) - up_to(first)) / tf.maximum(width, 1e-9), tf.float32)
        return keep_padding(means, images)
