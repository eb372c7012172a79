"""Paint a square over, so that no part of an image is relied upon alone."""

from __future__ import annotations

from typing import Any

import keras
import numpy as np
import tensorflow as tf

from automl_sem.augmentation.base import RandomChange, framewise


@keras.saving.register_keras_serializable("automl_sem")
class RandomCutout(RandomChange):
    """Paints a square of background over a place of each image (DeVries and Taylor 2017).

    Its middle is anywhere in the image, as in arXiv 1708.04552, so part of it may lie outside.
    There it has the mean of the data; here it has the background, since a grey square on a
    drawing is one more shape, while a gap in a stroke is what real drawings have.

    Args:
        cutout: Largest side of the square, a share of the image's shorter side.
        options: As of `RandomChange`.
    """

    def __init__(self, cutout: float = 0.0, **options: Any) -> None:
        super().__init__(**options)
        self.cutout = cutout

    def draw(self, batch: Any, shape: tuple[int, ...], seed: Any) -> Any:
        """Return (batch, 3) in 0..1: side, and the middle in y and x."""
        return tf.random.stateless_uniform((batch, 3), seed)

    @framewise
    def change(self, images: Any, draws: Any, fill: Any) -> Any:
        """Return the images with their squares."""
        height, width = images.shape[1], images.shape[2]
        half = draws[:, 0] * (self.cutout * min(height, width) / 2)
        rows = covered(height, draws[:, 1] * height, half)
        columns = covered(width, draws[:, 2] * width, half)
        painted = (rows[:, :, None] * columns[:, None, :])[..., None]
        return images + painted * (fill - images)


def covered(side: int, middle: Any, half: Any) -> Any:
    """Return how much of each pixel lies within `half` of the middle, (batch, side), 0 to 1.

    Args:
        side: Pixels.
        middle: In pixels from the image's edge, (batch,).
        half: In pixels, (batch,).
    """
    first = np.arange(side, dtype=np.float32)
    end = tf.minimum(first + 1, (middle + half)[:, None])
    return tf.maximum(0.0, end - tf.maximum(first, (middle - half)[:, None]))
