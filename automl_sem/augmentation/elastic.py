"""Warp images smoothly, as if drawn by another hand."""

from __future__ import annotations

from typing import Any

import keras
import numpy as np
import tensorflow as tf

from automl_sem.augmentation.base import RandomChange, framewise
from automl_sem.types import Floats

CELLS = 4  # along a side


@keras.saving.register_keras_serializable("automl_sem")
class RandomElastic(RandomChange):
    """Moves the pixels of each image by a smooth random field (Simard et al. 2003).

    The field is a cubic B-spline on a grid of 4 by 4 cells, which does for a few draws what
    smoothing a draw for each pixel does: it is as smooth as their sigma of 4 pixels on 29,
    and `elastic=0.16` is as strong as their alpha of 34. Most pixels move by a third of the
    largest displacement or less.

    Simard, Steinkraus and Platt: Best practices for convolutional neural networks applied to
    visual document analysis. ICDAR 2003.

    Args:
        elastic: Largest displacement, a share of the side.
        options: As of `RandomChange`.
    """

    def __init__(self, elastic: float = 0.0, **options: Any) -> None:
        super().__init__(**options)
        self.elastic = elastic

    def draw(self, batch: Any, shape: tuple[int, ...], seed: Any) -> Any:
        """Return (batch, 2, knots, knots) in -1..1: displacement in y and x."""
        return tf.random.stateless_uniform((batch, 2, CELLS + 3, CELLS + 3), seed, -1.0, 1.0)

    @framewise
    def change(self, images: Any, draws: Any, fill: Any) -> Any:
        """Return the warped images."""
        height, width = images.shape[1], images.shape[2]
        field = spline(height) @ draws @ spline(width).T  # (batch, 2, height, width)
        rows, columns = np.mgrid[:height, :width].astype(np.float32)
        return sample(
            images,
            rows + field[:, 0] * (self.elastic * height),
            columns + field[:, 1] * (self.elastic * width),
            fill,
        )


def spline(side: int) -> Floats:
    """Return the weights of the knots for each pixel of a side, (side, knots)."""
    weights: Floats = knot_weights((np.arange(side) + 0.5) * CELLS / side).astype(np.float32)
    return weights


def knot_weights(at: Any) -> Any:
    """Return the weights of a cubic B-spline's knots, (..., knots).

    Args:
        at: Where, in cells from the first one's beginning, (...); an array or a tensor.
    """
    distance = abs(at[..., None] - np.arange(-1, CELLS + 2, dtype=np.float32))
    return (_ramp(2 - distance) ** 3 - 4 * _ramp(1 - distance) ** 3) / 6


def _ramp(values: Any) -> Any:
    """Return values, 0 for those below 0."""
    return (values + abs(values)) / 2


def sample(images: Any, rows: Any, columns: Any, fill: Any) -> Any:
    """Return images read between pixels, bilinearly, with background around them.

    Args:
        images: (batch, height, width, channels).
        rows: Where to read, (batch, height, width), 0 being the middle of the first row.
        columns: Likewise.
        fill: Background value.
    """
    batch = tf.shape(images)[0]
    height, width, channels = images.shape[1:]
    # With two pixels of background at the end and one at the start, a place outside can be
    # moved to the border without change.
    around = tf.pad(images - fill, [[0, 0], [1, 2], [1, 2], [0, 0]])
    rows = tf.clip_by_value(rows + 1, 0.0, height + 1.0)
    columns = tf.clip_by_value(columns + 1, 0.0, width + 1.0)
    top, left = tf.floor(rows), tf.floor(columns)
    across = (columns - left)[..., None]
    wide = width + 3
    image = tf.range(batch)[:, None, None] * ((height + 3) * wide)
    corner = image + tf.cast(top, tf.int32) * wide + tf.cast(left, tf.int32)
    pixels = tf.reshape(around, (-1, channels))

    def between(first: Any) -> Any:
        """Return the values between a pixel and the one right of it."""
        left_value, right_value = tf.gather(pixels, first), tf.gather(pixels, first + 1)
        return left_value + across * (right_value - left_value)

    above = between(corner)
    return above + (rows - top)[..., None] * (between(corner + wide) - above) + fill
