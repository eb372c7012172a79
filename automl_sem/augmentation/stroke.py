"""Make strokes thicker or thinner, by a part of a pixel as well as by whole ones."""

from __future__ import annotations

import math
from typing import Any

import keras
import tensorflow as tf

from automl_sem.augmentation.base import RandomChange, framewise


@keras.saving.register_keras_serializable("automl_sem")
class RandomStroke(RandomChange):
    """Makes the strokes of each drawing thicker or thinner by an amount of its own.

    Thicker is grey dilation, an amount between whole pixels a mean of the two next to it. The
    neighbourhood is a cross, then a square, then a cross again: together nearly a disc, so
    that strokes of every direction grow alike (a square alone would grow slanted ones 1.4
    times as much). Thinner is grey erosion by the same, but what erosion would erase stays,
    as in a skeleton (Lantuéjoul 1978): the image loses what its opening has more than its
    erosion. A line of one or two pixels therefore keeps its ink.

    Args:
        stroke: Largest change in pixels at each side of a stroke.
        options: As of `RandomChange`. Strokes are dark if `fill` is bright.
    """

    def __init__(self, stroke: float = 0.0, **options: Any) -> None:
        super().__init__(**options)
        self.stroke = stroke

    def draw(self, batch: Any, shape: tuple[int, ...], seed: Any) -> Any:
        """Return amounts in pixels, (batch,), above 0 for thicker."""
        return tf.random.stateless_uniform((batch,), seed, -self.stroke, self.stroke)

    @framewise
    def change(self, images: Any, draws: Any, fill: Any) -> Any:
        """Return the images with their new strokes."""
        ink = tf.where(fill > 127.5, -1.0, 1.0)  # which way strokes differ from the background
        thicker = draws[:, None, None, None] > 0
        sign = tf.where(thicker, ink, -ink)
        # Erosion is the dilation of the negative, so one dilation does for both.
        now = images * sign
        amount = tf.abs(draws)[:, None, None, None]
        total = now
        for step in range(math.ceil(self.stroke)):
            dilate = square if step % 2 else cross
            grown = dilate(now)
            opened = -dilate(-grown)
            following = tf.where(thicker, grown, now + grown - opened)
            total += tf.clip_by_value(amount - step, 0.0, 1.0) * (following - now)
            now = following
        return total * sign


def cross(images: Any) -> Any:
    """Return the largest of each pixel and its four neighbours."""
    around = bordered(images)
    middle = around[:, 1:-1]
    upright = highest(around[:, :-2, 1:-1], images, around[:, 2:, 1:-1])
    return highest(middle[:, :, :-2], upright, middle[:, :, 2:])


def square(images: Any) -> Any:
    """Return the largest of each pixel and its eight neighbours."""
    around = bordered(images)
    upright = highest(around[:, :-2], around[:, 1:-1], around[:, 2:])
    return highest(upright[:, :, :-2], upright[:, :, 1:-1], upright[:, :, 2:])


def bordered(images: Any) -> Any:
    """Return images with a pixel around them that is never the largest."""
    return tf.pad(images, [[0, 0], [1, 1], [1, 1], [0, 0]], constant_values=-1e9)


def highest(first: Any, second: Any, third: Any) -> Any:
    """Return the largest of three; `max_pool` takes three times as long for one channel."""
    return tf.maximum(tf.maximum(first, second), third)
