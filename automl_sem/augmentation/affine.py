"""Rotate, scale, stretch, lean and shift, in one bilinear resampling."""

from __future__ import annotations

import math
from typing import Any

import keras
import tensorflow as tf

from automl_sem.augmentation.base import RandomChange, framewise


@keras.saving.register_keras_serializable("automl_sem")
class RandomAffine(RandomChange):
    """Rotates, scales, stretches, shears, shifts and mirrors each image by its own draws.

    All are put together into one matrix, so that an image is resampled once, bilinearly.

    Args:
        rotation: Largest angle in degrees, either way.
        scale: Largest change of size: 0.5 draws from 1/1.5 to 1.5 times, uniform in its
            logarithm.
        aspect: Largest change of width against height, likewise.
        shear: Largest angle in degrees that upright lines lean by.
        shift: Largest shift in x and in y, a share of the side.
        flip: Whether half of the images are mirrored left to right.
        fill: Background value, 0 to 255, of what comes into view.
        seed: Seed of the draws in `call`.
    """

    def __init__(
        self,
        rotation: float = 0.0,
        scale: float = 0.0,
        aspect: float = 0.0,
        shear: float = 0.0,
        shift: float = 0.0,
        flip: bool = False,
        **options: Any,
    ) -> None:
        super().__init__(**options)
        self.rotation = rotation
        self.scale = scale
        self.aspect = aspect
        self.shear = shear
        self.shift = shift
        self.flip = flip

    def draw(self, batch: Any, shape: tuple[int, ...], seed: Any) -> Any:
        """Return (batch, 7) in -1..1: angle, scale, aspect, shear, shift in x and y, mirror."""
        return tf.random.stateless_uniform((batch, 7), seed, -1.0, 1.0)

    @framewise
    def change(self, images: Any, draws: Any, fill: Any) -> Any:
        """Return the resampled images."""
        height, width = images.shape[1], images.shape[2]
        angle = draws[:, 0] * math.radians(self.rotation)
        scale = tf.exp(draws[:, 1] * math.log1p(self.scale))
        stretch = tf.exp(draws[:, 2] * math.log1p(self.aspect) / 2)
        lean = tf.tan(draws[:, 3] * math.radians(self.shear))
        mirror = tf.where(draws[:, 6] < 0, -1.0, 1.0) if self.flip else 1.0
        # An output pixel p is read at c + M (p - c - shift), with M = mirror lean stretch
        # rotation / scale.
        cos, sin = tf.cos(angle) / scale, tf.sin(angle) / scale
        top = [cos / stretch, -sin / stretch]
        bottom = [sin * stretch, cos * stretch]
        top = [mirror * (a + lean * b) for a, b in zip(top, bottom, strict=True)]
        center_x, center_y = (width - 1) / 2.0, (height - 1) / 2.0
        from_x = center_x + draws[:, 4] * self.shift * width
        from_y = center_y + draws[:, 5] * self.shift * height
        a = center_x - top[0] * from_x - top[1] * from_y
        b = center_y - bottom[0] * from_x - bottom[1] * from_y
        zero = tf.zeros_like(a)
        return tf.raw_ops.ImageProjectiveTransformV3(
            images=images,
            transforms=tf.stack([*top, a, *bottom, b, zero, zero], axis=1),
            output_shape=[height, width],
            fill_value=fill,
            interpolation="BILINEAR",
            fill_mode="CONSTANT",
        )
